"""Which phrase answers what a caller said, or none. Pure, and right rather than eager.

A phrase answers when the caller's wish is one of its examples in other words. Courtesies are taken off (`wish.py`);
what is left is laid along the nearest examples, word by word and in order (`alignment.py`). A word may be the
example's, may sound like it (a recogniser misheard), may be a word of grammar, or may come from another example of the
same phrase. Any other word is *unexplained*, and one of those is enough to refuse: it is the Christmas day of "are you
open on Christmas day", the order of "and where is my order", the "don't" of "I don't want your address". So nothing
here lists negations or second wishes; they need only not be in the examples.

What is missing counts too: of "how long does a repair take" the word "repair" alone is not enough. Words that many
phrases share weigh less than those of one alone. A second phrase that fits about as well makes it a guess, and guesses
are left to the model.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from app.cache.alignment import LIGHT, MISSING, UNEXPLAINED, Words, laid_along
from app.cache.manners import Manners, manners_of
from app.cache.sound import joined, likeness, sound
from app.cache.wish import wish

THRESHOLD = 0.5  # of confidence
MARGIN = 0.06  # of the score, before the next best phrase
LONGEST = 24  # words of a wish; a longer one is a story
CLOSEST = 6  # examples that are looked at word by word
A_PHRASE = 3  # ... and of one phrase
STRAY = 0.5  # what a recogniser's stray word costs
LEAST = 0.35  # the weight of a word that every phrase knows
ELSEWHERE = 0.5  # what a word costs that only another example of the phrase has
WORTH_IT = 0.5  # ... that share at least this much of what the nearest shares
FIRM = 0.3  # the share of a wish's own words, by weight, that must be the phrase's
SHORT = 2  # words that must be all of the example
DISTINCT = 0.6  # the weight of a word that few phrases know
COVERED = 0.45  # the share of an example's own words that must be said
CLEAR, HEARSAY = 0.8, 0.6  # a word this like one of the phrase's counts this much
MIDDLE, STEEPNESS = 0.58, 20.0  # score -> confidence


@dataclass(frozen=True, slots=True)
class Examples:
    """What callers ask in one language that one phrase answers."""

    phrase: str
    intent: str
    language: str
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class Match:
    phrase: str
    intent: str
    confidence: float  # 0 to 1: about the share of such matches that are right
    language: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A phrase that was considered, with its nearest example. `unexplained` words refuse it."""

    phrase: str
    intent: str
    language: str
    example: str
    score: float
    confidence: float
    unexplained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """`match`, or why there is none (`refused`). `words` is the wish, by language."""

    words: Mapping[str, tuple[str, ...]]
    candidates: tuple[Candidate, ...]
    match: Match | None = None
    refused: str = ""


