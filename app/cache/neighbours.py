"""What stands between which words in the examples of a phrase: so that a strange word can be taken for the one that it
was heard for ("which brands do you smell"). Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from app.cache.manners import Manners
from app.cache.sound import nearly

type Around = tuple[str, ...]


@dataclass(slots=True)
class Neighbours:
    _between: dict[Around, dict[str, str]] = field(default_factory=dict)  # what stands around -> heard -> meant

    def add(self, words: Sequence[str], manners: Manners, generic: Collection[str]) -> None:
        """Of one example. Each word may be heard by any of its synonyms, or as one with the word of grammar before it:
        "a test" as "addressed"."""
        for at, word in enumerate(words):
            if word in manners.light or word in generic:
                continue
            forms = (word, *(other for other, first in manners.same.items() if first == word))
            self._between.setdefault(_around(words, at, at, manners), {}).update(dict.fromkeys(forms, word))
            if at and words[at - 1] in manners.light:
                together = {words[at - 1] + form: word for form in forms}
                self._between.setdefault(_around(words, at - 1, at, manners), {}).update(together)

    def meant(self, words: Sequence[str], at: int, manners: Manners) -> tuple[float, str]:
        """How like the word at that place is to one that stands so in an example, and that one; (0, "") for none."""
        forms = self._between.get(_around(words, at, at, manners), {})
        found = ((nearly(words[at], form), meant) for form, meant in forms.items() if meant not in words)
        return max((pair for pair in found if pair[0]), default=(0.0, ""))


def _around(words: Sequence[str], first: int, last: int, manners: Manners) -> Around:
    """The word on either side of a stretch, and the next that is no word of grammar; "" for none."""
    sides = words[:first][::-1], words[last + 1 :]
    near = [side[0] if side else "" for side in sides]
    return *near, *(next((word for word in side if word not in manners.light), "") for side in sides)
