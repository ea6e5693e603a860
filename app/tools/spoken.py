"""Numbers that a model has left as the caller said them. Pure; English and Spanish digits, English numerals.

Only for arguments that must be numbers or digits: free text is never touched.
"""

import re

from app.content.numbers import ENGLISH_NAMES, NUMERALS, REPEATS, SPANISH_NAMES

ENGLISH = NUMERALS["en"]

DIGITS = {names[figure]: str(figure) for names in (ENGLISH_NAMES, SPANISH_NAMES) for figure in range(10)}
DIGITS |= {word: "0" for word in ENGLISH.zeros}
SMALL = {word: number for number, word in (*ENGLISH_NAMES.items(), *list(SPANISH_NAMES.items())[:10])}
BIG = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}


def digits_in(spoken: str) -> str:
    """`four seven one two`, `47 12`, `double one` and `order 4712` -> their digits."""
    found, times = "", 1
    for word in re.findall(r"[^\W\d_]+|\d", spoken.lower()):
        digit = word if word.isdecimal() else DIGITS.get(word, "")
        found += digit * times
        times = REPEATS.get(word, 1)
    return found


def number_in(spoken: str) -> float | None:
    """`twenty-one`, `one hundred and five`, `two point five`, `minus 3`, `1,200`, `four seven one` (471); `None` where
    the text is more than a number."""
    text = spoken.strip().lower().rstrip(".")
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    try:
        return float(text) if re.fullmatch(r"[-+]?\d+(\.\d+)?", text) else _in_words(text)
    except ValueError:
        return None


def _in_words(text: str) -> float | None:
    words = re.findall(r"[^\W_]+", text.replace("-", " "))
    if words[:1] == ["minus"]:
        positive = _in_words(" ".join(words[1:]))
        return None if positive is None else -positive
    if "point" in words:
        at = words.index("point")
        whole, part = _whole(words[:at]), "".join(DIGITS.get(word, "?") for word in words[at + 1 :])
        return float(f"{whole}.{part}") if whole is not None and part.isdecimal() else None
    whole = _whole(words)
    return None if whole is None else float(whole)


def _whole(words: list[str]) -> int | None:
    words = [word for word in words if word not in {"and", "a"}]
    if not words:
        return None
    if len(words) > 1 and all(word in DIGITS for word in words):
        return int("".join(DIGITS[word] for word in words))
    total = current = 0
    for word in words:
        if word in SMALL:
            current += SMALL[word]
        elif word == "hundred":
            current = max(1, current) * 100
        elif word in BIG:
            total, current = total + max(1, current) * BIG[word], 0
        else:
            return None
    return total + current
