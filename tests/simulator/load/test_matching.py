"""Both accounts of a run side by side. Times in ms, turned into ns where they are handed over."""

from app.simulator.load.figures import MS
from app.simulator.load.matching import answers, barge_ins, echo_delays, quick_answers, uplink_delays
from app.simulator.load.orders import CallResult
from app.simulator.load.sonic_log import Heard
from app.simulator.load.talker import Turn

ALWAYS = (0, 10**15)


def call(frames: int, turns: list[Turn] | None = None) -> CallResult:
    """Frame k was written at 20 * (k + 1) ms."""
    return CallResult(1, turns=turns or [], sent=[20 * (k + 1) * MS for k in range(frames)])


def heard(*arrivals: tuple[int, float], replies: tuple[float, ...] = ()) -> Heard:
    """Arrivals as (frames so far, ms)."""
    return Heard(
        1, arrivals=[(frames * 640, int(ms * MS)) for frames, ms in arrivals], replies=[int(r * MS) for r in replies]
    )


def test_a_frame_is_matched_with_the_arrival_that_completes_it_and_the_filter_is_added() -> None:
    delays = uplink_delays(call(3), heard((0, 1), (1, 21), (2, 44), (3, 63)), ALWAYS)
    assert delays.quiet == [3.0, 6.0, 5.0]


def test_a_batch_completes_all_its_frames_at_once() -> None:
    delays = uplink_delays(call(5), heard((0, 1), (5, 101)), ALWAYS)
    assert delays.quiet == [83.0, 63.0, 43.0, 23.0, 3.0]


def test_half_a_frame_is_not_the_frame() -> None:
    arrivals = Heard(1, arrivals=[(0, 0), (320, 21 * MS), (640, 30 * MS)])
    assert uplink_delays(call(1), arrivals, ALWAYS).quiet == [12.0]


def test_frames_from_before_the_session_wait_for_it_and_are_left_out() -> None:
    delays = uplink_delays(call(4), heard((3, 65), (4, 81)), ALWAYS)
    assert delays.quiet == [3.0]


def test_a_beginning_that_was_dropped_shifts_every_position() -> None:
    """300 frames; 52 of them were forgotten, 250 waited for the session."""
    waited = [(frames, 5_041.0) for frames in range(5, 251, 5)]
    delays = uplink_delays(call(304), heard(*waited, (251, 6_063), (252, 6_081)), ALWAYS)
    assert delays.lost_ms == 0
    assert delays.quiet[-2:] == [5.0, 3.0]


def test_a_call_that_lost_anything_else_says_so_and_gives_no_delays() -> None:
    delays = uplink_delays(call(4), heard((0, 1), (1, 25), (2, 45), (3, 65)), ALWAYS)
    assert delays.lost_ms == 20
    assert delays.quiet == delays.speech == delays.onset == []


def test_speech_in_flow_its_onset_and_quiet_are_told_apart() -> None:
    turn = Turn(frame=2, first_sound=10, last_sound=160 * 7)
    spoken = call(12, [turn])
    delays = uplink_delays(spoken, heard((0, 0), *[(k + 1, 20 * (k + 1) + 1) for k in range(12)]), ALWAYS)
    assert (len(delays.quiet), len(delays.onset), len(delays.speech)) == (4, 5, 3)


def test_only_frames_of_the_window_count() -> None:
    delays = uplink_delays(call(3), heard((0, 0), (1, 21), (2, 41), (3, 61)), (40 * MS, 60 * MS))
    assert delays.quiet == [3.0]


def answered(at: int) -> Turn:
    """Spoken until the middle of frame 4 (written at 100 ms): its last sound is at 90 ms."""
    return Turn(frame=2, first_sound=0, last_sound=160 * 2 + 80, answered=at * MS)


def test_a_turn_is_split_where_the_model_began_to_answer() -> None:
    (answer,) = answers(call(9, [answered(900)]), [50 * MS, 890 * MS], ALWAYS)
    assert (answer.turn, answer.engine, answer.down) == (810.0, 800.0, 10.0)


def test_a_reply_that_began_after_the_answer_is_not_its_reply() -> None:
    (answer,) = answers(call(9, [answered(900)]), [950 * MS], ALWAYS)
    assert answer.turn == 810.0 and answer.engine is None and answer.down is None


def test_turns_without_an_answer_or_talked_over_are_left_out() -> None:
    spoiled = answered(900)
    spoiled.talked_over = True
    assert answers(call(9, [answered(0), spoiled]), [890 * MS], ALWAYS) == []


def test_a_barge_in_lasts_from_the_first_sound_to_the_clear() -> None:
    heeded = Turn(frame=2, first_sound=80, last_sound=400, interrupts=True, cleared=95 * MS)
    unheeded = Turn(frame=5, first_sound=0, last_sound=400, interrupts=True)
    polite = Turn(frame=7, first_sound=0, last_sound=400)
    spoken = call(9, [heeded, unheeded, polite])
    assert barge_ins(spoken, ALWAYS) == ([45.0], 1)
    assert barge_ins(spoken, (60 * MS, 200 * MS)) == ([], 1)


def test_an_echo_is_matched_by_its_place() -> None:
    result = call(3)
    result.returned = [21 * MS, 45 * MS]
    assert echo_delays(result, ALWAYS) == [1.0, 5.0]


def said(*texts: int, replies: tuple[int, ...] = (), ended: int = 0) -> Heard:
    """A session that sent words and began replies at these ms."""
    return Heard(1, texts=[at * MS for at in texts], replies=[at * MS for at in replies], ended_at=ended * MS)


def test_an_answer_before_the_model_began_its_own_is_a_phrases() -> None:
    hushed = said(600, replies=(800,))
    (quick,) = quick_answers(call(9, [answered(604)]), [hushed], ALWAYS)
    assert (quick.endpointing, quick.answer, quick.by_phrase, quick.closed) == (510.0, 4.0, True, False)
    (slow,) = quick_answers(call(9, [answered(804)]), [hushed], ALWAYS)
    assert slow.answer == 204.0 and not slow.by_phrase


def test_a_session_is_really_closed_where_it_ended_before_it_could_begin() -> None:
    sessions = [said(600, ended=606), said(5_000, replies=(5_200,))]
    (quick,) = quick_answers(call(9, [answered(604)]), sessions, ALWAYS)
    assert quick.closed
    (later,) = quick_answers(call(9, [answered(604)]), [said(600, ended=3_000)], ALWAYS)
    assert later.by_phrase and not later.closed  # it ended with the call


def test_a_turn_without_words_of_its_own_is_left_out() -> None:
    assert quick_answers(call(9, [answered(604)]), [said(50)], ALWAYS) == []
    assert quick_answers(call(9, [answered(604)]), [], ALWAYS) == []
