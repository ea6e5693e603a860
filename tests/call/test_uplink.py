"""The caller's audio waits for a session, travels in batches in long quiet, and is kept until it is answered."""

from app.call import commands as c
from app.call.setup import Timings, UplinkSettings
from app.call.uplink import Uplink
from tests.call.stage import line_audio, times_in


class Line:
    """A caller's line, 20 ms at a time."""

    def __init__(self, **settings: object) -> None:
        self.uplink = Uplink(UplinkSettings(**settings), Timings())  # type: ignore[arg-type]
        self.now = 20  # 0 is digital silence

    def runs(self, ms: int) -> list[c.Command]:
        commands: list[c.Command] = []
        for _ in range(ms // 20):
            commands += self.uplink.push(line_audio(self.now), 20)
            self.now += 20
        return commands


def spoken_at(commands: list[c.Command]) -> list[int]:
    return [at for command in commands if isinstance(command, c.SendToEngine) for at in times_in(command.audio)]


def sizes_ms(commands: list[c.Command]) -> list[int]:
    return [len(command.audio) // 32 for command in commands if isinstance(command, c.SendToEngine)]


def test_what_was_said_before_the_session_came_goes_in_order() -> None:
    line = Line()
    assert line.runs(400) == []
    assert spoken_at(line.uplink.attach(1)) == list(range(20, 420, 20))


def test_five_seconds_wait_and_no_more() -> None:
    line = Line()
    line.runs(8_000)
    went = line.uplink.attach(1)
    assert sum(sizes_ms(went)) == 5_000 and spoken_at(went)[-1] == 8_000
    assert max(sizes_ms(went)) == 100


def test_long_quiet_travels_in_batches() -> None:
    line = Line()
    line.uplink.attach(1)
    assert sizes_ms(line.runs(1_000)) == [100] * 10


def test_the_first_sound_flushes_the_batch_and_every_frame_goes_at_once() -> None:
    line = Line()
    line.uplink.attach(1)
    line.runs(160)
    assert spoken_at(line.uplink.onset()) == [120, 140, 160]
    assert sizes_ms(line.runs(100)) == [20] * 5


def test_two_seconds_after_speech_batching_begins_again() -> None:
    line = Line()
    line.uplink.attach(1)
    line.uplink.onset()
    line.runs(500)
    line.uplink.offset(True)
    assert set(sizes_ms(line.runs(2_000))) == {20}
    assert set(sizes_ms(line.runs(1_000))) == {100}


def test_twenty_turns_batching_off() -> None:
    line = Line(quiet_batch_ms=20)
    line.uplink.attach(1)
    assert sizes_ms(line.runs(100)) == [20] * 5


def test_the_gate_sends_silence_but_keeps_what_led_up_to_the_first_sound() -> None:
    line = Line(gate=True)
    line.uplink.attach(1)
    quiet = line.runs(1_000)
    assert set(spoken_at(quiet)) == {0} and set(sizes_ms(quiet)) == {100}
    led_up = spoken_at(line.uplink.onset())
    assert led_up[-1] == 1_000 and len(led_up) >= 5
    assert sum(sizes_ms(quiet)) + 20 * len(led_up) == 1_000  # time is neither lost nor made up


def test_speech_goes_raw_through_the_gate() -> None:
    line = Line(gate=True)
    line.uplink.attach(1)
    line.uplink.onset()
    assert spoken_at(line.runs(100)) == [20, 40, 60, 80, 100]


def test_the_next_session_hears_the_utterance_again_with_its_lead_in() -> None:
    line = Line()
    line.uplink.attach(1)
    line.runs(1_000)
    line.uplink.onset()
    line.runs(600)
    line.uplink.offset(True)
    line.runs(5_000)
    line.uplink.detach()
    line.runs(100)
    again = spoken_at(line.uplink.attach(2))
    assert again[:1] == [720] and again[-1] == 6_700
    assert set(range(1_020, 1_620, 20)) <= set(again)
    assert len(again) < 200  # without the long quiet


def test_a_second_utterance_behind_a_long_quiet_is_heard_again_with_its_lead_in_too() -> None:
    line = Line()
    line.uplink.attach(1)
    line.uplink.onset()
    line.runs(1_000)
    line.uplink.offset(True)
    line.runs(5_000)  # nobody answers
    began = line.now - 60  # a detector decides late
    line.uplink.onset()
    line.runs(400)
    line.uplink.offset(True)
    line.uplink.detach()
    heard = spoken_at(line.uplink.attach(2))
    assert heard == sorted(set(heard)) and set(range(began, line.now, 20)) <= set(heard)


def test_what_was_answered_is_not_heard_again() -> None:
    line = Line()
    line.uplink.attach(1)
    line.uplink.onset()
    line.runs(600)
    line.uplink.offset(True)
    line.uplink.answered()
    line.uplink.detach()
    assert line.uplink.attach(2) == []


def test_a_sound_too_short_for_a_word_is_not_heard_again() -> None:
    line = Line()
    line.uplink.attach(1)
    line.uplink.onset()
    line.runs(200)
    line.uplink.offset(False)
    assert not line.uplink.unanswered


def test_audio_can_wait_while_a_tool_is_pending() -> None:
    line = Line(audio_while_tool_pending=False)
    line.uplink.attach(1)
    line.runs(60)
    line.uplink.pause(True)
    assert line.runs(100) == []
    assert spoken_at(line.uplink.pause(False)) == list(range(20, 180, 20))


def test_it_need_not_wait_where_the_service_does_not_mind() -> None:
    line = Line()
    line.uplink.attach(1)
    line.uplink.pause(True)
    assert sizes_ms(line.runs(100)) == [100]


def test_another_session_gets_what_came_since_and_the_beginning_of_a_sound_nobody_has_noticed() -> None:
    line = Line()
    line.uplink.attach(1)
    line.uplink.onset()
    line.runs(600)
    line.uplink.offset(True)
    line.runs(2_000)
    line.uplink.answered()
    line.uplink.hand_over()
    line.runs(8_000)
    assert spoken_at(line.uplink.attach(2)) == list(range(2_320, 10_620, 20))


def test_another_session_hears_nothing_of_what_was_said_and_answered() -> None:
    line = Line()
    line.uplink.attach(1)
    line.uplink.onset()
    line.runs(600)
    line.uplink.offset(True)
    line.runs(100)
    line.uplink.answered()
    line.uplink.hand_over()
    assert spoken_at(line.uplink.attach(2)) == list(range(620, 720, 20))


def test_another_session_hears_again_what_was_not_answered() -> None:
    line = Line()
    line.uplink.attach(1)
    line.runs(400)
    line.uplink.onset()
    line.runs(600)
    line.uplink.hand_over()
    line.runs(200)
    assert spoken_at(line.uplink.attach(2)) == list(range(120, 1_220, 20))
