"""The service's limits, as data: its own figures by default, scaled down by a file in tests and rehearsals."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Limits:
    """Where sources disagree about the service, the strictest figure stands here: a client that passes passes there."""

    session_seconds: float = 480.0  # by wall clock from the opening of the stream
    idle_seconds: float = 55.0  # without audio bytes or interactive content
    streams: int = 20  # open at once for one access key; further ones are throttled
    streams_per_connection: int = 128  # announced as SETTINGS_MAX_CONCURRENT_STREAMS
    audio_before_text_ms: int = 68  # with less audio before it, live text is read and never answered
    system_text_bytes: int = 32_768  # a SYSTEM textInput of this size or more is refused
    history_bytes: int = 10_240  # 10.8 K characters have been refused; the documented limit is 40 KB
    history_piece_bytes: int = 1_024  # one textInput of history
    history_messages: int = 40


class LimitsError(ValueError):
    """The limits file names something that is no limit, or gives it a value that is no number. The user's fault."""


def limits_from(values: Any) -> Limits:
    """Limits out of a decoded YAML mapping; what it does not name stays the service's own. Raises `LimitsError`."""
    if not isinstance(values, dict):
        raise LimitsError("limits must be a mapping of names to numbers")
    known = {field.name: field.type for field in fields(Limits)}
    for name, value in values.items():
        if name not in known:
            raise LimitsError(f"{name}: no such limit; there are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise LimitsError(f"{name}: {value!r} is not a number of 0 or more")
        if known[name] is int and not isinstance(value, int):
            raise LimitsError(f"{name}: {value!r} is not a whole number")
    return Limits(**values)


def read_limits(path: Path) -> Limits:
    """Raises `LimitsError` (also for a file that is not YAML) and `OSError`."""
    try:
        return limits_from(yaml.safe_load(path.read_text()) or {})
    except yaml.YAMLError as error:
        raise LimitsError(f"{path} is not YAML: {error}") from error