@dataclass(slots=True)
class _Phrase:
    phrase: str
    intent: str
    known: set[str] = field(default_factory=set)
    openings: set[tuple[str, ...]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Example:
    of: _Phrase
    text: str
    words: Words


class Matcher:
    """Built once from all examples (a few ms for a hundred), asked for every utterance (well under one)."""

    def __init__(self, examples: Iterable[Examples], threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        by_language: dict[str, list[Examples]] = {}
        for entry in examples:
            by_language.setdefault(entry.language, []).append(entry)
        self._tongues = [_Tongue(language, entries) for language, entries in by_language.items()]

    def match(self, text: str, allowed: Collection[str] | None = None) -> Match | None:
        """The phrase that answers `text`, of those `allowed` by id (all where None)."""
        return self.explain(text, allowed).match

    def explain(self, text: str, allowed: Collection[str] | None = None) -> Decision:
        """The decision with everything it was made of."""
        words = {tongue.language: tuple(wish(text, tongue.manners)) for tongue in self._tongues}
        found = [best for tongue in self._tongues for best in tongue.candidates(words[tongue.language])]
        found.sort(key=lambda candidate: -candidate.score)
        candidates = tuple(found)
        refused = self._refused(words, candidates, allowed)
        if refused:
            return Decision(words, candidates, refused=refused)
        best = candidates[0]
        return Decision(words, candidates, Match(best.phrase, best.intent, best.confidence, best.language))

    def _refused(
        self,
        words: Mapping[str, tuple[str, ...]],
        candidates: tuple[Candidate, ...],
        allowed: Collection[str] | None,
    ) -> str:
        if not any(words.values()):
            return "nothing was asked"
        if not candidates:
            return "no example has words of it"
        best = candidates[0]
        if best.unexplained:
            return f"nothing explains {', '.join(best.unexplained)}"
        if best.confidence < self._threshold:
            return f"{best.phrase} is not near enough"
        rival = next((other for other in candidates if other.phrase != best.phrase), None)
        if rival is not None and rival.intent != best.intent and best.score - rival.score < MARGIN:
            return f"{best.phrase} and {rival.phrase} fit alike"
        if allowed is not None and best.phrase not in allowed:
            return f"{best.phrase} is not allowed here"
        return ""


class _Tongue:
    """The examples of one language, and an index of them by the sound of their words."""

    def __init__(self, language: str, entries: Iterable[Examples]) -> None:
        self.language = language
        self.manners = manners_of(language)
        phrases: list[_Phrase] = []
        read: list[tuple[_Phrase, str, tuple[str, ...]]] = []
        for entry in entries:
            phrase = _Phrase(entry.phrase, entry.intent)
            phrases.append(phrase)
            for text in entry.examples:
                if words := tuple(wish(text, self.manners)):
                    phrase.known |= set(words)
                    phrase.openings.add(words[:2])
                    read.append((phrase, text, words))
        self._weights = _weights(phrases, self.manners)
        self._examples = [_Example(of, text, self._weighed(words)) for of, text, words in read]
        self._sums = np.array([sum(example.words.weights) for example in self._examples])
        self._index = self._indexed()

    def _weight(self, word: str) -> float:
        return LIGHT if word in self.manners.light else self._weights.get(word, 1.0)

    def _weighed(self, words: tuple[str, ...]) -> Words:
        weights = tuple(map(self._weight, words))
        return Words(words, weights, tuple(weight if weight == LIGHT else MISSING * weight for weight in weights))

    def _indexed(self) -> dict[str, npt.NDArray[np.intp]]:
        places: dict[str, set[int]] = {}
        for at, example in enumerate(self._examples):
            for word in example.words.words:
                if word not in self.manners.light:
                    for key in _sounds(word):
                        places.setdefault(key, set()).add(at)
        return {key: np.array(sorted(found), np.intp) for key, found in places.items()}

    def candidates(self, words: Sequence[str]) -> list[Candidate]:
        """Every phrase that comes near, by its nearest example."""
        if not words or len(words) > LONGEST or not self._examples:
            return []
        weights = [self._weight(word) for word in words]
        best: dict[str, Candidate] = {}
        for example in self._nearest(words, weights):
            found = self._candidate(words, weights, example)
            if found.phrase not in best or found.score > best[found.phrase].score:
                best[found.phrase] = found
        return list(best.values())

    def _nearest(self, words: Sequence[str], weights: Sequence[float]) -> list[_Example]:
        """Those that share most, by weight, of what they and the caller say."""
        shared = np.zeros(len(self._examples))
        for word, weight in dict(zip(words, weights, strict=True)).items():
            for nth, key in enumerate(_sounds(word), 1):
                if (places := self._index.get(key)) is not None:
                    shared[places] += weight / nth
                    break
        shared /= self._sums + sum(weights)
        most = shared.max()
        taken: dict[str, int] = {}
        nearest: list[_Example] = []
        for at in np.argsort(-shared, kind="stable")[: CLOSEST * A_PHRASE]:
            example = self._examples[at]
            if not shared[at] or shared[at] < WORTH_IT * most or len(nearest) == CLOSEST:
                break
            if taken.setdefault(example.of.phrase, 0) < A_PHRASE:
                taken[example.of.phrase] += 1
                nearest.append(example)
        return nearest

    def _candidate(self, words: Sequence[str], weights: Sequence[float], example: _Example) -> Candidate:
        of = example.of
        extra = [self._extra(word, weight, of) for word, weight in zip(words, weights, strict=True)]
        found = laid_along(Words(words, weights, extra), example.words, self._weights)
        unexplained = found.unexplained
        if not unexplained and (told := self._otherwise(words, weights, example)):
            unexplained = (told,)
        whole = sum(weights) + sum(example.words.weights)
        score = max(0.0, 1 - found.cost / whole) / (1 + len(unexplained))
        confidence = 0.0 if unexplained else 1 / (1 + math.exp(STEEPNESS * (MIDDLE - score)))
        return Candidate(of.phrase, of.intent, self.language, example.text, score, confidence, unexplained)

    def _extra(self, word: str, weight: float, of: _Phrase) -> float:
        """What it costs that the example has no such word."""
        if word in self.manners.light:
            return weight
        if word in of.known:
            return ELSEWHERE * weight
        if word in self.manners.stray:
            return STRAY
        if word in self._weights:  # said as some other phrase has it, so not misheard
            return UNEXPLAINED
        like = max((likeness(word, known) for known in of.known if known[0] == word[0]), default=0.0)
        return (ELSEWHERE + 2 * (1 - like)) * weight if like else UNEXPLAINED

    def _otherwise(self, words: Sequence[str], weights: Sequence[float], example: _Example) -> str:
        """What makes it another thing than the example, though every word is explained."""
        return (
            self._statement(words, example.of)
            or self._yes_or_no(words, example)
            or self._guessed(words, weights, example.of)
            or self._nothing_of_its_own(words, weights, example)
        )

    def _nothing_of_its_own(self, words: Sequence[str], weights: Sequence[float], example: _Example) -> str:
        """Of "how much is a bike rental" the caller must say enough, and with one word or two, or with words that many
        phrases have ("how much is a bike"), all of it."""
        own = [(word, weight) for word, weight in example.words.pairs() if word not in self.manners.light]
        missing = sum(weight for word, weight in own if not _said(word, words))
        enough = COVERED if max(weights) >= DISTINCT and len(words) > SHORT else 1.0
        short = missing > (1 - enough) * sum(weight for _, weight in own)
        return " ".join(words) if short or self.manners.asking.issuperset(words) else ""

    def _yes_or_no(self, words: Sequence[str], example: _Example) -> str:
        """ "Do you fix flat tires" is not "how much is it to fix a flat tire"."""
        asking = self.manners.asking
        closed = words[0] in self.manners.yes_or_no and asking.isdisjoint(words)
        return words[0] if closed and not asking.isdisjoint(example.words.words) else ""

    def _statement(self, words: Sequence[str], of: _Phrase) -> str:
        """The opening of a statement ("you are ..."), where the phrase has no example that opens so."""
        told = {words[0], " ".join(words[:2])} & self.manners.subjects
        return "" if tuple(words[:2]) in of.openings else " ".join(sorted(told))

    def _guessed(self, words: Sequence[str], weights: Sequence[float], of: _Phrase) -> str:
        """The words of a wish that is nearly all mishearing."""
        own = [(word, weight) for word, weight in zip(words, weights, strict=True) if word not in self.manners.light]
        firm = sum(weight * self._certainty(word, of) for word, weight in own)
        return "" if firm and firm >= FIRM * sum(weight for _, weight in own) else " ".join(word for word, _ in own)

    def _certainty(self, word: str, of: _Phrase) -> float:
        if word in of.known:
            return 1.0
        heard = word not in self._weights and any(likeness(word, known) >= CLEAR for known in of.known)
        return HEARSAY if heard else 0.0


def _weights(phrases: Sequence[_Phrase], manners: Manners) -> dict[str, float]:
    """A word of one phrase alone weighs 1, one that all know least."""
    counts: dict[str, int] = {}
    for phrase in phrases:
        for word in phrase.known - manners.light:
            counts[word] = counts.get(word, 0) + 1
    every = math.log(len(phrases) + 1)
    return {word: max(LEAST, 1 - math.log(count) / every) for word, count in counts.items()}


def _sounds(word: str) -> tuple[str, str]:
    """What a word is found by: its sound, and how that begins."""
    whole = sound(word)
    return whole, f"{whole[:3]}-"


def _said(word: str, words: Sequence[str]) -> bool:
    return any(likeness(word, said) for said in words) or any(joined(*two, word) for two in pairwise(words))
