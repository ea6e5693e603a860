"""How words sound, roughly: so that "what are your ours" still asks for the hours after a recogniser misheard it."""

import re
from functools import lru_cache

NEAR = 0.75  # the least likeness of two words that one may have been heard for the other
ALIKE = 0.6  # the same of whole stretches of words
NEARLY = 0.58  # the same of letters and sounds, of a word that its neighbours speak for
SHORTEST = 4  # a shorter word is like too many others to be told apart by an edit

_VOICELESS = str.maketrans("bdgjvz", "ptkxfs")
_RULES = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"^one", "wan"),
        (r"^y(?=[aeiou])", "j"),
        (r"^wh(?=o)", "h"),
        (r"^kn", "n"),
        (r"^wr", "r"),
        (r"ph", "f"),
        (r"wh", "w"),
        (r"gh", ""),
        (r"tch|ch|sh", "x"),
        (r"dg|g(?=[ei])", "j"),
        (r"c(?=[eiy])|z", "s"),
        (r"ck|c|q", "k"),
        (r"(?<=[^aeioudt])ed$", "d"),
        (r"v", "b"),
        (r"h", ""),
        (r"(?<=[^aeiou])e$", ""),
        (r"[aeiouy]+w?", "a"),
        (r"(.)\1+", r"\1"),
    )
)


@lru_cache(maxsize=20_000)
def sound(word: str) -> str:
    """The word as its consonants, with one letter for any run of vowels."""
    for pattern, heard in _RULES:
        word = pattern.sub(heard, word)
    return word


@lru_cache(maxsize=50_000)
def likeness(one: str, other: str) -> float:
    """1 for the same word, 0 where one would hardly be heard for the other."""
    if one == other:
        return 1.0
    first, second = sound(one), sound(other)
    if first == second and not _apart(one, other):
        return 0.9 if len(first) > 2 else 0.7 if len(first) == 2 else 0.0
    if _grown(one, other) or _grown(other, one):
        return NEAR
    if min(len(first), len(second)) < SHORTEST or first[0] != second[0] or _apart(one, other):
        return 0.0
    like = 1 - _edits(first, second) / max(len(first), len(second))
    return like if like >= NEAR else 0.0


@lru_cache(maxsize=20_000)
def alike(heard: str, meant: str) -> float:
    """`likeness` of stretches of words, each written as one."""
    first, second = sound(heard), sound(meant)
    if min(len(first), len(second)) < SHORTEST - 1 or max(len(first), len(second)) < SHORTEST:
        return 0.0
    like = 1 - _edits(first, second) / max(len(first), len(second))
    return like if like >= ALIKE else 0.0


@lru_cache(maxsize=20_000)
def nearly(heard: str, meant: str) -> float:
    """A looser `likeness`, of letters and of sounds with no voice ("addressed", "a test"); for where all that stands
    around the word speaks for it."""
    first, second = (sound(word).translate(_VOICELESS) for word in (heard, meant))
    letters = 1 - _edits(heard, meant) / max(len(heard), len(meant))
    sounds = 1 - _edits(first, second) / max(len(first), len(second), 1)
    like = (letters + sounds) / 2
    return like if like >= NEARLY else 0.0


def joined(one: str, other: str, whole: str) -> bool:
    """Whether two words in a row may be `whole`, parted in the wrong place ("a dress")."""
    together = one + other
    if abs(len(together) - len(whole)) > 2 or sound(together) != sound(whole):
        return False
    return _edits(together, whole) * 5 <= len(whole)


def _apart(one: str, other: str) -> bool:
    """ "sale" and "sell": the same consonants are not yet the same sound."""
    return 3 * _edits(one, other) > max(len(one), len(other))


def _grown(word: str, longer: str) -> bool:
    """ "park" and "parked": the end of a word is what a telephone loses."""
    return len(word) >= SHORTEST and longer.startswith(word) and len(longer) - len(word) <= 2


def _edits(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        before, row[0] = row[0], at
        for place, against in enumerate(other, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (letter != against)),
            )
    return row[-1]
