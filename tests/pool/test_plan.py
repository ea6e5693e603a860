"""The plan alone: small scenes by name, then rules that hold for every scene and through every history."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.engines.engine import SessionKey
from app.pool.plan import (
    Live,
    Plan,
    PoolOptions,
    Scene,
    Setback,
    Warm,
    backing_off_until,
    choose,
    has_spare,
    largest_burst,
    plan,
    streams_in_use,
)

DESK = SessionKey("edition", "desk", "en-US", "model", "us-east-1", 8000)
NIGHT = replace(DESK, agent="night")
OPTIONS = PoolOptions(size=4, max_streams=10)
NOW = 1_000_000


def warm(*ages: int, key: SessionKey = DESK) -> list[Warm]:
    return [Warm(n, key, NOW - age) for n, age in enumerate(ages)]


def test_an_empty_pool_with_no_history_keeps_one_of_its_first_key() -> None:
    assert plan(Scene(NOW, [DESK, NIGHT]), OPTIONS).open == [DESK]


def test_size_follows_the_largest_burst_of_the_last_minutes() -> None:
    arrivals = {DESK: [NOW - 100_000, NOW - 99_000, NOW - 98_000, NOW - 10_000]}
    assert len(plan(Scene(NOW, [DESK], arrivals=arrivals), OPTIONS).open) == 3


def test_a_burst_is_counted_over_any_three_seconds() -> None:
    assert largest_burst([0, 2_900, 3_100, 5_000], 6_000, OPTIONS) == 3
    assert largest_burst([0, 3_000], 6_000, OPTIONS) == 1
    assert largest_burst([0, 1, 2], 400_000, OPTIONS) == 0


def test_the_size_is_a_ceiling_over_all_keys_dealt_out_in_turn() -> None:
    arrivals = {DESK: [NOW] * 9, NIGHT: [NOW] * 9}
    opened = plan(Scene(NOW, [DESK, NIGHT], arrivals=arrivals), OPTIONS).open
    assert (opened.count(DESK), opened.count(NIGHT)) == (2, 2)


def test_a_call_that_rang_gets_a_session_beyond_the_size() -> None:
    full = Scene(NOW, [DESK], warm(1, 1, 1, 1), arrivals={DESK: [NOW] * 4}, promised={DESK: [NOW]})
    assert plan(full, OPTIONS).open == [DESK]


def test_a_session_is_spare_where_no_caller_who_has_rung_is_to_have_it() -> None:
    assert has_spare(Scene(NOW, [DESK], warm(1)), DESK, OPTIONS)
    assert not has_spare(Scene(NOW, [DESK], warm(1), promised={DESK: [NOW]}), DESK, OPTIONS)
    assert has_spare(Scene(NOW, [DESK], warm(1, 1), promised={DESK: [NOW]}), DESK, OPTIONS)
    assert has_spare(Scene(NOW, [DESK], warm(1), promised={DESK: [NOW - 15_000]}), DESK, OPTIONS)
    assert not has_spare(Scene(NOW, [DESK, NIGHT], warm(1, key=NIGHT)), DESK, OPTIONS)
    assert not has_spare(Scene(NOW, [DESK], warm(OPTIONS.too_old_ms)), DESK, OPTIONS)
    assert not has_spare(Scene(NOW, [DESK], [replace(warm(1)[0], dead=True)]), DESK, OPTIONS)


def test_a_promise_is_forgotten_after_fifteen_seconds() -> None:
    assert not plan(Scene(NOW, [DESK], warm(1), promised={DESK: [NOW - 15_000]}), OPTIONS).open


def test_a_live_session_in_its_last_quarter_will_want_a_successor() -> None:
    scene = Scene(NOW, [NIGHT, DESK], live=[Live(DESK, NOW - 360_000), Live(DESK, NOW - 359_999)])
    assert plan(scene, OPTIONS).open.count(DESK) == 1


def test_callers_who_rang_come_before_spares() -> None:
    scene = Scene(NOW, [DESK, NIGHT], arrivals={DESK: [NOW] * 4}, promised={NIGHT: [NOW]})
    assert plan(scene, replace(OPTIONS, max_streams=1)).open == [NIGHT]


def test_a_spare_of_another_key_makes_room_for_a_caller_who_rang() -> None:
    scene = Scene(NOW, [DESK, NIGHT], warm(9_000, 5), promised={NIGHT: [NOW]})
    assert plan(scene, replace(OPTIONS, max_streams=2)).retire == {0: "makes_room"}


def test_dead_and_old_sessions_go() -> None:
    scene = Scene(NOW, [DESK], [Warm(1, DESK, NOW - 45_000), Warm(2, DESK, NOW, dead=True), Warm(3, DESK, NOW)])
    assert plan(scene, OPTIONS).retire == {1: "too_old", 2: "dead"}


def test_a_stale_session_stays_until_its_replacement_has_come() -> None:
    stale = Scene(NOW, [DESK], warm(36_000))
    assert (plan(stale, OPTIONS).open, plan(stale, OPTIONS).retire) == ([DESK], {})
    replaced = replace(stale, warm=warm(36_000, 10))
    assert plan(replaced, OPTIONS).retire == {0: "turnover"}


def test_a_full_shelf_that_grew_old_together_is_turned_over_one_by_one() -> None:
    scene = Scene(NOW, [DESK], warm(36_000, 36_000, 36_000, 36_000), arrivals={DESK: [NOW - 40_000] * 4})
    decision = plan(scene, OPTIONS)
    assert (len(decision.retire), len(decision.open)) == (1, 1)


def test_the_next_look_falls_on_the_next_birthday() -> None:
    assert plan(Scene(NOW, [DESK], warm(34_800)), OPTIONS).look_again_ms == NOW + 200


def test_after_a_throttle_nothing_opens_then_one_alone() -> None:
    demand = {DESK: [NOW] * 4}
    held = Scene(NOW, [DESK], arrivals=demand, throttled=Setback(1, NOW - 500, 0.0))
    assert (plan(held, OPTIONS).open, plan(held, OPTIONS).backing_off_until_ms) == ([], NOW + 500)
    assert plan(replace(held, now_ms=NOW + 500), OPTIONS).open == [DESK]
    assert plan(replace(held, now_ms=NOW + 500, opening={DESK: 1}), OPTIONS).open == []


def test_a_failing_key_holds_only_itself_back() -> None:
    scene = Scene(NOW, [DESK, NIGHT], arrivals={NIGHT: [NOW]}, failing={DESK: Setback(3, NOW, 0.0)})
    assert plan(scene, OPTIONS).open == [NIGHT]


def test_short_idle_limits_of_a_rehearsal_leave_sessions_some_life() -> None:
    options = PoolOptions(idle_ms=8_000)
    assert 0 < options.stale_ms < options.too_old_ms < options.idle_ms


def test_the_oldest_fit_session_is_lent() -> None:
    shelf = [Warm(1, DESK, NOW - 5), Warm(2, DESK, NOW - 50_000), Warm(3, DESK, NOW - 9), Warm(4, NIGHT, NOW - 99)]
    assert choose(shelf, DESK, NOW, OPTIONS) == 3
    assert choose([replace(shelf[0], dead=True)], DESK, NOW, OPTIONS) is None


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_each_back_off_is_at_least_as_long_as_the_one_before(count: int, jitter: float, next_jitter: float) -> None:
    this = backing_off_until(Setback(count, 0, jitter), OPTIONS)
    following = backing_off_until(Setback(count + 1, 0, next_jitter), OPTIONS)
    assert this is not None and following is not None
    assert following >= this or following >= OPTIONS.back_off_most_ms // 2
    assert 500 <= this <= OPTIONS.back_off_most_ms


KEYS = st.sampled_from([DESK, NIGHT])
AGES = st.integers(0, 60_000)
SETBACKS = st.none() | st.builds(Setback, st.integers(1, 12), st.integers(NOW - 90_000, NOW), st.floats(0, 1))


@st.composite
def scenes(draw: st.DrawFn, most: int = 8) -> Scene:
    shelf = draw(st.lists(st.tuples(KEYS, AGES, st.booleans()), max_size=most))
    live = draw(st.lists(st.builds(Live, KEYS, st.integers(NOW - 480_000, NOW)), max_size=most))
    return Scene(
        now_ms=NOW,
        keys=[DESK, NIGHT],
        warm=[Warm(n, key, NOW - age, dead) for n, (key, age, dead) in enumerate(shelf)],
        live=live,
        opening={DESK: draw(st.integers(0, 3)), NIGHT: draw(st.integers(0, 3))},
        closing=draw(st.integers(0, 3)),
        arrivals={key: draw(st.lists(st.integers(NOW - 400_000, NOW), max_size=12)) for key in (DESK, NIGHT)},
        promised={key: draw(st.lists(st.integers(NOW - 20_000, NOW), max_size=4)) for key in (DESK, NIGHT)},
        throttled=draw(SETBACKS),
        failing={NIGHT: setback} if (setback := draw(SETBACKS)) else {},
    )


LIMITS = st.builds(PoolOptions, size=st.integers(0, 6), max_streams=st.integers(1, 25))


def promised(scene: Scene, options: PoolOptions) -> int:
    return sum(scene.now_ms - at < options.promise_ms for times in scene.promised.values() for at in times)


@settings(max_examples=400, deadline=None)
@given(scenes(), LIMITS)
def test_for_every_scene_the_limits_hold(scene: Scene, options: PoolOptions) -> None:
    decision = plan(scene, options)
    if decision.open:
        assert streams_in_use(scene) + len(decision.open) <= options.max_streams
        kept = len(scene.warm) - len(decision.retire)
        waiting = sum(scene.opening.values()) + len(decision.open)
        assert kept + waiting <= options.size + promised(scene, options)
    for one in scene.warm:
        if one.dead or NOW - one.opened_ms >= options.too_old_ms:
            assert one.id in decision.retire
    assert decision.look_again_ms > NOW
    assert set(decision.retire) <= {one.id for one in scene.warm}
    if scene.throttled and (backing_off_until(scene.throttled, options) or 0) > NOW:
        assert not decision.open


class World:
    """What becomes of a pool that does as it is told, second by second."""

    def __init__(self, options: PoolOptions) -> None:
        self.options = options
        self.scene = Scene(NOW, [DESK, NIGHT], arrivals={DESK: [], NIGHT: []}, promised={DESK: [], NIGHT: []})
        self.numbered = 0

    def obey(self, decision: Plan) -> None:
        s = self.scene
        opening = {key: s.opening.get(key, 0) + decision.open.count(key) for key in s.keys}
        kept = [w for w in s.warm if w.id not in decision.retire]
        self.scene = replace(s, warm=kept, opening=opening, closing=s.closing + len(decision.retire))
        assert not decision.open or streams_in_use(self.scene) <= self.options.max_streams

    def second_passes(self, rings: list[SessionKey], hang_up: int, fails: bool) -> None:
        s = self.scene
        now = s.now_ms + 1_000
        shelf = list(s.warm)
        for key, n in s.opening.items():
            for _ in range(0 if fails else n):
                self.numbered += 1
                shelf.append(Warm(self.numbered, key, now))
        failed = fails and any(s.opening.values())
        throttled = Setback((s.throttled.count if s.throttled else 0) + 1, now, 0.5) if failed else None
        if not failed and not any(s.opening.values()):
            throttled = s.throttled
        live = list(s.live)[hang_up:]
        self.scene = replace(s, now_ms=now, warm=shelf, opening={}, closing=0, live=live, throttled=throttled)
        for key in rings:
            self.ring(key)

    def ring(self, key: SessionKey) -> None:
        s = self.scene
        number = choose(s.warm, key, s.now_ms, self.options)
        arrivals = {**s.arrivals, key: [*s.arrivals[key], s.now_ms]}
        if number is None:
            self.scene = replace(
                s, arrivals=arrivals, promised={**s.promised, key: [*s.promised[key], s.now_ms]}
            )  # served later, or never
            return
        (taken,) = [w for w in s.warm if w.id == number]
        shelf = [w for w in s.warm if w.id != number]
        self.scene = replace(s, arrivals=arrivals, warm=shelf, live=[*s.live, Live(key, taken.opened_ms)])


SECONDS = st.lists(st.tuples(st.lists(KEYS, max_size=3), st.integers(0, 2), st.booleans()), max_size=80)


@settings(max_examples=80, deadline=None)
@given(SECONDS, LIMITS)
def test_through_every_history_the_limits_hold(
    seconds: list[tuple[list[SessionKey], int, bool]], options: PoolOptions
) -> None:
    world = World(options)
    for rings, hang_up, fails in seconds:
        world.obey(plan(world.scene, options))
        world.second_passes(rings, hang_up, fails)
        shelf = world.scene.warm
        assert all(world.scene.now_ms - w.opened_ms <= options.too_old_ms + 1_000 for w in shelf)


@settings(max_examples=40, deadline=None)
@given(SECONDS, LIMITS)
def test_after_any_history_a_quiet_pool_comes_to_rest_with_one(
    seconds: list[tuple[list[SessionKey], int, bool]], options: PoolOptions
) -> None:
    world = World(options)
    for rings, hang_up, fails in seconds:
        world.obey(plan(world.scene, options))
        world.second_passes(rings, hang_up, fails)
    for _ in range(360):
        world.second_passes([], 3, fails=False)
        world.obey(plan(world.scene, options))
    kept = [w.key for w in world.scene.warm] + [key for key, n in world.scene.opening.items() for _ in range(n)]
    assert set(kept) <= {DESK}
    assert len(kept) <= 2  # one, and its replacement
    assert bool(kept) == bool(options.size)
