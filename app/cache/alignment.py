"""Lays a caller's words along an example's, in order, as cheaply as it can be done."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.cache.sound import alike, joined, likeness

LIGHT = 0.15  # the weight of a word of grammar
MISSING = 0.8  # what a word of the example costs that the caller did not say, by its weight
MISHEARD = 2.0  # what unlikeness costs, by weight
STRAY = 0.5  # what a recogniser's stray word costs
UNEXPLAINED = 100.0
PARTED = 2  # letters that a word and its two halves may differ by

type Way = Literal["start", "extra", "missing", "change", "parted", "together"]
_BACK: dict[Way, tuple[int, int]] = {
    "extra": (1, 0), "missing": (0, 1), "change": (1, 1), "parted": (2, 1), "together": (1, 2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """Words with their weights. `extra` is what each costs where the other side has nothing like it."""

    words: Sequence[str]
    weights: Sequence[float]
    extra: Sequence[float]

    def pairs(self) -> Iterator[tuple[str, float]]:
        """Each word with its weight."""
        return zip(self.words, self.weights, strict=True)


@dataclass(frozen=True, slots=True)
class Alignment:
    """What it cost, the words that nothing explains, and what was said with the example's words for misheard ones."""

    cost: float
    unexplained: tuple[str, ...]
    mended: tuple[str, ...] = ()


@dataclass(slots=True)
class _Gap:
    """A stretch on which the two differ."""

    said: list[int]
    meant: list[int]
    lost: list[int]  # of `said`, what nothing explains
    mended: list[str] = field(default_factory=list)
    cost: float = 0.0


def laid_along(said: Words, example: Words, known: Container[str]) -> Alignment:
    """`known` words were not misheard. Where the two differ, the whole stretch may be one mishearing: "our view of" is
    "are you a"."""
    cost = 0.0
    unexplained: list[str] = []
    mended: list[str] = []
    for gap in _gaps(said, example, *_paths(said, example, known)):
        lost = [said.words[at] for at in gap.lost]
        if lost and not any(word in known for word in lost) and (like := _as_one(said, example, gap)):
            weight = max(sum(said.weights[at] for at in gap.said), sum(example.weights[at] for at in gap.meant))
            cost += MISHEARD * (1 - like) * weight
            mended += [example.words[at] for at in gap.meant]
        else:
            cost += gap.cost - UNEXPLAINED * len(lost)
            unexplained += lost
            mended += gap.mended
    return Alignment(cost, tuple(unexplained), tuple(mended))


def _as_one(said: Words, example: Words, gap: _Gap) -> float:
    """How much the two sides of a gap sound alike. Only words of grammar are swallowed so: a thing that is named is
    heard, or not."""
    if len(gap.said) < 2 or any(example.weights[at] > LIGHT for at in gap.meant):
        return 0.0
    heard = "".join(said.words[at] for at in gap.said)
    meant = [example.words[at] for at in gap.meant]
    return max(alike(heard, "".join(part)) for part in (meant, meant[1:], meant[:-1]))


def _paths(said: Words, example: Words, known: Container[str]) -> tuple[list[list[float]], list[list[Way]]]:
    """The cheapest cost of laying the first words along the first of the example, and its last step."""
    missing = example.extra
    costs: list[list[float]] = [[0.0]]
    ways: list[list[Way]] = [["start"]]
    for gone in missing:
        costs[0].append(costs[0][-1] + gone)
        ways[0].append("missing")
    for at, word in enumerate(said.words):
        above, row, way = costs[at], [costs[at][0] + said.extra[at]], list[Way](["extra"])
        misheard = word not in known and said.extra[at] > LIGHT
        length = len(said.words[at - 1]) + len(word) if at else 0
        for place, other in enumerate(example.words):
            how: Way = "extra"
            best = above[place + 1] + said.extra[at]
            if row[place] + missing[place] < best:
                best, how = row[place] + missing[place], "missing"
            if word == other:
                if above[place] <= best:
                    best, how = above[place], "change"
            elif misheard and other not in said.words and (like := likeness(word, other)):
                change = above[place] + (1 - like) * MISHEARD * max(said.weights[at], example.weights[place])
                if change < best:
                    best, how = change, "change"
            near = abs(length - len(other)) <= PARTED  # before the comparison that takes longer
            if at and near and costs[at - 1][place] + LIGHT < best and joined(said.words[at - 1], word, other):
                best, how = costs[at - 1][place] + LIGHT, "parted"
            if place and above[place - 1] + LIGHT < best and joined(example.words[place - 1], other, word):
                best, how = above[place - 1] + LIGHT, "together"
            row.append(best)
            way.append(how)
        costs.append(row)
        ways.append(way)
    return costs, ways


def _gaps(said: Words, example: Words, costs: list[list[float]], ways: list[list[Way]]) -> list[_Gap]:
    """The stretches on which they differ, and between them the words that stand in both."""
    at, place = len(said.words), len(example.words)
    gaps = [_Gap([], [], [])]
    while at or place:
        how = ways[at][place]
        down, across = _BACK[how]
        if down == across and said.words[at - 1] == example.words[place - 1]:
            gaps += [_Gap([], [], [], [said.words[at - 1]]), _Gap([], [], [])]
        else:
            gap = gaps[-1]
            gap.said[:0] = range(at - down, at)
            gap.meant[:0] = range(place - across, place)
            if how == "extra" and said.extra[at - 1] == UNEXPLAINED:
                gap.lost.insert(0, at - 1)
            if down:
                gap.mended[:0] = [said.words[at - 1]] if how == "extra" else example.words[place - across : place]
            gap.cost += costs[at][place] - costs[at - down][place - across]
        at, place = at - down, place - across
    return [gap for gap in reversed(gaps) if gap.said or gap.meant or gap.mended]
