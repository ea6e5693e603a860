"""Whether the examples of one phrase ask what a caller asks: the same kind of question, of the same thing. Pure.

Alignment tells what is like an example; this tells what must not be missing from it. Of an example's words those that
name its thing (its *core*) must all be said, and asked with the example's own kind of question: "what does a new bike
cost" has the price of "what do new brakes cost" and not its brakes. A word beyond the core must stand beside a word
that it stands beside in the examples. Words that many phrases of the business share ("bike") name nothing.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from app.cache.manners import Manners
from app.cache.wish import kind_of

START, END = "<", ">"
FEW = 2  # words that name something: with fewer, the common ones must be said too ("can I try" names nothing)


@dataclass(frozen=True, slots=True)
class Asked:
    """A wish by what it asks: `things` are its words that name something, in order."""

    words: Sequence[str]
    kind: str
    things: tuple[str, ...]


def asked(words: Sequence[str], manners: Manners) -> Asked:
    kind = kind_of(words, manners)
    idle = manners.light | manners.idle | manners.within.get(kind, frozenset())
    return Asked(words, kind, tuple(word for word in words if word not in idle))


@dataclass(frozen=True, slots=True)
class _Core:
    """What must be said for one example: `own` of its things or, where it has none, `every` word."""

    kind: str
    own: frozenset[str]
    things: frozenset[str]
    every: frozenset[str]


@dataclass(slots=True)
class Frames:
    """What the examples of one phrase ask."""

    known: set[str] = field(default_factory=set)
    openings: set[tuple[str, ...]] = field(default_factory=set)
    own: set[str] = field(default_factory=set)  # words that name its things, and not those of many
    _asked: list[Asked] = field(default_factory=list)
    _cores: list[_Core] = field(default_factory=list)
    _beside: set[tuple[str, str]] = field(default_factory=set)
    _instead: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def add(self, example: Asked) -> None:
        self.known |= set(example.words)
        self.openings.add(tuple(example.words[:2]))
        self._asked.append(example)

    def things(self) -> frozenset[str]:
        return frozenset(word for example in self._asked for word in example.things)

    def settle(self, generic: Collection[str], manners: Manners) -> None:
        """Once all phrases have their examples, and it is known which words name nothing here."""
        for example in self._asked:
            things = frozenset(example.things)
            own = things.difference(generic)
            self.own |= own
            every = frozenset(example.words) - manners.articles
            self._cores.append(_Core(example.kind, own, things, every))
            self._beside |= set(pairwise((START, *example.things, END)))
        for one, other in combinations(self._asked, 2):
            if one.kind == other.kind and len(one.things) == len(other.things):
                apart = [pair for pair in zip(one.things, other.things, strict=True) if pair[0] != pair[1]]
                if len(apart) == 1 and not {*apart[0]} & {*generic}:
                    first, second = apart[0]
                    self._instead.setdefault((one.kind, first), set()).add(second)
                    self._instead.setdefault((one.kind, second), set()).add(first)

    def refusal(self, wish: Asked, said: Callable[[str], str], generic: Collection[str], named: Collection[str]) -> str:
        """Why no example asks this, "" where one does. `said` gives the caller's word for one of ours, or ""."""
        best: Sequence[str] | None = None
        for core in self._cores:
            if core.kind != wish.kind and (wish.kind or core.kind not in named):
                continue
            covered = self._covered(core, wish.kind, said)
            if covered is None:
                continue
            strange = self._strange(wish.things, covered, generic)
            if not strange:
                return ""
            best = strange if best is None or len(strange) < len(best) else best
        return " ".join(wish.words) if best is None else ", ".join(best)

    def _covered(self, core: _Core, kind: str, said: Callable[[str], str]) -> frozenset[str] | None:
        """The caller's words that are the core's; none where it is not all there."""
        wanted = core.every if not core.own else core.things if not kind or len(core.own) < FEW else core.own
        found = set()
        for word in wanted:
            heard = said(word) or next(filter(None, map(said, self._instead.get((core.kind, word), ()))), "")
            if not heard:
                return None
            found.add(heard)
        return frozenset(found)

    def _strange(self, things: Sequence[str], covered: Collection[str], generic: Collection[str]) -> list[str]:
        """Words beyond the core that do not stand beside what they stand beside in an example."""
        line = (START, *things, END)
        return [
            word
            for before, word, after in zip(line, line[1:], line[2:], strict=False)
            if word not in covered
            and word in self.known
            and word not in generic
            and not ((before, word) in self._beside or (word, after) in self._beside)
        ]


def generic_of(phrases: Iterable[Frames], least: int, share: float) -> frozenset[str]:
    """The words that name something in so many phrases that they tell none from another."""
    every = [phrase.things() for phrase in phrases]
    counts: dict[str, int] = {}
    for things in every:
        for word in things:
            counts[word] = counts.get(word, 0) + 1
    return frozenset(word for word, count in counts.items() if count >= max(least, share * len(every)))
