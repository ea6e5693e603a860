"""Numbers as they are said, in English and Spanish: words to figures, and figures to words. Pure.

`in_figures` reads a run of number words as people mean it: what belongs together is added up ("one hundred and five" is
105, "treinta y cinco" 35), what does not is set side by side ("nine thirty" is 930, "four seven one two" 4712). So two
ways to write the same number come out as the same figures once spaces are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numerals:
    """One language's. `names` are the words said for a number, `values` all that mean one (ordinals, other genders);
    `times` multiply what stands before them; `joins` may stand between numbers; `zeros` are words that are a zero only
    beside a number; `articles` are left out before `times` ("a hundred")."""

    names: Mapping[int, str]
    values: Mapping[str, int]
    times: Mapping[str, int]
    joins: frozenset[str]
    zeros: frozenset[str] = frozenset()
    articles: frozenset[str] = frozenset()


def _from(first: int, words: str, step: int = 1) -> dict[int, str]:
    return {first + step * place: word for place, word in enumerate(words.split())}


def _values(names: Mapping[int, str]) -> dict[str, int]:
    return {word: number for number, word in names.items()}


ENGLISH_NAMES = {
    **_from(0, "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"),
    **_from(16, "sixteen seventeen eighteen nineteen"),
    **_from(20, "twenty thirty forty fifty sixty seventy eighty ninety", 10),
}
SPANISH_NAMES = {
    **_from(0, "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis"),
    **_from(17, "diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco"),
    **_from(26, "veintiséis veintisiete veintiocho veintinueve"),
    **_from(30, "treinta cuarenta cincuenta sesenta setenta ochenta noventa", 10),
    **_from(100, "cien doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos", 100),
    900: "novecientos",
}
NUMERALS = {
    "en": Numerals(
        names=ENGLISH_NAMES,
        values={
            **_values(ENGLISH_NAMES),
            **_values(_from(1, "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")),
            **_values(_from(13, "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth")),
            **_values(_from(20, "twentieth thirtieth", 10)),
        },
        times={"hundred": 100, "thousand": 1000},
        joins=frozenset({"and"}),
        zeros=frozenset({"oh", "o"}),
        articles=frozenset({"a"}),
    ),
    "es": Numerals(
        names=SPANISH_NAMES,
        values={
            **_values(SPANISH_NAMES),
            **_values(_from(1, "primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo")),
            **_values(_from(1, "primera segunda tercera cuarta quinta sexta séptima octava novena décima")),
            **{"un": 1, "una": 1, "primer": 1, "tercer": 3, "veintiún": 21, "veintiuna": 21, "ciento": 100},
            **{"media": 30, "doscientas": 200, "trescientas": 300, "quinientas": 500},
        },
        times={"mil": 1000},
        joins=frozenset({"y"}),
    ),
}
REPEATS = {"double": 2, "triple": 3}  # of figures read one by one, in English
LONGEST_NUMBER = 3  # figures; longer ones are taken to be read one by one


def in_figures(words: Sequence[str], language: str) -> list[str]:
    """`words` (in small letters) with every number as figures. A language without numerals here stays as it is."""
    numerals = NUMERALS.get(language.partition("-")[0])
    return _Reading(numerals, words).done() if numerals is not None else list(words)


class _Reading:
    """One pass over the words. `_sum` is the number being put together, `_last` what was added to it last."""

    def __init__(self, numerals: Numerals, words: Sequence[str]) -> None:
        self._numerals = numerals
        self._words = words
        self._out: list[str] = []
        self._sum: int | None = None
        self._last = 0

    def done(self) -> list[str]:
        for at, word in enumerate(self._words):
            value = self._numerals.values.get(word)
            if word in self._numerals.zeros and (self._is_number(at - 1) or self._is_number(at + 1)):
                value = 0
            if (times := self._numerals.times.get(word)) is not None:
                self._multiply(times)
            elif value is not None:
                self._add(value)
            elif word.isdecimal():
                self._figures(word, at)
            elif not self._is_dropped(word, at):
                self._write()
                self._out.append(word)
        self._write()
        return self._out

    def _is_number(self, at: int) -> bool:
        if not 0 <= at < len(self._words):
            return False
        word = self._words[at]
        return word.isdecimal() or word in self._numerals.times or word in self._numerals.values

    def _is_dropped(self, word: str, at: int) -> bool:
        following = self._words[at + 1] if at + 1 < len(self._words) else ""
        if word in self._numerals.articles and following in self._numerals.times:
            return True
        return word in self._numerals.joins and self._is_number(at - 1) and self._is_number(at + 1)

    def _figures(self, word: str, at: int) -> None:
        """Figures stand for themselves; only a word that multiplies belongs to them ("2 thousand")."""
        self._write()
        following = self._words[at + 1] if at + 1 < len(self._words) else ""
        if following in self._numerals.times:
            self._sum, self._last = int(word), int(word)
        else:
            self._out.append(word)

    def _multiply(self, times: int) -> None:
        part = (self._sum or 0) % (10 * times)  # of "one thousand two", "hundred" means the two
        if self._sum is None or not 0 < part < times:
            self._write()
            self._sum, part = 1, 1
        self._sum, self._last = self._sum + part * (times - 1), times

    def _add(self, value: int) -> None:
        if self._sum is not None and self._last >= 20 and value and self._last % 10 ** len(str(value)) == 0:
            self._sum += value
        else:
            self._write()
            self._sum = value
        self._last = value

    def _write(self) -> None:
        if self._sum is not None:
            self._out.append(str(self._sum))
        self._sum, self._last = None, 0


def in_words(figures: str, language: str) -> list[str]:
    """How a number is likely to be said; [] in a language without numerals here."""
    numerals = NUMERALS.get(language.partition("-")[0])
    if numerals is None:
        return []
    if len(figures) > LONGEST_NUMBER or (len(figures) > 1 and figures[0] == "0"):
        return [numerals.names[int(figure)] for figure in figures]
    return _said(int(figures), numerals)


def _said(number: int, numerals: Numerals) -> list[str]:
    if number in numerals.names:
        return [numerals.names[number]]
    if number >= 100 and number // 100 * 100 not in numerals.names:
        rest = number % 100
        return [numerals.names[number // 100], "hundred", *(_said(rest, numerals) if rest else [])]
    part = 100 if number >= 100 else 10
    join = ["y"] if part == 10 and "y" in numerals.joins else []
    return [numerals.names[number // part * part], *join, *_said(number % part, numerals)]
