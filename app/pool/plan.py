"""What the pool should do, as a pure function of what it has.

The theory. A session serves one call and is never reused, so a pool is a stock of unopened envelopes. Two numbers bound
it: the **streams** the account allows (warm + live + opening + closing) and the **size**, the ceiling on warm sessions
kept for callers who have not rung yet. A call that has rung (its webhook came, its session is not lent yet) is
**promised** one: promised sessions stand outside the size, never outside the streams. What is kept beyond the promised
is **spare**, and follows arrivals: the largest number of calls that came within `burst_ms`, over the last `memory_ms`,
plus the renewals that live sessions will soon ask for. The first key always keeps one; a key nobody asks for, none.
The first key's edition is the one in use: of former editions only what live calls may still ask for is kept.

A warm session cannot be kept alive (only audio or live text would do that, and they belong to a call), so it is
replaced before the service's idle limit: from `stale_ms` on, a few at a time, and at `too_old_ms` at the latest. Those
opened together thus drift apart, and the pool is never empty because all grew old at once.

An opening that fails holds all further ones back, longer each time; then one goes ahead alone, to see. A throttle holds
every key, for the quota is the account's; a wrong voice only its own. Callers who are waiting do not wait for this: the
pool opens for them at once (`Pool.open_cold`), within the streams.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.engines.engine import SessionKey


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Limits and habits; all times in ms."""

    size: int = 4  # POOL_SIZE: ceiling on spare sessions, over all keys
    max_streams: int = 20  # NOVA_SONIC_MAX_STREAMS
    idle_ms: int = 55_000  # the service ends a stream without audio after this
    session_ms: int = 480_000  # the service ends a session after this
    idle_margin_ms: int = 10_000
    turnover_ms: int = 10_000  # replacement may begin this long before a session is too old
    memory_ms: int = 300_000
    burst_ms: int = 3_000
    promise_ms: int = 15_000  # a call that rang is lent a session within this, or never
    back_off_first_ms: int = 1_000
    back_off_most_ms: int = 60_000
    look_ms: int = 1_000  # how long a dead session may go unnoticed
    close_ms: int = 2_000

    @property
    def too_old_ms(self) -> int:
        """Before the service's idle limit, and with three quarters of a session's life left for a call."""
        return min(self.idle_ms - min(self.idle_margin_ms, self.idle_ms // 2), self.session_ms // 4)

    @property
    def stale_ms(self) -> int:
        return self.too_old_ms - min(self.turnover_ms, self.too_old_ms // 4)

    @property
    def renewing_from_ms(self) -> int:
        """The age from which a live session may ask for its successor at any turn's end."""
        return self.session_ms * 3 // 4


@dataclass(frozen=True, slots=True)
class Warm:
    """A session at hand. `id` is the pool's own number for it."""

    id: int
    key: SessionKey
    opened_ms: int
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """A session lent to a call."""

    key: SessionKey
    opened_ms: int


@dataclass(frozen=True, slots=True)
class Setback:
    """Openings that failed one after the other. `jitter` in 0..1 was drawn when the last one failed."""

    count: int
    last_ms: int
    jitter: float


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the plan looks at. `keys` in order of importance; `arrivals` and `promised` are times of webhooks."""

    now_ms: int
    keys: Sequence[SessionKey]
    warm: Sequence[Warm] = ()
    live: Sequence[Live] = ()
    opening: Mapping[SessionKey, int] = field(default_factory=dict)
    closing: int = 0
    arrivals: Mapping[SessionKey, Sequence[int]] = field(default_factory=dict)
    promised: Mapping[SessionKey, Sequence[int]] = field(default_factory=dict)
    throttled: Setback | None = None
    failing: Mapping[SessionKey, Setback] = field(default_factory=dict)


type Why = Literal["dead", "too_old", "turnover", "surplus", "makes_room", "former"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now. `open` names a key once for each session; `look_again_ms` is when to plan anew at the latest."""

    open: Sequence[SessionKey]
    retire: Mapping[int, Why]
    backing_off_until_ms: int | None
    look_again_ms: int


def streams_in_use(scene: Scene) -> int:
    return len(scene.warm) + len(scene.live) + sum(scene.opening.values()) + scene.closing


def fits(warm: Warm, key: SessionKey, now_ms: int, options: PoolOptions) -> bool:
    return warm.key == key and not warm.dead and now_ms - warm.opened_ms < options.too_old_ms


def choose(warm: Sequence[Warm], key: SessionKey, now_ms: int, options: PoolOptions) -> int | None:
    """The session to lend: the oldest that is alive and may still be used, so that few grow old unused."""
    fit = [w for w in warm if fits(w, key, now_ms, options)]
    return min(fit, key=lambda w: w.opened_ms).id if fit else None


def has_spare(scene: Scene, key: SessionKey, options: PoolOptions) -> bool:
    """More sessions could be lent now than are promised."""
    return beyond_promised(scene, key, options) > 0


def beyond_promised(scene: Scene, key: SessionKey, options: PoolOptions) -> int:
    """How many more sessions could be lent now than are promised; negative where callers wait for theirs."""
    fit = sum(fits(warm, key, scene.now_ms, options) for warm in scene.warm)
    return fit - still_promised(scene.promised.get(key, ()), scene.now_ms, options)


def spare(scene: Scene, options: PoolOptions) -> list[int]:
    """Warm sessions that no caller who has rung is to have, the oldest first."""
    found: list[Warm] = []
    for key in {warm.key for warm in scene.warm}:
        kept = sorted((warm for warm in scene.warm if warm.key == key), key=lambda w: w.opened_ms)
        found += kept[: max(0, beyond_promised(scene, key, options))]
    return [warm.id for warm in sorted(found, key=lambda w: w.opened_ms)]


def yields(warm: Sequence[Warm]) -> int | None:
    """Whom to close so that a caller for whom none of these will do gets the stream: the oldest."""
    return min(warm, key=lambda w: w.opened_ms).id if warm else None


def still_promised(times: Sequence[int], now_ms: int, options: PoolOptions) -> int:
    return sum(now_ms - at < options.promise_ms for at in times)


def largest_burst(arrivals: Sequence[int], now_ms: int, options: PoolOptions) -> int:
    """The most calls that came within `burst_ms` of each other, as far as the pool remembers."""
    times = sorted(at for at in arrivals if now_ms - at < options.memory_ms)
    first, most = 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= options.burst_ms:
            first += 1
        most = max(most, last - first + 1)
    return most


def renewals_due(live: Sequence[Live], key: SessionKey, now_ms: int, options: PoolOptions) -> int:
    return sum(one.key == key and now_ms - one.opened_ms >= options.renewing_from_ms for one in live)


def backing_off_until(setback: Setback | None, options: PoolOptions) -> int | None:
    """Doubling from `back_off_first_ms`, each shortened by at most half by its jitter; so the next is never shorter."""
    if setback is None:
        return None
    doublings = min(setback.count - 1, 20)
    full = min(options.back_off_most_ms, options.back_off_first_ms << doublings)
    return setback.last_ms + full - int(full * setback.jitter / 2)


def is_former(key: SessionKey, keys: Sequence[SessionKey]) -> bool:
    """Of an edition that no new call is cast from."""
    return bool(keys) and key.edition != keys[0].edition


def spare_wanted(scene: Scene, options: PoolOptions) -> dict[SessionKey, int]:
    """Spare sessions for each key, dealt out one by one in turn until `size` is used up."""
    wish = {
        key: max(
            (0 if is_former(key, scene.keys) else largest_burst(scene.arrivals.get(key, ()), scene.now_ms, options))
            + renewals_due(scene.live, key, scene.now_ms, options),
            1 if key == scene.keys[0] else 0,
        )
        for key in scene.keys
    }
    dealt = dict.fromkeys(scene.keys, 0)
    left = options.size
    while left and (hungry := [key for key in scene.keys if dealt[key] < wish[key]]):
        for key in hungry[:left]:
            dealt[key] += 1
        left -= min(left, len(hungry))
    return dealt


def plan(scene: Scene, options: PoolOptions) -> Plan:
    """Decide. Warm + live + opening + closing never exceeds `max_streams` by what is opened here, and spare sessions
    never exceed `size`."""
    return _Planning(scene, options).decide()


class _Planning:
    """One decision, with its running sums: it is made at every webhook, beside the calls' audio."""

    def __init__(self, scene: Scene, options: PoolOptions) -> None:
        self.scene = scene
        self.options = options
        self.retire: dict[int, Why] = {}
        self.open: list[SessionKey] = []
        self.opening: dict[SessionKey, int] = defaultdict(int, scene.opening)
        self.kept: dict[SessionKey, list[Warm]] = defaultdict(list)  # warm and staying, oldest first
        self.fresh: dict[SessionKey, int] = defaultdict(int)
        for warm in sorted(scene.warm, key=lambda w: w.opened_ms):
            self.kept[warm.key].append(warm)
            self.fresh[warm.key] += not self.is_stale(warm)
        self.promised = defaultdict(
            int, {key: still_promised(scene.promised.get(key, ()), scene.now_ms, options) for key in scene.keys}
        )
        spare = spare_wanted(scene, options)
        self.target = defaultdict(int, {key: self.promised[key] + spare[key] for key in scene.keys})
        self.free_streams = options.max_streams - streams_in_use(scene)
        # How many more may be warm or opening: promised ones stand outside the size.
        self.room = options.size + sum(self.promised.values()) - len(scene.warm) - sum(scene.opening.values())

    def decide(self) -> Plan:
        self.retire_unfit()
        self.retire_surplus()
        for key in self.by_need():
            self.fill(key)
        return Plan(self.open, self.retire, max(self.holds(), default=None), self.look_again())

    def is_stale(self, warm: Warm) -> bool:
        return self.scene.now_ms - warm.opened_ms >= self.options.stale_ms

    def at_hand(self, key: SessionKey) -> int:
        return len(self.kept[key]) + self.opening[key]

    def missing(self, key: SessionKey) -> int:
        return self.target[key] - self.fresh[key] - self.opening[key]

    # --- what goes ------------------------------------------------------------------------------------------------

    def let_go(self, warm: Warm, why: Why) -> None:
        self.retire[warm.id] = why
        self.kept[warm.key].remove(warm)
        self.fresh[warm.key] -= not self.is_stale(warm)
        self.room += 1

    def retire_unfit(self) -> None:
        for warm in self.scene.warm:
            if warm.dead:
                self.let_go(warm, "dead")
            elif self.scene.now_ms - warm.opened_ms >= self.options.too_old_ms:
                self.let_go(warm, "too_old")

    def retire_surplus(self) -> None:
        for warm in self.oldest_first():
            if self.is_stale(warm) and self.fresh[warm.key] >= self.target[warm.key]:
                self.let_go(warm, "turnover")
            elif is_former(warm.key, self.scene.keys) and self.at_hand(warm.key) > self.target[warm.key]:
                self.let_go(warm, "former")
            elif self.room < 0 and self.at_hand(warm.key) > self.target[warm.key]:
                self.let_go(warm, "surplus")

    def oldest_first(self) -> list[Warm]:
        return sorted((w for shelf in self.kept.values() for w in shelf), key=lambda w: w.opened_ms)

    # --- what comes -----------------------------------------------------------------------------------------------

    def by_need(self) -> list[SessionKey]:
        """Callers who have rung first, then the emptiest shelf."""
        unmet = {key: max(0, self.promised[key] - self.at_hand(key)) for key in self.scene.keys}
        return sorted(self.scene.keys, key=lambda key: (-unmet[key], -self.missing(key)))

    def fill(self, key: SessionKey) -> None:
        may_open = self.allowed(key)
        while self.missing(key) > 0 and may_open > 0:
            if self.room <= 0 or self.free_streams <= 0:
                self.make_way(key)
            if self.room <= 0 or self.free_streams <= 0:
                return
            self.open.append(key)
            self.opening[key] += 1
            self.room -= 1
            self.free_streams -= 1
            may_open -= 1

    def make_way(self, key: SessionKey) -> None:
        """No room: let some of our own stale ones go, or, for a caller who has rung, one of another key."""
        stale = [w for w in self.kept[key] if self.is_stale(w)]
        if stale:
            batch = max(1, self.target[key] // 4) - self.opening[key] - self.scene.closing
            for warm in stale[: max(0, batch)]:
                self.let_go(warm, "turnover")
        elif self.promised[key] > self.at_hand(key) and not self.scene.closing:
            spared = [w for w in self.oldest_first() if self.at_hand(w.key) > self.promised[w.key]]
            if spared:
                self.let_go(spared[0], "makes_room")

    # --- holding back ---------------------------------------------------------------------------------------------

    def allowed(self, key: SessionKey) -> int:
        """How many may be opened after failures: all, none while backing off, then one alone."""
        setbacks = [s for s in (self.scene.throttled, self.scene.failing.get(key)) if s is not None]
        if any(self.is_held(setback) for setback in setbacks):
            return 0
        if not setbacks:
            return self.options.max_streams
        under_way = self.opening[key]
        if self.scene.throttled is not None:
            under_way = sum(self.opening.values())
        return max(0, 1 - under_way)

    def is_held(self, setback: Setback) -> bool:
        until = backing_off_until(setback, self.options)
        return until is not None and self.scene.now_ms < until

    def holds(self) -> list[int]:
        """The ends of all that is held back now."""
        setbacks = [self.scene.throttled, *self.scene.failing.values()]
        ends = [backing_off_until(setback, self.options) for setback in setbacks]
        return [end for end in ends if end is not None and end > self.scene.now_ms]

    def look_again(self) -> int:
        ages = (self.options.stale_ms, self.options.too_old_ms)
        birthdays = [w.opened_ms + age for shelf in self.kept.values() for w in shelf for age in ages]
        coming = [at for at in birthdays if at > self.scene.now_ms]
        return min([self.scene.now_ms + self.options.look_ms, *self.holds(), *coming])
