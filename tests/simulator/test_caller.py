"""A scripted caller, told the time: no clock, no sound, no loop."""

from collections.abc import Callable

from app.simulator import callscript
from app.simulator.caller import Act, Caller, Failed, PressKey, Reached, RingOff, Speak
from app.simulator.callscript import HangUp, Press, Say, WaitForBeep, WaitForHangUp, of

Loud = Callable[[int], bool]


def between(*spans: tuple[int, int]) -> Loud:
    """Loud from begin to end, in ms."""
    return lambda ms: any(begin < ms <= end for begin, end in spans)


SILENCE = between()


class Told:
    """A caller and what it did, with times."""

    def __init__(self, text: str, line_ms: int = 500) -> None:
        script = callscript.parse(text)
        self.caller = Caller(script, dict.fromkeys(script.lines, line_ms))
        self.acts: list[tuple[int, Act]] = []
        self.now = 0

    def live(self, until_ms: int, loud: Loud = SILENCE) -> "Told":
        while self.now < until_ms and not self.caller.done:
            self.now += 20
            acts = self.caller.tick(self.now, loud(self.now))
            self.acts += [(self.now, act) for act in acts if not isinstance(act, Reached)]
        return self

    @property
    def whys(self) -> list[str]:
        return [failed.why for failed in self.caller.failures]


def test_a_caller_speaks_when_the_bot_has_spoken_and_paused() -> None:
    told = Told('wait for speech\nwait for quiet 700ms\nsay "hello"\nhang up')
    told.live(10_000, between((1000, 2000)))
    assert told.acts == [(2700, Speak(Say("hello"))), (3200, RingOff())]
    assert told.caller.done and not told.caller.failures


def test_a_pause_between_words_is_not_yet_quiet() -> None:
    told = Told("wait for speech\nwait for quiet 700ms\nhang up").live(10_000, between((100, 600), (1000, 1500)))
    assert told.acts == [(2200, RingOff())]


def test_a_click_is_not_speech() -> None:
    told = Told("wait for speech within 2s").live(5000, between((500, 520)))
    assert told.whys == ["nobody spoke (waited 2000 ms)"]


def test_a_wait_in_vain_ends_the_call_and_the_script() -> None:
    told = Told('wait for speech within 1s\nsay "hello"').live(5000)
    assert isinstance(told.acts[-1][1], RingOff) and told.acts[-1][1].gave_up
    assert not [act for _, act in told.acts if isinstance(act, Speak)]


def test_an_expectation_in_vain_lets_the_caller_go_on() -> None:
    told = Told('expect speech within 1s\nsay "hello"').live(5000)
    assert told.acts[-1] == (1020, Speak(Say("hello"))) and len(told.caller.failures) == 1


def test_an_interruption_begins_when_the_bot_has_spoken_so_long() -> None:
    told = Told('interrupt after 1.2s "wait"').live(5000, between((500, 3000)))
    assert told.acts == [(1700, Speak(Say("wait"), interrupting=True))]


def test_an_interruption_counts_one_spurt_of_talk_only() -> None:
    told = Told('interrupt after 1s "wait"').live(6000, between((500, 1200), (2000, 4000)))
    assert told.acts == [(3000, Speak(Say("wait"), interrupting=True))]


def test_keys_are_pressed_one_after_the_other() -> None:
    told = Told("press 1 2 #\nhang up").live(2000)
    assert told.acts == [(20, PressKey("1")), (280, PressKey("2")), (540, PressKey("#")), (800, RingOff())]


def test_silence_is_expected_for_as_long_as_it_says() -> None:
    assert not Told("expect silence 2s").live(3000, between((2500, 2900))).caller.failures
    assert Told("expect silence 2s").live(3000, between((1000, 1500))).whys == ["the bot spoke after 1040 ms"]


def test_a_bot_that_is_cut_in_time_was_quiet_within() -> None:
    told = Told('interrupt after 500ms "no"\nexpect quiet within 200ms', line_ms=100)
    told.live(5000, between((0, 750)))
    assert not told.caller.failures


def test_a_bot_that_talks_on_was_not_quiet_within() -> None:
    told = Told('interrupt after 500ms "no"\nexpect quiet within 200ms', line_ms=100)
    told.live(5000, between((0, 3000)))
    assert told.whys == ["the bot went on speaking (waited 220 ms)"]


def test_what_was_heard_counts_from_the_callers_last_words() -> None:
    text = 'wait for quiet 500ms\nsay "hi"\nwait 1s\nexpect heard at least 300ms\nexpect heard at least 500ms'
    told = Told(text).live(5000, between((0, 1000), (1600, 2000)))
    assert told.whys == ["heard 400 ms"]


def test_a_hang_up_that_was_expected_fulfils_the_script() -> None:
    told = Told("wait for hang up within 5s\nhang up").live(1000)
    assert told.caller.line_dropped(1000) == [] and told.caller.done


def test_a_hang_up_in_the_middle_names_what_was_still_to_come() -> None:
    told = Told('wait for speech\nsay "hello"').live(1000)
    told.caller.line_dropped(1000)
    assert [str(failed) for failed in told.caller.failures] == ["line 1: wait for speech: the line went dead before"]


def test_an_open_line_fails_who_expected_it_to_close() -> None:
    told = Told("expect hung up within 1s").live(3000)
    assert isinstance(told.acts[0][1], Failed) and told.whys == ["the line is still open (waited 1000 ms)"]


def test_a_beep_is_waited_for_until_it_has_ended() -> None:
    caller = Caller(of(WaitForBeep(within_ms=5000), HangUp()), {})
    acts: dict[int, list[object]] = {}
    for now in range(20, 2000, 20):
        acts[now] = list(caller.tick(now, loud=400 < now <= 1000, tone=600 < now <= 1000))
    assert [now for now, done in acts.items() if RingOff() in done] == [1020]


def test_a_short_tone_is_no_beep() -> None:
    caller = Caller(of(WaitForBeep(within_ms=1000), HangUp()), {})
    for now in range(20, 1100, 20):
        caller.tick(now, loud=False, tone=now in (100, 120, 140))
    assert [failed.why for failed in caller.failures] == ["no beep was heard (waited 1000 ms)"]


def test_a_line_that_goes_dead_on_the_last_key_fails_nothing() -> None:
    caller = Caller(of(Press("#"), WaitForHangUp()), {})
    caller.tick(20, loud=False)
    caller.line_dropped(40)
    assert not caller.failures
