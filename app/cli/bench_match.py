"""How long a decision about a known answer takes, on far more intents than a business has."""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.cache.match import Examples, Matcher
from app.simulator.load.figures import Row, Target, percentile

INTENTS, EXAMPLES = 200, 15
SYLLABLES = ("ba", "ko", "ri", "ten", "lum", "pa", "sor", "mi", "del", "gu", "fan", "tro", "ven", "lo", "sta", "per")
FRAMES = (
    "when is the {0} {1}", "what does a {0} {1} cost", "how much is the {0}", "do you have a {0} for my {1}",
    "can I {2} the {0}", "where can I find the {0} {1}", "is there a {0} {2}", "what are your {0} {1}",
    "how long does the {0} take", "which {0} do you {2}", "could I {2} a {0} with my {1}", "who does the {0} {1}",
    "I would like to {2} the {0}", "what time does the {0} {2}", "are there any {0} {1} to {2}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MatchingTimes:
    """In milliseconds of CPU, which other work on the machine does not lengthen, over `decisions`
    decisions on `intents` intents of `examples` examples each."""

    intents: int
    examples: int
    decisions: int
    p50_ms: float
    p99_ms: float
    took_ms: Sequence[float] = field(default=(), repr=False)

    def row(self) -> Row:
        return Row.of(
            "matching",
            "Known answer, decision",
            f"CPU from the caller's words to the phrase, of {self.intents} intents with {self.examples} examples",
            0,
            self.took_ms,
            Target("p99", 1),
        )


def many_intents(intents: int = INTENTS, examples: int = EXAMPLES, seed: int = 1) -> list[Examples]:
    """Made-up businesses that ask like real ones: every intent has three words of its own and one it shares."""
    rng = random.Random(seed)

    def word() -> str:
        return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 3)))

    shared = [word() for _ in range(intents // 4)]
    found = []
    for nth in range(intents):
        words = [word(), word(), word(), rng.choice(shared)]
        lines = [FRAMES[at % len(FRAMES)].format(*rng.sample(words, 3)) for at in range(examples)]
        found.append(Examples(f"phrase_{nth}", f"intent_{nth}", "en-US", lines))
    return found


def matching_times(said: Iterable[str] = (), rounds: int = 2, seed: int = 2) -> MatchingTimes:
    """Time one decision after another, on `said` or on the examples themselves, half of them with a second wish."""
    entries = many_intents()
    matcher = Matcher(entries)
    rng = random.Random(seed)
    lines = [line for entry in entries for line in entry.examples]
    texts = list(said) or [
        f"hello, um, could you tell me {line}{rng.choice(['', f', and {rng.choice(lines)}'])}?"
        for line in rng.sample(lines, 500)
    ]
    took: list[int] = []
    for _ in range(rounds):
        for text in texts:
            began = time.thread_time_ns()
            matcher.match(text)
            took.append(time.thread_time_ns() - began)
    took.sort()
    took_ms = [ns / 1e6 for ns in took]
    return MatchingTimes(INTENTS, EXAMPLES, len(took), percentile(took_ms, 0.5), percentile(took_ms, 0.99), took_ms)
