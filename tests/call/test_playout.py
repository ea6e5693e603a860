"""Frames wait, fly and are heard; a hold takes back what no ear reached."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.call import commands as c
from app.call.playout import Playout
from app.call.setup import Timings
from tests.call.stage import FRAME, MS, SILENCE, tone


def a_playout() -> Playout:
    playout = Playout(FRAME, SILENCE, Timings())
    playout.move(1, 0)
    return playout


def sent_ms(commands: list[c.Command]) -> list[int]:
    return [len(command.audio) // MS for command in commands if isinstance(command, c.PlayFrames)]


def marks(commands: list[c.Command]) -> list[str]:
    return [command.name for command in commands if isinstance(command, c.SendMark)]


def pumped(playout: Playout, *times: int) -> list[int]:
    return [sum(sent_ms(playout.pump(now))) for now in times]


def test_a_lead_leaves_at_once_and_then_a_group_whenever_one_fits() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 1_000), True)
    assert pumped(playout, 0, 20, 99, 100, 200, 300) == [200, 0, 0, 100, 100, 100]
    assert playout.deadline(300) == 400


def test_the_first_frame_of_a_reply_does_not_wait_for_a_group() -> None:
    playout = a_playout()
    playout.append("a", tone(1, 20))
    assert pumped(playout, 5) == [20]


def test_a_late_pump_makes_up_for_what_is_missing() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 1_000), True)
    assert pumped(playout, 0, 150, 400) == [200, 140, 200]


def test_odd_sizes_become_whole_frames_and_the_tail_is_padded_with_silence() -> None:
    playout = a_playout()
    playout.append("a", b"r" * 100)
    assert playout.pump(0) == []
    playout.append("a", b"r" * 100)
    playout.end("a")
    frames, mark = playout.pump(0)
    assert isinstance(frames, c.PlayFrames) and frames.audio == b"r" * 200 + SILENCE * 120
    assert isinstance(mark, c.SendMark)


def test_a_mark_follows_every_piece_and_every_second_of_a_long_one() -> None:
    playout = a_playout()
    playout.say("long", tone(1, 2_500), True)
    playout.say("short", tone(2, 100), True)
    named = [(now, name) for now in range(0, 2_600, 100) for name in marks(playout.pump(now))]
    assert [now for now, _ in named] == [800, 1_800, 2_300, 2_400]
    assert len({name for _, name in named}) == 4


def test_a_mark_that_ends_a_piece_goes_out_when_the_end_is_told_later() -> None:
    playout = a_playout()
    playout.append("a", tone(1, 100))
    assert marks(playout.pump(0)) == []
    playout.end("a")
    assert len(marks(playout.pump(10))) == 1


def test_a_piece_is_over_when_its_mark_comes_back() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 100), True)
    (name,) = marks(playout.pump(0))
    (heard,) = playout.echoed(name, 130)
    assert heard.key == "a" and heard.whole and playout.idle


def test_the_next_piece_follows_without_a_gap_while_the_lead_allows() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 60), True)
    playout.say("b", tone(2, 60), True)
    assert sent_ms(playout.pump(0)) == [60, 60]


def test_heard_is_the_time_since_the_first_frame_and_no_more_than_was_sent() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 1_000), True)
    playout.pump(0)
    assert [playout.report(now)[0].heard_ms for now in (0, 50, 119, 500)] == [0, 40, 100, 200]


def test_a_mark_that_comes_late_puts_the_ear_back() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 3_000), True)
    names = [name for now in range(0, 1_200, 100) for name in marks(playout.pump(now))]
    playout.echoed(names[0], 1_150)  # at 1,000 ms of sound
    assert playout.report(1_150)[0].heard_ms == 1_000


def test_a_hold_takes_back_what_is_in_flight_and_play_goes_on_at_the_first_frame_not_heard() -> None:
    playout = a_playout()
    audio = bytes(index // FRAME for index in range(1_000 * MS))  # every frame has its number
    playout.say("a", audio, True)
    pumped(playout, 0, 100)
    playout.hold(135)
    assert pumped(playout, 140, 1_000) == [0, 0] and playout.deadline(1_000) is None
    playout.resume()
    (frames,) = playout.pump(2_000)
    assert isinstance(frames, c.PlayFrames) and frames.audio[0] == 6  # 135 ms: six frames were heard whole


def test_marks_echoed_after_a_clear_prove_nothing() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 100), True)
    (name,) = marks(playout.pump(0))
    playout.hold(30)
    assert playout.echoed(name, 31) == [] and not playout.idle
    playout.resume()
    (again,) = marks(playout.pump(40))
    assert again != name and playout.echoed(again, 150)[0].whole


def test_a_cut_tells_how_much_of_each_piece_was_heard() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 100), True)
    playout.say("b", tone(2, 400), True)
    playout.pump(0)
    playout.pump(100)
    cut_ms, heard = playout.drop(200)
    assert cut_ms == 300
    assert [(piece.key, piece.heard_ms, piece.whole) for piece in heard] == [("a", 100, True), ("b", 100, False)]
    assert playout.idle


def test_a_telephone_that_loses_marks_does_not_stop_us() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 100), True)
    playout.pump(0)
    assert playout.deadline(0) == 2_100  # what is left to play, and the grace
    assert playout.lapse(2_099) == []
    assert playout.lapse(2_100)[0].whole


def test_a_line_in_front_is_played_before_the_rest_of_what_was_held() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 400), True)
    playout.pump(0)
    playout.move(None, 100)
    playout.move(2, 5_000)
    playout.say("b", tone(2, 60), True, first=True)
    played = b"".join(command.audio for command in playout.pump(5_000) if isinstance(command, c.PlayFrames))
    assert played == tone(2, 60) + tone(1, 140)


def test_an_open_reply_never_keeps_another_waiting() -> None:
    playout = a_playout()
    playout.append("a", tone(1, 40))
    playout.append("b", tone(2, 40))
    assert sent_ms(playout.pump(0)) == [40, 40]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, 900)),
        st.tuples(st.just("append"), st.integers(1, 3_000)),
        st.tuples(st.just("end"), st.just(0)),
        st.tuples(st.just("hold"), st.just(0)),
        st.tuples(st.just("resume"), st.just(0)),
        st.tuples(st.just("drop"), st.just(0)),
        st.tuples(st.just("drop waiting"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 700)),
        st.tuples(st.just("echo"), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_heard_and_dropped_and_waiting_are_all_that_arrived(steps: list[tuple[str, int]]) -> None:
    playout, now, names, key = a_playout(), 0, list[str](), 0
    for what, size in steps:
        match what:
            case "say":
                playout.say(f"p{key}", tone(1, size), True)
            case "append":
                playout.append(f"r{key}", b"r" * size)
            case "end":
                playout.end(f"r{key}")
                key += 1
            case "hold":
                playout.hold(now)
            case "resume":
                playout.resume()
            case "drop":
                playout.drop(now)
            case "drop waiting":
                playout.drop_waiting()
            case "echo" if names:
                playout.echoed(names.pop(0), now)
            case "wait":
                now += size
        playout.lapse(now)
        commands = playout.pump(now)
        names += marks(commands)
        assert all(len(command.audio) % FRAME == 0 for command in commands if isinstance(command, c.PlayFrames))
        assert playout.arrived == playout.heard + playout.dropped + playout.unheard
        assert 0 <= playout.in_flight <= playout.unheard


def late(playout: Playout, *times: int) -> list[int]:
    frames = []
    for now in times:
        playout.pump(now)
        frames.append(playout.late)
    return frames


def test_frames_that_come_after_the_telephone_ran_dry_in_mid_piece_are_late() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 1_000), True)
    assert late(playout, 0, 100, 299, 480, 700, 900) == [0, 0, 0, 0, 10, 0]


def test_a_pause_between_pieces_makes_no_frame_late() -> None:
    playout = a_playout()
    playout.say("a", tone(1, 200), True)
    assert late(playout, 0, 200) == [0, 0]
    playout.say("b", tone(2, 200), True)
    assert late(playout, 900) == [0]


def test_a_model_that_stops_in_the_middle_of_a_sentence_makes_frames_late() -> None:
    playout = a_playout()
    playout.append("a", tone(1, 100))
    assert late(playout, 0, 100) == [0, 0]
    playout.append("a", tone(1, 60))
    assert late(playout, 600) == [3]
    playout.hold(650)
    playout.resume()
    assert late(playout, 2_000) == [0]  # what a hold took back was not late
