"""From the catalogue to the matcher: which phrase answers which of a caller's questions."""

from collections.abc import Iterator

from app.cache.catalogue import Catalogue
from app.cache.match import Examples, Matcher


def examples_of(catalogue: Catalogue) -> Iterator[Examples]:
    """What callers ask, of every phrase that answers something, by language."""
    for name, entry in catalogue.phrases.items():
        for language, lines in entry.examples.items():
            if entry.intents and lines:
                yield Examples(name, entry.intents[0], language, lines)


def matcher_of(catalogue: Catalogue) -> Matcher:
    """About 5 ms for a dozen phrases, 80 ms for two hundred of fifteen examples."""
    return Matcher(examples_of(catalogue))
