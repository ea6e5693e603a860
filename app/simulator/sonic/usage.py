"""Tokens, counted as the service reports them: deltas that add up to the totals."""

from dataclasses import dataclass, field

SPEECH_TOKENS_A_SECOND = 25  # only a hint is known of the service's own figure
BYTES_A_TOKEN = 4

Counts = dict[str, int]  # speechTokens, textTokens


def _nothing() -> dict[str, Counts]:
    return {"input": {"speechTokens": 0, "textTokens": 0}, "output": {"speechTokens": 0, "textTokens": 0}}


def text_tokens(text: str) -> int:
    return -(-len(text.encode()) // BYTES_A_TOKEN)


def speech_tokens(ms: int) -> int:
    """Silence costs nothing, so count only what was spoken."""
    return -(-ms * SPEECH_TOKENS_A_SECOND // 1000)


@dataclass(slots=True)
class Meter:
    """What a session has used. Counters begin at 0 with each session."""

    _delta: dict[str, Counts] = field(default_factory=_nothing)
    _total: dict[str, Counts] = field(default_factory=_nothing)

    def count(self, direction: str, speech: int = 0, text: int = 0) -> None:
        """`direction` is "input" or "output"."""
        for counts in (self._delta[direction], self._total[direction]):
            counts["speechTokens"] += speech
            counts["textTokens"] += text

    @property
    def total(self) -> dict[str, Counts]:
        return {direction: dict(counts) for direction, counts in self._total.items()}

    def report(self) -> dict[str, object] | None:
        """The body of a usageEvent since the one before; None when nothing was used since."""
        if not any(any(counts.values()) for counts in self._delta.values()):
            return None
        spent, self._delta = self._delta, _nothing()
        entered, left = sum(self._total["input"].values()), sum(self._total["output"].values())
        return {
            "details": {"delta": spent, "total": self.total},
            "totalInputTokens": entered,
            "totalOutputTokens": left,
            "totalTokens": entered + left,
        }
