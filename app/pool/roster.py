"""Who is where: the pool's book of its sessions. Plain and synchronous; times are handed in."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

from app.call.events import Failure
from app.engines.engine import Session, SessionKey
from app.pool.plan import Live, PoolOptions, Scene, Setback, Warm, choose

REMEMBERED = 1_000  # arrivals a key; more in five minutes than any process can hold calls


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """Sessions by state; together they are the streams in use."""

    idle: int
    opening: int
    live: int
    closing: int

    @property
    def streams(self) -> int:
        return self.idle + self.opening + self.live + self.closing


class Roster:
    """Each session of the pool is in exactly one place here, from before it is opened until it is closed."""

    def __init__(self, keys: Sequence[SessionKey], options: PoolOptions, now_ms: int) -> None:
        self._keys = list(keys)
        self._options = options
        self._numbered = 0
        self._warm: dict[int, Session] = {}
        self._live: dict[int, Session] = {}
        self._opening: Counter[SessionKey] = Counter()
        self._closing = 0
        self._arrivals: dict[SessionKey, deque[int]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._promised: dict[SessionKey, deque[int]] = defaultdict(deque)
        self._throttled: Setback | None = None
        self._failing: dict[SessionKey, Setback] = {}
        # Nothing is known of demand at first, so the start counts as arrivals: a full pool, until the memory fades.
        for key in islice(cycle(self._keys), options.size if self._keys else 0):
            self._arrivals[key].append(now_ms)

    # --- what is seen ---------------------------------------------------------------------------------------------

    def scene(self, now_ms: int) -> Scene:
        return Scene(
            now_ms=now_ms,
            keys=self._keys,
            warm=self._listed(),
            live=[Live(s.key, s.opened_ms) for s in self._live.values()],
            opening={key: n for key, n in self._opening.items() if n},
            closing=self._closing,
            arrivals=self._arrivals,
            promised=self._promised,
            throttled=self._throttled,
            failing=self._failing,
        )

    def counts(self) -> PoolCounts:
        return PoolCounts(len(self._warm), self._opening.total(), len(self._live), self._closing)

    def opening(self, key: SessionKey) -> int:
        return self._opening[key]

    def sessions(self) -> list[Session]:
        return [*self._warm.values(), *self._live.values()]

    def _listed(self) -> list[Warm]:
        return [Warm(number, s.key, s.opened_ms, s.dead is not None) for number, s in self._warm.items()]

    # --- callers --------------------------------------------------------------------------------------------------

    def learn(self, key: SessionKey) -> None:
        """A key not known at the start: a changed agent has one of its own."""
        if key not in self._keys:
            self._keys.append(key)

    def change(self, keys: Sequence[SessionKey]) -> None:
        """Another edition is in use: its keys come first, and inherit how often those before them were asked for. Of
        the others only those stay that some session or caller still has."""
        asked = {
            replace(key, edition=""): times for key, times in self._arrivals.items() if key in self._keys and times
        }
        arrivals = {key: asked.get(replace(key, edition=""), deque(maxlen=REMEMBERED)) for key in keys}
        kept = [key for key in self._keys if key not in arrivals and self._in_use(key)]
        self._arrivals = defaultdict(lambda: deque(maxlen=REMEMBERED), arrivals)
        self._failing = {key: setback for key, setback in self._failing.items() if key in arrivals}
        self._keys = [*keys, *kept]

    def _in_use(self, key: SessionKey) -> bool:
        return bool(self._opening[key] or self._promised[key]) or any(s.key == key for s in self.sessions())

    def knows(self, key: SessionKey) -> bool:
        return key in self._keys

    def call_rang(self, key: SessionKey, now_ms: int) -> None:
        self._arrivals[key].append(now_ms)
        self._promised[key].append(now_ms)

    def lend(self, key: SessionKey, now_ms: int) -> Session | None:
        number = choose(self._listed(), key, now_ms, self._options)
        if number is None:
            return None
        session = self._warm.pop(number)
        self.lent(session, now_ms)
        return session

    def lent(self, session: Session, now_ms: int) -> None:
        """`session` serves a call from now on, and the oldest promise of its key is kept."""
        self._live[id(session)] = session
        promises = self._promised[session.key]
        while promises and now_ms - promises[0] >= self._options.promise_ms:
            promises.popleft()
        if promises:
            promises.popleft()

    # --- openings -------------------------------------------------------------------------------------------------

    def opening_began(self, key: SessionKey) -> None:
        self._opening[key] += 1

    def opening_abandoned(self, key: SessionKey) -> None:
        self._opening[key] -= 1

    def opened(self, session: Session) -> None:
        """An opening became a session: warm, until it is lent or retired."""
        self._opening[session.key] -= 1
        self._numbered += 1
        self._warm[self._numbered] = session
        self._throttled = None
        self._failing.pop(session.key, None)

    def opening_failed(self, key: SessionKey, failure: Failure, began_ms: int, now_ms: int, jitter: float) -> None:
        self._opening[key] -= 1
        if failure is Failure.THROTTLED:
            self._throttled = _worse(self._throttled, began_ms, now_ms, jitter)
        else:
            self._failing[key] = _worse(self._failing.get(key), began_ms, now_ms, jitter)

    def forgive(self) -> None:
        """Earlier failures say nothing any more."""
        self._throttled = None
        self._failing.clear()

    # --- endings --------------------------------------------------------------------------------------------------

    def retire(self, number: int) -> Session:
        """A warm session begins to close."""
        self._closing += 1
        return self._warm.pop(number)

    def give_back(self, session: Session) -> bool:
        """A call's session begins to close. False when it was given back before, or never lent."""
        if self._live.pop(id(session), None) is None:
            return False
        self._closing += 1
        return True

    def retire_all(self) -> list[Session]:
        everyone = self.sessions()
        self._closing += len(everyone)
        self._warm.clear()
        self._live.clear()
        return everyone

    def closed(self) -> None:
        self._closing -= 1


def _worse(setback: Setback | None, began_ms: int, now_ms: int, jitter: float) -> Setback:
    # Openings that were under way together fail together: that is one setback, not several.
    if setback is None:
        return Setback(1, now_ms, jitter)
    return setback if began_ms <= setback.last_ms else Setback(setback.count + 1, now_ms, jitter)
