"""Finding the passage that answers a question: words, their weight, nothing learned. Pure.

BM25 with two additions. A section's heading counts more than its text, for who wrote it said there what the text
answers. And a passage must hold enough of what was asked, weighed by how telling each word is: a caller is better
served by "I do not know" than by a passage that happens to share a word.
"""

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.tools.passages import Passage

SATURATION = 1.2  # k1: a word said again counts ever less
LENGTH = 0.5  # b: how much a long passage is held against itself
HEADING = 2.0  # a heading's word counts so often
TITLE = 1.0
IN_TEXT = 0.6  # what a word of the text alone counts for nearness
ALIKE = 5  # first letters of two words that are taken for one

# Words that tell nothing of what a question is about, in English and Spanish.
SMALL_WORDS = """
    a about all also am an and any anything are as at be been but by can come could did do does doing don done else
    for from get give go going got guys had has have he hello her here hi him his how i if in into is it its just know
    let like ll long make many maybe me mine more much my need no not of off ok okay on one or our out over own please
    possible re really right s say she should so some somebody someone something sure t take tell than thank thanks
    that the their them then there they thing things this those to too up us ve very want was way we well were what
    when where which while who why will with would yes yet you your
    actually happen happens night problem question today yesterday
    al algo como con cual cuando cuanto cuantos de del donde el ella en es esta este esto estoy favor gracias hay
    hola la las le lo los me mi mis muy no nos o para pero por puede puedo pueden que quiero se ser si son su sus te
    tengo tiene tienen tu un una uno usted ustedes y ya yo
"""


@dataclass(frozen=True, slots=True)
class Found:
    """`near` is the share of the question that the passage holds, weighed by how telling its words are: 0 to 1."""

    passage: Passage
    score: float
    near: float


class Index:
    """Built once for an edition, asked by any thread. `meaning` adds to a caller's word those of the documents."""

    def __init__(self, passages: Sequence[Passage], meaning: Mapping[str, str] | None = None) -> None:
        self.passages = tuple(passages)
        self._meaning = {stems(said): stems(written) for said, written in (meaning or {}).items()}
        self._postings: dict[str, dict[int, float]] = defaultdict(dict)
        self._headings = [set(stems(passage.source)) for passage in self.passages]
        lengths = []
        for at, passage in enumerate(self.passages):
            weights = _weights(passage)
            lengths.append(sum(weights.values()))
            for word, weight in weights.items():
                self._postings[word][at] = weight
        average = sum(lengths) / max(1, len(lengths)) or 1.0  # passages may be without a word that tells anything
        self._norm = [SATURATION * (1 - LENGTH + LENGTH * length / average) for length in lengths]

    def search(self, question: str, most: int = 3) -> list[Found]:
        """The best passages, best first; none where no word of the question is known."""
        asked = self._asked(question)
        whole = sum(max(map(self._telling, words)) for words in asked)
        scores: dict[int, float] = defaultdict(float)
        held: dict[int, float] = defaultdict(float)
        for words in asked:
            for at, (score, part) in self._matches(words).items():
                scores[at] += score
                held[at] += part
        best = sorted(scores, key=lambda at: (-scores[at], at))[:most]
        return [Found(self.passages[at], scores[at], held[at] / whole) for at in best]

    def _asked(self, question: str) -> list[tuple[str, ...]]:
        """What must be found, each as words of which any will do."""
        words = stems(question)
        asked = {word: (word,) for word in words if word not in STOP_STEMS}
        for said, written in self._meaning.items():
            if _holds(words, said):
                first = asked.get(said[0], ())
                asked = {word: ways for word, ways in asked.items() if word not in said}
                asked[said[0]] = tuple(dict.fromkeys((*first, *written)))
        return [tuple(known for way in ways for known in self._known(way)) or ways for ways in asked.values()]

    def _known(self, word: str) -> tuple[str, ...]:
        """The word, or where no passage has it, those that begin alike: `license` and `licence`."""
        if word in self._postings or len(word) < ALIKE:
            return (word,)
        near = [known for known in self._postings if known[:ALIKE] == word[:ALIKE] and abs(len(known) - len(word)) < 3]
        return tuple(near) or (word,)

    def _matches(self, words: tuple[str, ...]) -> dict[int, tuple[float, float]]:
        """By passage, the best of these words' scores, and how telling it is."""
        found: dict[int, tuple[float, float]] = {}
        for word in words:
            telling = self._telling(word)
            for at, weight in self._postings.get(word, {}).items():
                score = telling * weight * (SATURATION + 1) / (weight + self._norm[at])
                held = telling if word in self._headings[at] else IN_TEXT * telling
                found[at] = max(found.get(at, (0.0, 0.0)), (score, held))
        return found

    def _telling(self, word: str) -> float:
        """Its inverse document frequency; a word in no passage is as telling as one that stands in a single one."""
        among = max(1, len(self._postings.get(word, ())))
        return math.log(1 + (len(self.passages) - among + 0.5) / (among + 0.5))


def _weights(passage: Passage) -> dict[str, float]:
    weights: dict[str, float] = defaultdict(float)
    headings = passage.headings
    for text, weight in ((passage.text, 1.0), (" ".join(headings[-1:]), HEADING), (" ".join(headings[:-1]), TITLE)):
        for word in stems(text):
            if word not in STOP_STEMS:
                weights[word] += weight
    return weights


def _holds(words: Sequence[str], part: Sequence[str]) -> bool:
    return any(tuple(words[at : at + len(part)]) == tuple(part) for at in range(len(words) - len(part) + 1))


def stems(text: str) -> tuple[str, ...]:
    """The words of a text without their endings, accents and case."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return tuple(map(stem, re.findall(r"[^\W_]+", re.sub(r"['’](?=\w)", " ", plain))))


ENDINGS: Iterable[tuple[str, str]] = (
    *(("ies", "y"), ("sses", "ss"), ("ings", ""), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", "")),
    *(("aciones", "ac"), ("acion", "ac"), ("mente", ""), ("ces", "z"), ("es", ""), ("s", "")),
)


def stem(word: str) -> str:
    """A light stemmer for English and Spanish at once: plurals, -ing, -ed, -ly, gender. What it makes is no word, but
    the forms of one word become the same."""
    if len(word) < 4 or not word.isalpha():
        return word
    for ending, instead in ENDINGS:
        left = word[: -len(ending)]
        if word.endswith(ending) and len(left) >= 3 and re.search("[aeiouy]", left) and not word.endswith("ss"):
            word = left + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiosl":
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word[-1] in "aeoi" else word.removesuffix("e") if len(word) == 4 else word


STOP_STEMS = frozenset(map(stem, SMALL_WORDS.split()))
