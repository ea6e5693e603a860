"""What a recording says of a call in which something broke."""

from dataclasses import replace

import pytest

from app.simulator.faults import parse_faults
from app.simulator.lab.cells import FAULTS, STAGES, Cell, described, matrix
from app.simulator.lab.judge import Evidence, judge, longest_silence
from app.simulator.lab.soaking import Sample, leaked, slope
from app.simulator.lab.words import ANSWER, PITCHES, SECOND, TONES, WORD_MS, compared, spoken, told
from app.simulator.lines import Utterance
from app.simulator.tonal import Sound


def words(names: tuple[str, ...], at_ms: int) -> list[Sound]:
    return [Sound(name, at_ms + place * WORD_MS, WORD_MS) for place, name in enumerate(names)]


CUT = [*words(ANSWER[:3], 3_000), Sound("hotel", 3_900, 60), *words(ANSWER[3:], 4_700), *words(SECOND, 14_000)]
SEEN = Evidence(CUT, 2_300, 3_200, 1_500, 1_480, "caller_hung_up", 2)
CELL = Cell("drop", "speaking")


def test_words_of_a_recording_are_read_back_by_their_tones() -> None:
    heard = TONES.read(b"".join(Utterance.of_pcm(spoken(ANSWER, 8_000)).frames))
    assert [sound.name for sound in heard] == list(ANSWER)
    assert all(abs(sound.ms - WORD_MS) <= 20 for sound in heard)
    assert len(set(PITCHES.values())) == len(PITCHES) and max(PITCHES.values()) < 3_400


def test_a_cut_word_is_a_piece_and_what_never_came_is_lost() -> None:
    found = compared(ANSWER, [*CUT[:4], *words(ANSWER[4:], 5_000)])
    assert (found.lost, found.pieces, found.repeated) == (("hotel",), ("hotel",), ())
    assert ("hotel", "lost", 5_000) in told(ANSWER, [*CUT[:4], *words(ANSWER[4:], 5_000)])
    assert not compared(ANSWER, [*words(ANSWER[6:], 0), *words(ANSWER[:6], 4_000)]).in_order


def test_silence_counts_from_the_break_or_the_callers_last_word_to_the_end_of_the_answer() -> None:
    verdict = judge(CELL, SEEN)
    assert verdict.good and (verdict.silence_ms, verdict.recovery_ms) == (740, 1_500)
    assert longest_silence(CUT, 2_300, 3_500) == 700


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"sounds": [*CUT[:4], *words(ANSWER[3:], 6_000), *words(SECOND, 14_000)]},
            "2040 ms of silence, 1500 promised",
        ),
        ({"sounds": [*CUT[:4], *words(SECOND, 14_000)]}, "lost: hotel india"),
        ({"sounds": CUT[:-3]}, "the next question was not answered"),
        ({"struck_ms": None}, "never struck"),
        ({"question_heard_ms": 700}, "the model heard 700 of 1500 ms"),
        ({"disposition": "engine_failed"}, "ended engine_failed"),
        ({"sounds": [*words(ANSWER, 3_000), *words(ANSWER[:3], 7_000), *words(SECOND, 14_000)]}, "repeated: alpha"),
    ],
)
def test_each_broken_promise_is_named(change: dict[str, object], why: str) -> None:
    [broken] = judge(CELL, replace(SEEN, **change)).broken  # type: ignore[arg-type]
    assert why in broken


def test_who_was_asked_to_say_it_again_is_answered_anew_from_the_beginning() -> None:
    asked = [*words(ANSWER[:3], 3_000), Sound("repeat", 4_000, 500)]
    again = [*asked, *words(ANSWER, 14_000)]
    assert judge(CELL, replace(SEEN, sounds=again)).good
    assert not judge(CELL, replace(SEEN, sounds=[*asked, *words(ANSWER[3:], 14_000)])).good


def test_where_no_try_can_help_the_caller_is_told_at_once() -> None:
    told = [*words(ANSWER[:3], 3_000), Sound("apology", 4_600, 700)]
    denied = Cell("drop-denied", "speaking")
    assert judge(denied, replace(SEEN, sounds=told, disposition="engine_failed")).good
    assert judge(denied, replace(SEEN, sounds=told)).broken == ("ended caller_hung_up",)
    untold = judge(denied, replace(SEEN, sounds=told[:-1], disposition="engine_failed"))
    assert untold.broken == ("the caller was not told",)


def test_every_cell_is_a_fault_that_the_simulator_knows() -> None:
    cells = list(matrix(FAULTS, STAGES))
    assert len(cells) > 90 and len(set(cells)) == len(cells)
    for cell in cells:
        assert all(fault.stage in (cell.stage, "opening", "speaking") for fault in parse_faults(cell.spec))
        assert described(cell.fault)


def sample(at_s: float, rss_mb: float, tasks: int = 20) -> Sample:
    return Sample(at_s, True, rss_mb, 0, tasks, 8, 40, 4, 0.2)


def test_growth_is_a_leak_only_where_it_stands_out_of_the_noise() -> None:
    wobble = [0.3, -0.3, 0.2, -0.2, 0.1, -0.1, 0.3, -0.3]
    level = [sample(60.0 * place, 100 + noise) for place, noise in enumerate(wobble)]
    grows = [sample(60.0 * place, 100 + place + noise) for place, noise in enumerate(wobble)]
    assert not slope(level).leaks and slope(grows).leaks
    assert slope(grows).mb_a_minute == pytest.approx(1, abs=0.1)
    assert not slope(grows[:2]).leaks, "two points are always on a line"
    assert leaked([sample(0, 100), sample(60, 100, tasks=23)]) == {"tasks": 3}
