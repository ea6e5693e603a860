"""The calls a process knows. Pure but for the clock, which is a variable here."""

from app.bridge.registry import Registry
from app.call.continuation import ConnectStream, HangUpCall
from app.call.disposition import Disposition
from app.call.onward import Onward
from app.call.setup import CallFacts, CallSetup

MINUTE = 60_000


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        return self.ms


class Life:
    """As much of a call's life as the registry looks at."""

    disposition: str | None = None
    onward: Onward | None = None

    def __init__(self, call_sid: str) -> None:
        facts = CallFacts(call_sid, "+14155550123", "+15035550199", "desk", "edition", "en-US", 1_700_000_000_000)
        self.setup = CallSetup(facts, {})


def admit(registry: Registry, call_sid: str) -> Life:
    life = Life(call_sid)
    registry.put(call_sid, ConnectStream(), life)  # type: ignore[arg-type]
    return life


def test_only_calls_that_were_admitted_and_have_not_ended_take_a_place() -> None:
    registry = Registry(2, Clock())
    admit(registry, "CA1")
    registry.put("refused", HangUpCall())
    assert registry.has_room() and registry.live_count() == 1
    admit(registry, "CA2")
    assert not registry.has_room()
    registry.end("CA1")
    assert registry.has_room()


def test_a_house_that_drains_has_room_for_nobody() -> None:
    registry = Registry(2, Clock())
    registry.draining = True
    assert not registry.has_room()


def test_an_ended_call_is_remembered_for_a_while_and_a_live_one_for_ever() -> None:
    clock = Clock()
    registry = Registry(2, clock)
    admit(registry, "living")
    admit(registry, "ended")
    registry.end("ended")
    clock.ms = 14 * MINUTE
    registry.sweep()
    assert registry.get("ended") is not None
    clock.ms = 16 * MINUTE
    registry.sweep()
    assert registry.get("ended") is None and registry.get("living") is not None


def test_a_call_ends_once() -> None:
    clock = Clock()
    registry = Registry(2, clock)
    admit(registry, "CA1")
    registry.end("CA1")
    clock.ms = MINUTE
    registry.end("CA1")
    registry.end("nobody")
    entry = registry.get("CA1")
    assert entry is not None and entry.ended_ms == 0


def test_of_a_call_whose_last_task_has_ended_its_end_and_its_facts_are_left() -> None:
    registry = Registry(2, Clock())
    life = admit(registry, "CA1")
    life.disposition = Disposition.COMPLETED
    registry.bury("CA1", life)  # type: ignore[arg-type]
    entry = registry.get("CA1")
    assert entry is not None and entry.life is None and entry.ended_ms == 0
    assert entry.ended == Disposition.COMPLETED and entry.facts == life.setup.facts


def test_a_life_that_was_followed_by_another_one_buries_nothing() -> None:
    registry = Registry(2, Clock())
    before = admit(registry, "CA1")
    now = admit(registry, "CA1")
    registry.bury("CA1", before)  # type: ignore[arg-type]
    entry = registry.get("CA1")
    assert entry is not None and entry.life is now and entry.ended is None  # type: ignore[comparison-overlap]


def test_a_call_whose_stream_does_not_come_is_found_after_ninety_seconds() -> None:
    clock = Clock()
    registry = Registry(2, clock)
    admit(registry, "waits")
    admit(registry, "came")
    came = registry.get("came")
    assert came is not None
    came.next_leg = 2
    clock.ms = 90_000
    assert registry.never_streamed() == []
    clock.ms = 90_001
    assert registry.never_streamed() == ["waits"]


def test_a_life_s_own_word_that_it_is_over_comes_first() -> None:
    registry = Registry(2, Clock())
    life = admit(registry, "CA1")
    entry = registry.get("CA1")
    assert entry is not None and entry.ended is None
    life.disposition = Disposition.COMPLETED
    assert entry.ended == Disposition.COMPLETED


def test_the_house_is_at_rest_when_the_carrier_has_had_time_to_ask_what_follows_the_last_call() -> None:
    clock = Clock()
    registry = Registry(2, clock)
    assert registry.at_rest()
    admit(registry, "CA1")
    assert not registry.at_rest()
    registry.end("CA1")
    assert not registry.at_rest()
    clock.ms = 2_000
    assert registry.at_rest()


def test_a_caller_who_is_with_a_person_takes_no_place_and_keeps_no_process_from_ending() -> None:
    clock = Clock()
    registry = Registry(1, clock)
    life = admit(registry, "CA1")
    assert not registry.has_room()
    life.onward = Onward("dial", "CA1-1", "workshop")
    assert registry.has_room() and not registry.at_rest(), "the carrier has not asked yet where to"
    entry = registry.get("CA1")
    assert entry is not None
    entry.answered_next = True
    assert registry.at_rest()
