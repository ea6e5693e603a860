"""When somebody may be called: by their own clock. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class CallingHours:
    """Each day from `opens` until `closes`, minutes after midnight where the callee is."""

    opens: int = 8 * 60
    closes: int = 21 * 60

    @classmethod
    def read(cls, text: str) -> "CallingHours":
        """From `08:00-21:00`. Raises ValueError, whose text has the fix."""
        found = _WINDOW.fullmatch(text)
        if found is not None:
            opens = int(found[1]) * 60 + int(found[2])
            closes = _DAY if found[3] is None else int(found[3]) * 60 + int(found[4])
            if opens < closes:
                return cls(opens, closes)
        raise ValueError(f"{text!r} is no span of a day: write it as 08:00-21:00")

    def next_open(self, zone: str, now_ms: int) -> int:
        """Now, where it is open; else when it opens next (Unix ms)."""
        local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        if self.opens <= minute < self.closes:
            return now_ms
        day = local.date() + timedelta(days=minute >= self.closes)
        opens = datetime.combine(day, time(self.opens // 60, self.opens % 60), ZoneInfo(zone))
        return int(opens.timestamp() * 1000)
