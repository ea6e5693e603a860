"""Words as sound: whether two wordings are said alike, and how many syllables a wording has. Pure.

Written two ways, said one way: "$45" and "forty-five dollars", "9:30" and "nine thirty", "Goodbye!" and "goodbye".
Numbers, money and clock times are understood in English and Spanish, case and punctuation in every language.
"""

import re
import unicodedata
from collections.abc import Mapping

from app.content.numbers import in_figures, in_words

SIGNS: Mapping[str, Mapping[str, str]] = {
    "en": {"%": "percent", "&": "and", "@": "at", "#": "number", "+": "plus", "to": "to", "point": "point"},
    "es": {"%": "por ciento", "&": "y", "@": "arroba", "#": "número", "+": "más", "to": "a", "point": "punto"},
}
MONEY = {
    "en": {"$": "dollars", "€": "euros", "£": "pounds"},
    "es": {"$": "dólares", "€": "euros", "£": "libras"},
}
ONE_OF = {"dollar": "dollars", "euro": "euros", "pound": "pounds", "dólar": "dólares", "libra": "libras"}
CENTS = {"cent", "cents", "centavo", "centavos", "céntimo", "céntimos"}
BEFORE_CENTS = {"and", "y", "con"}

_CLOCK = re.compile(r"\b(\d{1,2}):(\d\d)\b")
_NOON = re.compile(r"\b([ap])\.?\s?m\b\.?")
_O_CLOCK = re.compile(r"\bo'?\s?clock\b")
_PRICE = re.compile(r"([$€£])\s?(\d[\d,]*)(?:\.(\d\d))?(?!\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DECIMAL = re.compile(r"(?<=\d)\.(?=\d)")
_RANGE = re.compile(r"(?<!\d)(\d{1,2}(?:\s?[ap]m)?)\s?[-–—]\s?(?=\d{1,2}(?!\d))")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|[.]?[ºª])")
_BETWEEN = re.compile(r"(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)")
_WORD = re.compile(r"[^\W_]+")


def same_words(one: str, other: str, language: str) -> bool:
    """Whether both are said alike. White space counts for nothing: "e-mail" is "email", "47 12" is "4712"."""
    return "".join(words_of(one, language)) == "".join(words_of(other, language))


def words_of(text: str, language: str) -> list[str]:
    """`text` as words in small letters, with signs spelled out and numbers as figures."""
    short = language.partition("-")[0]
    text = unicodedata.normalize("NFC", text).casefold().replace("’", "'")
    text = _written_out(text, short) if short in SIGNS else text
    words = _WORD.findall(_BETWEEN.sub(" ", text.replace("'", "")))
    return _money_as_signs(in_figures(words, short)) if short in SIGNS else words


def _written_out(text: str, language: str) -> str:
    signs, money = SIGNS[language], MONEY[language]
    text = _NOON.sub(r"\1m", _O_CLOCK.sub("", text))
    text = _CLOCK.sub(lambda clock: clock[1] if clock[2] == "00" else f"{clock[1]} {clock[2]}", text)
    text = _THOUSANDS.sub("", _ORDINAL.sub("", text))
    text = _PRICE.sub(lambda price: f" {price[2]} {money[price[1]]} {_small_money(price[3])} ", text)
    text = _DECIMAL.sub(f" {signs['point']} ", _RANGE.sub(rf"\1 {signs['to']} ", text))
    for sign in "%&@#+":
        text = text.replace(sign, f" {signs[sign]} ")
    return text


def _small_money(cents: str | None) -> str:
    return cents if cents and cents != "00" else ""


def _money_as_signs(words: list[str]) -> list[str]:
    """ "45 dollars and 50 cents" as "$45.50" comes out: "45 dollars 50"."""
    out: list[str] = []
    for word in (ONE_OF.get(word, word) for word in words):
        if word in CENTS and len(out) > 1 and out[-1].isdecimal():
            if out[-2] in BEFORE_CENTS and len(out) > 2 and out[-3] in ONE_OF.values():
                del out[-2]
            if out[-2] in ONE_OF.values():
                continue
        out.append(word)
    return out


# --- syllables ----------------------------------------------------------------------------------------------------

_VOWELS = "aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿœ"
_GROUP = re.compile(f"[{_VOWELS}]+")
_STRONG = re.compile("[aeoáéíóú]")  # in Spanish each is a syllable's own
_SILENT_E = re.compile(r"[^aeiouy](?<!l)e$|[^aeiouytdr]ed$|[^aeiouyszcgxlh]es$")


def syllables(text: str, language: str) -> int:
    """An estimate, right to about one in ten: figures as they are likely to be read, letters without vowels spelled."""
    count = 0
    for word in words_of(text, language):
        for said in in_words(word, language) if word.isdecimal() else [word]:
            count += _of_word(said, language.partition("-")[0])
    return count


def _of_word(word: str, language: str) -> int:
    groups = _GROUP.findall(word)
    if not groups:
        return len(word)
    if language == "es":
        return sum(max(1, len(_STRONG.findall(group))) for group in groups)
    silent = language == "en" and len(groups) > 1 and _SILENT_E.search(word) is not None
    return len(groups) - silent
