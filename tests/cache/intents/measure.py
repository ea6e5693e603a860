"""How right and how eager the matcher is on a set of utterances, with 95 % intervals (Wilson)."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.cache.match import Match, Matcher
from tests.cache.intents.corpus import Utterance

Z = 1.96


@dataclass(frozen=True, slots=True)
class Share:
    """`of` things, `good` of them good."""

    good: int
    of: int

    @property
    def value(self) -> float:
        return self.good / self.of if self.of else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        if not self.of:
            return 0.0, 1.0
        middle = (self.value + Z * Z / (2 * self.of)) / (1 + Z * Z / self.of)
        spread = self.value * (1 - self.value) / self.of + Z * Z / (4 * self.of * self.of)
        half = Z / (1 + Z * Z / self.of) * math.sqrt(spread)
        return middle - half, middle + half

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.3f} ({self.good} of {self.of}; 95 % {low:.3f} to {high:.3f})"


@dataclass(frozen=True, slots=True)
class Quality:
    """`precision`: of the matches, the right ones. `recall`: of what has an answer, what got it."""

    precision: Share
    recall: Share
    wrong: tuple[tuple[Utterance, str, Match], ...]
    missed: tuple[tuple[Utterance, str], ...]


def measure(matcher: Matcher, utterances: Iterable[Utterance], heard: Mapping[str, str] | None = None) -> Quality:
    """With `heard`, the matcher is given what was recognised in place of what was said."""
    right = matched = answerable = 0
    wrong, missed = [], []
    for utterance in utterances:
        text = utterance.text if heard is None else heard[utterance.text]
        match = matcher.match(text)
        answerable += bool(utterance.answer)
        matched += match is not None
        if match is not None and match.phrase == utterance.answer:
            right += 1
        elif match is not None:
            wrong.append((utterance, text, match))
        if utterance.answer and (match is None or match.phrase != utterance.answer):
            missed.append((utterance, text))
    return Quality(Share(right, matched), Share(right, answerable), tuple(wrong), tuple(missed))


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Substituted, lost and added words of (said, recognised), as a share of the words said."""
    errors = words = 0
    for said, recognised in pairs:
        one, other = said.split(), recognised.split()
        row = list(range(len(other) + 1))
        for at, word in enumerate(one, 1):
            before, row[0] = row[0], at
            for place, against in enumerate(other, 1):
                before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != against))
        errors += row[-1]
        words += len(one)
    return errors / words
