"""Which phrase answers what a caller said, or none. Pure, and right rather than eager.

A phrase answers when the caller's wish is one of its examples in other words. Courtesies are taken off (`wish.py`);
what is left is laid along the nearest examples, word by word and in order (`alignment.py`). A word may be the
example's, may sound like it (a recogniser misheard), may be a word of grammar, or may come from another example of the
same phrase. Any other word is *unexplained*, and one of those is enough to refuse: it is the Christmas day of "are you
open on Christmas day", the order of "and where is my order", the "don't" of "I don't want your address". So nothing
here lists negations or second wishes; they need only not be in the examples.

What is missing counts too: of "how long does a repair take" the repair must be said, and asked with that kind of
question (`frames.py`). Two questions joined by "and" are answered only where both ask for the same phrase. A second
phrase that fits about as well makes it a guess, and guesses are left to the model.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from app.cache.alignment import LIGHT, MISHEARD, MISSING, STRAY, UNEXPLAINED, Words, laid_along
from app.cache.frames import Asked, Frames, asked, generic_of
from app.cache.manners import Manners, manners_of
from app.cache.neighbours import Neighbours
from app.cache.sound import joined, likeness, nearly, sound
from app.cache.wish import asks_twice, clauses, wish

THRESHOLD = 0.5  # of confidence
MARGIN = 0.06  # of the score, before the next best phrase
LONGEST = 24  # words of a wish; a longer one is a story
MOST_CLAUSES = 3
SHORT = 2  # words that a wish has at least
CLOSEST = 6  # examples that are looked at word by word
A_PHRASE = 3  # ... and of one phrase
LEAST = 0.35  # the weight of a word that every phrase knows
ELSEWHERE = 0.5  # what a word costs that only another example of the phrase has
WORTH_IT = 0.5  # ... that share at least this much of what the nearest shares
GENERIC, COMMON = 3, 0.25  # phrases, and the share of all, that a word names nothing in any more
FIRM = 0.3  # the share of a wish's own words, by weight, that must be the phrase's
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
    frames: Frames = field(default_factory=Frames)
    neighbours: Neighbours = field(default_factory=Neighbours)

    @property
    def known(self) -> set[str]:
        return self.frames.known


@dataclass(frozen=True, slots=True)
class _Example:
    of: _Phrase
    text: str
    words: Words


@dataclass(frozen=True, slots=True)
class _Vouched:
    """A wish with at most one word mended, and what that costs."""

    caller: Asked
    weights: Sequence[float]
    cost: float


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
        parts = [(tongue, clauses(words[tongue.language], tongue.manners)) for tongue in self._tongues]
        if any(asks_twice(words[tongue.language], tongue.manners) for tongue in self._tongues):
            return self._by_clauses(words, parts, allowed)
        whole = self._decided(words, allowed)
        if whole.match is not None or all(len(found) < 2 for _, found in parts):
            return whole
        parted = self._by_clauses(words, parts, allowed)
        return whole if parted.match is None else parted

    def _by_clauses(
        self,
        words: Mapping[str, tuple[str, ...]],
        parts: Sequence[tuple["_Tongue", list[list[str]]]],
        allowed: Collection[str] | None,
    ) -> Decision:
        """Every clause asks for the same phrase, or nothing is answered."""
        why = ""
        looked_at: list[Candidate] = []
        for tongue, clauses_of in parts:
            matches: list[Match] = []
            candidates: list[Candidate] = []
            for clause in clauses_of[:MOST_CLAUSES]:
                found = self._decided({tongue.language: tuple(clause)}, allowed)
                candidates += found.candidates
                looked_at += found.candidates
                if found.match is None or (matches and matches[0].phrase != found.match.phrase):
                    why = why or found.refused
                    break
                matches.append(found.match)
            if 1 < len(matches) == len(clauses_of):
                return Decision(words, tuple(candidates), min(matches, key=lambda match: match.confidence))
        return Decision(words, tuple(looked_at), refused=why or "it asks for two things")

    def _decided(self, words: Mapping[str, tuple[str, ...]], allowed: Collection[str] | None) -> Decision:
        found = [best for tongue in self._tongues for best in tongue.candidates(words.get(tongue.language, ()))]
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
        read: list[tuple[_Phrase, str, Asked]] = []
        for entry in entries:
            phrase = _Phrase(entry.phrase, entry.intent)
            phrases.append(phrase)
            for text in entry.examples:
                if words := tuple(wish(text, self.manners)):
                    example = asked(words, self.manners)
                    phrase.frames.add(example)
                    read.append((phrase, text, example))
        self._generic = generic_of((phrase.frames for phrase in phrases), GENERIC, COMMON)
        for phrase in phrases:
            phrase.frames.settle(self._generic, self.manners)
        for of, _, example in read:
            of.neighbours.add(example.words, self.manners, self._generic)
        self._weights = _weights(phrases, self.manners)
        self._heard_rightly = frozenset(self._weights) | self.manners.firm
        self._examples = [_Example(of, text, self._weighed(example)) for of, text, example in read]
        self._sums = np.array([sum(example.words.weights) for example in self._examples])
        self._index = self._indexed()

    def _weight(self, word: str, kind: str) -> float:
        manners = self.manners
        if word in manners.light or word in manners.idle or word in manners.within.get(kind, ()):
            return LIGHT
        return self._weights.get(word, 1.0)

    def _weighed(self, example: Asked) -> Words:
        weights = tuple(self._weight(word, example.kind) for word in example.words)
        extra = tuple(weight if weight == LIGHT else MISSING * weight for weight in weights)
        return Words(example.words, weights, extra)

    def _indexed(self) -> dict[str, npt.NDArray[np.intp]]:
        places: dict[str, set[int]] = {}
        for at, example in enumerate(self._examples):
            for word in example.words.words:
                if word not in self.manners.light:
                    for key in _sounds(word):
                        places.setdefault(key, set()).add(at)
            for one, other in pairwise(example.words.words):
                if one in self.manners.light and other not in self.manners.light:
                    places.setdefault(sound(one + other), set()).add(at)  # "to about" is "to a bot"
        return {key: np.array(sorted(found), np.intp) for key, found in places.items()}

    def candidates(self, words: Sequence[str]) -> list[Candidate]:
        """Every phrase that comes near, by its nearest example."""
        if len(words) > SHORT and words[1] in self.manners.openers and self._unheard(words[0]):
            words = words[1:]  # a greeting misheard: "mate, do you"
        if not words or len(words) > LONGEST or not self._examples:
            return []
        caller = asked(words, self.manners)
        weights = [self._weight(word, caller.kind) for word in words]
        best: dict[str, Candidate] = {}
        told: dict[tuple[str, tuple[str, ...]], str] = {}
        meant: dict[str, _Vouched] = {}
        for example in self._nearest(words, weights):
            if (of := example.of).phrase not in meant:
                meant[of.phrase] = self._vouched(caller, of) or _Vouched(caller, weights, 0.0)
            found = self._candidate(meant[of.phrase], example, told)
            if found.phrase not in best or found.score > best[found.phrase].score:
                best[found.phrase] = found
        return list(best.values())

    def _unheard(self, word: str) -> bool:
        """Whether a word is one that no example has, nor a caller who means it, nor one that asks something else."""
        if word in self._heard_rightly or word in self.manners.light or word in self.manners.idle:
            return False
        return not any(nearly(word, asking) for asking in self.manners.asking)  # "then" may be "when"

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

    def _candidate(self, by: _Vouched, example: _Example, told: dict[tuple[str, tuple[str, ...]], str]) -> Candidate:
        """`told` keeps what was found of a phrase, for its next example."""
        of, caller, weights, words = example.of, by.caller, by.weights, by.caller.words
        unsaid = of.known.difference(words)
        extra = [self._extra(word, weight, of, unsaid) for word, weight in zip(words, weights, strict=True)]
        found = laid_along(Words(words, weights, extra), example.words, self._heard_rightly)
        unexplained = found.unexplained
        if not unexplained:
            key = of.phrase, found.mended
            if key not in told:
                told[key] = self._otherwise(caller, weights, of, found.mended)
            unexplained = (told[key],) if told[key] else ()
        whole = sum(weights) + sum(example.words.weights)
        score = max(0.0, 1 - (found.cost + by.cost) / whole) / (1 + len(unexplained))
        confidence = 0.0 if unexplained else 1 / (1 + math.exp(STEEPNESS * (MIDDLE - score)))
        return Candidate(of.phrase, of.intent, self.language, example.text, score, confidence, unexplained)

    def _vouched(self, caller: Asked, of: _Phrase) -> _Vouched | None:
        """The wish with its one strange word as the phrase has it between the same words. Another word must be said
        that names the phrase's thing, or nothing vouches for it."""
        if all(map(self._surely_said, caller.words)):
            return None
        words = [self._taken_for(word, of) for word in caller.words]
        strange = [at for at, word in enumerate(words) if self._is_strange(word, of)]
        if len(strange) != 1 or not any(word in of.frames.own for word in words):
            return None
        (at,) = strange
        like, meant = of.neighbours.meant(words, at, self.manners)
        if not like:
            return None
        mended = asked((*caller.words[:at], meant, *caller.words[at + 1 :]), self.manners)
        weights = [self._weight(word, mended.kind) for word in mended.words]
        return _Vouched(mended, weights, MISHEARD * (1 - like) * weights[at])

    def _is_strange(self, word: str, of: _Phrase) -> bool:
        return not (word in of.known or self._surely_said(word) or word in self.manners.stray)

    def _surely_said(self, word: str) -> bool:
        return word in self._heard_rightly or word in self.manners.light

    def _taken_for(self, word: str, of: _Phrase) -> str:
        """The word of the phrase that this one was likely heard for, or itself."""
        if self._surely_said(word):
            return word
        like, meant = max(((likeness(word, known), known) for known in of.known), default=(0.0, ""))
        return meant if like else word

    def _extra(self, word: str, weight: float, of: _Phrase, unsaid: Collection[str]) -> float:
        """What it costs that the example has no such word. It was heard for one of the phrase's only where that was not
        said: the "lit" of "is the parking lot lit" is no "lot"."""
        if weight == LIGHT:
            return weight
        if word in of.known:
            return ELSEWHERE * weight
        if word in self.manners.stray:
            return STRAY
        if word in self._heard_rightly:  # said as some other phrase has it, so not misheard
            return UNEXPLAINED
        like = max((likeness(word, known) for known in unsaid if known[0] == word[0]), default=0.0)
        return (ELSEWHERE + 2 * (1 - like)) * weight if like else UNEXPLAINED

    def _otherwise(self, caller: Asked, weights: Sequence[float], of: _Phrase, mended: Sequence[str]) -> str:
        """What makes it another thing than the phrase's examples, though every word is explained."""
        if caller.words[-1] in self.manners.leading:
            return caller.words[-1]
        if told := self._statement(caller.words, of) or self._guessed(caller.words, weights, of):
            return told
        if tuple(caller.words) != tuple(mended):
            caller = asked(mended, self.manners)
        words = caller.words
        return of.frames.refusal(caller, lambda word: self._said(word, words), self._generic, self.manners.named)

    def _said(self, meant: str, words: Sequence[str]) -> str:
        """The caller's word that is this one of ours, or was heard for it."""
        if meant in words:
            return meant
        for word in words:
            if word not in self._heard_rightly and likeness(meant, word):
                return word
        return next((two[0] for two in pairwise(words) if joined(*two, meant)), "")

    def _statement(self, words: Sequence[str], of: _Phrase) -> str:
        """The opening of a statement ("you are ..."), where the phrase has no example that opens so."""
        told = {words[0], " ".join(words[:2])} & self.manners.subjects
        return "" if tuple(words[:2]) in of.frames.openings else " ".join(sorted(told))

    def _guessed(self, words: Sequence[str], weights: Sequence[float], of: _Phrase) -> str:
        """The words of a wish that is nearly all mishearing."""
        own = [(word, weight) for word, weight in zip(words, weights, strict=True) if word not in self.manners.light]
        firm = sum(weight * self._certainty(word, of) for word, weight in own)
        return "" if firm and firm >= FIRM * sum(weight for _, weight in own) else " ".join(word for word, _ in own)

    def _certainty(self, word: str, of: _Phrase) -> float:
        if word in of.known:
            return 1.0
        heard = word not in self._heard_rightly and any(likeness(word, known) >= CLEAR for known in of.known)
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
