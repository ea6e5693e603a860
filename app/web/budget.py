"""How much one connection may send. Pure; times are handed in.

Twilio sends 50 `media` messages a second of about 400 bytes each, never faster than the caller speaks, and after a
network's pause what it kept. A stream that was quiet for 10 s is given up by its leg, so that no honest backlog is
longer. What goes beyond both is not a telephone, and every message of it would be paid for by the other calls.
"""

from dataclasses import dataclass

MESSAGES_PER_S = 100  # twice what Twilio sends: keys, marks and a clock that runs fast
MESSAGES_AT_ONCE = 750  # 15 s of speech: the 10 s of a leg's patience, and half again
BYTES_PER_S = 65_536  # six times the speech of one caller
BYTES_AT_ONCE = 524_288


@dataclass(slots=True)
class Budget:
    """A bucket for messages and one for bytes; each fills by the millisecond and holds what may come at once."""

    since_ms: int
    messages_per_s: int = MESSAGES_PER_S
    messages_at_once: int = MESSAGES_AT_ONCE
    bytes_per_s: int = BYTES_PER_S
    bytes_at_once: int = BYTES_AT_ONCE
    _messages: int = 0  # spent, in thousandths
    _bytes: int = 0

    def spend(self, size: int, now_ms: int) -> str:
        """One message of `size` bytes has come. "" while that is within the budget, else what there was too much of."""
        passed = max(0, now_ms - self.since_ms)
        self.since_ms = max(self.since_ms, now_ms)
        self._messages = max(0, self._messages - passed * self.messages_per_s) + 1000
        self._bytes = max(0, self._bytes - passed * self.bytes_per_s) + 1000 * size
        if self._messages > 1000 * self.messages_at_once:
            return "messages"
        return "bytes" if self._bytes > 1000 * self.bytes_at_once else ""
