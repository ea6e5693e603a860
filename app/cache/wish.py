"""From what a caller said to the words of the wish: courtesies, hesitations and repeated words taken off."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from app.cache.manners import Manners

_WORD = re.compile(r"[^\W_]+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_WHOLE = frozenset(["morning", "evening", "nothing", "anything", "something", "everything", "during", "string"])
_TWICE = re.compile(r"\b(\w+(?: \w+){0,3})(?: \1\b)+")


def plain(text: str) -> str:
    """Small letters, no accents, one kind of apostrophe."""
    text = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", text))


def wish(text: str, manners: Manners) -> list[str]:
    """The words that are left, each in its stem, or the first of its synonyms."""
    said = plain(text)
    for pattern, written in manners.spelled:
        said = pattern.sub(written, said)
    said = " ".join(word for word in _WORD.findall(said) if word not in manners.fillers)
    said = _TWICE.sub(r"\1", said)
    if manners.frames is not None and (opening := manners.frames.match(said)):
        said = said[opening.end() :]
    if manners.endings is not None:
        said = manners.endings.sub("", said)
    stems = map(stem, said.split())
    return [manners.same.get(word, word) for word in stems]


def kind_of(words: Sequence[str], manners: Manners) -> str:
    """What is asked about, as `manners` names it; "" where it is no question."""
    said = " ".join(words)
    found = next((found for kinds in manners.kinds if (found := kinds.search(said))), None)
    return found.lastgroup or "" if found is not None else ""


def clauses(words: Sequence[str], manners: Manners) -> list[list[str]]:
    """The wish parted at every "and". A part that asks nothing by itself is taken to ask what the first does: "do you
    take cash or card" is "do you take cash" and "do you take card"."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in manners.joints:
            parts.append([])
        else:
            parts[-1].append(word)
    first, *others = [part for part in parts if part] or [[]]
    return [first, *(part if part[0] in manners.openers else [*first[: -len(part)], *part] for part in others)]


def asks_twice(words: Sequence[str], manners: Manners) -> bool:
    """Whether a question begins after an "and"."""
    return any(one in manners.joints and other in manners.openers for one, other in pairwise(words))


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Without the plural's s and without -ing. Other endings stay: "parked" is not "park", for it tells and does not
    ask."""
    if len(word) > 3 and word.endswith("s") and word[-2] not in "sui":
        return word[:-1]
    if len(word) > 5 and word.endswith("ing") and word not in _WHOLE:
        root = word[:-3]
        if root[-1] == root[-2] and root[-1] not in "ls":
            return root[:-1]
        return root
    return word
