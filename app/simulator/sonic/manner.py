"""How the simulated service behaves where the real one leaves room: pace, chunk size, lateness, optional events."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Manner:
    speed: float = 5.0  # how many times faster than real time audio is generated
    chunk_ms: int = 60  # audio in one audioOutput
    final_delay_ms: int = 2_600  # from the end of a sentence's generation to its FINAL text
    user_speech_events: bool = True  # userSpeechStart and userSpeechEnd are sent
    double_encoded_tools: bool = False  # toolUse.content is a JSON string in a JSON string


class MannerError(ValueError):
    """A manner that does not exist, or a value that it cannot have. The user's fault."""


def manner_from(values: Any) -> Manner:
    """Manner out of a decoded YAML mapping; what it does not name stays usual. Raises `MannerError`."""
    if not isinstance(values, dict):
        raise MannerError("manner must be a mapping")
    known = [field.name for field in fields(Manner)]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise MannerError(f"{unknown[0]}: no such manner; there are {', '.join(known)}")
    manner = Manner(**values)
    if not (manner.speed > 0 and 10 <= manner.chunk_ms <= 1_000 and manner.final_delay_ms >= 0):
        raise MannerError("speed must be above 0, chunk_ms from 10 to 1000, final_delay_ms 0 or more")
    return manner
