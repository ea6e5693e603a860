"""One clock for all simulated calls of a process, on an absolute grid that does not drift.

Members are called every 20 ms of call time, spread over a few slots so that a hundred calls do not all send in the same
instant. A member that is late catches up by itself: it is told the time, not that one period has passed. `speed` lets
tests live faster; every time in the simulator is then virtual, also the timestamps on the wire. The clock measures its
own lateness, which a load generator must know about itself.
"""

import asyncio
import time
from collections.abc import Callable

PERIOD_MS = 20
LATENESS_STEPS = 1001  # histogram of 0.1 ms a step, the last one is "and more"


class Ticker:
    def __init__(self, speed: float = 1.0, slots: int = 4) -> None:
        self.speed = speed
        self.lateness = [0] * LATENESS_STEPS
        self._slots: list[dict[int, Callable[[int], None]]] = [{} for _ in range(slots)]
        self._key = 0
        self._tick = 0
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def now_ms(self) -> int:
        """Milliseconds of virtual time since the clock was first read."""
        return int(self.elapsed_ms())

    def elapsed_ms(self) -> float:
        """The same, unrounded: for measurements, never for decisions."""
        # The loop's own time may be a cached one with whole milliseconds (uvloop), hence the system's.
        self._running_loop()
        return (time.monotonic() - self._began) * 1000 * self.speed

    def monotonic_ms(self, virtual_ms: float) -> float:
        """The same moment on `time.monotonic`'s scale, comparable between the processes of one machine."""
        return (self._began + virtual_ms / self.speed / 1000) * 1000

    async def sleep(self, ms: float) -> None:
        await asyncio.sleep(max(0.0, ms) / 1000 / self.speed)

    def real_seconds(self, virtual_ms: float) -> float:
        return virtual_ms / 1000 / self.speed

    def join(self, member: Callable[[int], None]) -> Callable[[], None]:
        """Call `member(now_ms)` every 20 ms from now on; the function returned ends that."""
        self._running_loop()
        self._key += 1
        key, slot = self._key, min(self._slots, key=len)
        slot[key] = member
        if self._timer is None:
            self._tick = int(self.elapsed_ms() / self._step_ms)
            self._arm()

        def leave() -> None:
            slot.pop(key, None)
            if not any(self._slots) and self._timer is not None:
                self._timer.cancel()
                self._timer = None

        return leave

    def lateness_ms(self, share: float) -> float:
        """The lateness that `share` of all ticks stayed within; 0 before the first."""
        wanted, seen = share * sum(self.lateness), 0
        for step, count in enumerate(self.lateness):
            seen += count
            if count and seen >= wanted:
                return step / 10
        return 0.0

    @property
    def _step_ms(self) -> float:
        return PERIOD_MS / len(self._slots)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._began = time.monotonic()
        return self._loop

    def _arm(self) -> None:
        delay = self._began + self._tick * self._step_ms / 1000 / self.speed - time.monotonic()
        self._timer = self._running_loop().call_later(max(0.0, delay), self._fire)

    def _fire(self) -> None:
        elapsed = self.elapsed_ms()
        late_ms = (elapsed - self._tick * self._step_ms) / self.speed
        self.lateness[min(LATENESS_STEPS - 1, max(0, int(late_ms * 10)))] += 1
        # A late tick makes up for the slots it missed; more than one round of them is never needed.
        behind = int(elapsed / self._step_ms) - self._tick
        due = [
            self._slots[(self._tick + i) % len(self._slots)] for i in range(min(max(0, behind) + 1, len(self._slots)))
        ]
        self._tick += max(0, behind) + 1
        self._arm()
        for member in [member for slot in due for member in slot.values()]:
            member(int(elapsed))
