"""Numbers as people say them, turned into figures: "order four seven one two" becomes "order 4712".

A run of number words is read the way callers read numbers out: each part that is a number by itself ("forty seven",
"twelve", "two hundred") is written down and the parts are put side by side, so "forty seven twelve" is 4712 as well.
A lone "one" stays a word ("one question"), and "to", "for" and "ate" become figures only inside or at the end of a run,
where a recogniser writes them for 2, 4 and 8.
"""

from app.content.numbers import ENGLISH_NAMES, NUMERALS, REPEATS

UNITS = {word: number for number, word in ENGLISH_NAMES.items() if number < 10}
TEENS = {word: number for number, word in ENGLISH_NAMES.items() if 10 <= number < 20}
TENS = {word: number for number, word in ENGLISH_NAMES.items() if number >= 20}
SCALES = NUMERALS["en"].times
SOUNDS_LIKE = {"oh": "zero", "o": "zero", "won": "one", "to": "two", "too": "two", "for": "four", "ate": "eight"}
BELOW_TWENTY = {**UNITS, **TEENS}
NUMBER_WORDS = {**BELOW_TWENTY, **TENS, **SCALES}


def with_figures(text: str) -> str:
    """`text` (words in small letters, as a recogniser gives them) with its spoken numbers as figures."""
    words = text.replace("-", " ").split()
    out: list[str] = []
    at = 0
    while at < len(words):
        end = _run_end(words, at)
        if end == at:
            out.append(words[at])
            at += 1
            continue
        run = [SOUNDS_LIKE.get(word, word) for word in words[at:end]]
        out.append(run[0] if run == ["one"] else figures(run))
        at = end
    return " ".join(out)


def _run_end(words: list[str], at: int) -> int:
    """Where the run of number words that begins at `at` ends; `at` itself when none begins there."""
    end = at
    while end < len(words):
        word, after = words[end], words[end + 1] if end + 1 < len(words) else ""
        if word in NUMBER_WORDS and not (end == at and word in SCALES):
            end += 1
        elif word in REPEATS and after in UNITS:
            end += 2
        elif word in SOUNDS_LIKE and _belongs(words, at, end):
            end += 1
        else:
            break
    return end


def _belongs(words: list[str], at: int, here: int) -> bool:
    """A word that only sounds like a figure counts between figures, or as the last word after at least two of them."""
    between = here > at and here + 1 < len(words) and words[here + 1] in NUMBER_WORDS
    last = here - at >= 2 and here + 1 == len(words)
    return between or last


def figures(run: list[str]) -> str:
    """A run of number words as one row of figures."""
    out = ""
    at = 0
    while at < len(run):
        times = REPEATS.get(run[at], 0)
        if times:
            out += str(UNITS[run[at + 1]]) * times
            at += 2
        else:
            value, at = _one_number(run, at)
            out += str(value)
    return out


def _one_number(run: list[str], at: int) -> tuple[int, int]:
    """The longest number that reads as one from `at`: (its value, where it ends)."""
    value, at = _below_hundred(run, at)
    total = 0
    while at < len(run) and run[at] in SCALES:
        scale = SCALES[run[at]]
        value, at = value * scale, at + 1
        if scale == 1000:
            total, value = total + value, 0
        if at < len(run) and run[at] not in SCALES and run[at] not in REPEATS and run[at] != "zero":
            more, at = _below_hundred(run, at)
            value += more
    return total + value, at


def _below_hundred(run: list[str], at: int) -> tuple[int, int]:
    word = run[at]
    if word in TENS:
        following = UNITS.get(run[at + 1], 0) if at + 1 < len(run) else 0
        return TENS[word] + following, at + (2 if following else 1)
    return (SCALES[word] if word in SCALES else BELOW_TWENTY[word]), at + 1
