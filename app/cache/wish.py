"""From what a caller said to the words of the wish: courtesies, hesitations and repeated words taken off."""

import re
import unicodedata
from functools import lru_cache

from app.cache.manners import Manners

_WORD = re.compile(r"[^\W_]+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_TWICE = re.compile(r"\b(\w+(?: \w+){0,3})(?: \1\b)+")


def plain(text: str) -> str:
    """Small letters, no accents, one kind of apostrophe."""
    text = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", text))


def wish(text: str, manners: Manners) -> list[str]:
    """The words that are left, each in its stem."""
    said = plain(text)
    for pattern, written in manners.spelled:
        said = pattern.sub(written, said)
    said = " ".join(word for word in _WORD.findall(said) if word not in manners.fillers)
    said = _TWICE.sub(r"\1", said)
    if manners.frames is not None and (opening := manners.frames.match(said)):
        said = said[opening.end() :]
    return [stem(word) for word in said.split()]


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Without the plural's s. Other endings stay: "parked" is not "park", for it tells and does not ask."""
    if len(word) > 3 and word.endswith("s") and word[-2] not in "sui":
        return word[:-1]
    return word
