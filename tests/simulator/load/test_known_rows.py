"""The rows of known answers, and one small real run of each kind."""

from pathlib import Path

import pytest

from app.simulator.load import known_rows, stages
from app.simulator.load.figures import MS
from app.simulator.load.orders import CallResult, RunResult
from app.simulator.load.sonic_log import Heard
from app.simulator.load.stages import Measured, Plan
from app.simulator.load.talker import KeyPress, Turn

SERVERS = {
    'offhook_known_answers_total{how="swapped"}': 3.0,
    "offhook_known_answer_seconds_count": 3.0,
    'offhook_known_answer_seconds_bucket{le="0.001"}': 2.0,
    'offhook_known_answer_seconds_bucket{le="0.005"}': 3.0,
    'offhook_known_answer_seconds_bucket{le="+Inf"}': 3.0,
}


def measured() -> Measured:
    """Two turns: a phrase answers the first, whose session is closed, and the model the second."""
    turns = [Turn(0, 0, 160 * 5, answered=604 * MS), Turn(100, 0, 160 * 5, answered=2_900 * MS)]
    call = CallResult(7, turns=turns, sent=[20 * (k + 1) * MS for k in range(200)])
    first = Heard(1, "0007", texts=[600 * MS], ended_at=605 * MS, said_ms=0, text_tokens=500)
    second = Heard(2, "0007", texts=[2_600 * MS], replies=[2_890 * MS], said_ms=3_000, text_tokens=700)
    return Measured(1, RunResult([call]), (0, 10_000 * MS), [first, second], notes=SERVERS)


def test_a_known_answer_is_told_with_the_models_part_its_share_and_what_the_model_said() -> None:
    quick, model, share, speech = known_rows.known(measured(), "swapped", 0.75)
    assert quick.figures["p99"] == 4.0 and quick.met is True and quick.samples == 1
    assert (
        quick.note
        == "by the server's count 3 swapped; within the server, words known -> frame sent, 3 times at most 5 ms"
    )
    assert model.figures["p50"] == 500.0 and model.met is None
    assert share.figures == {"value": 50.0} and "75 %" in share.note
    assert speech.figures == {"value": 1.5}
    assert speech.note.startswith(
        "after 1 of 1 known answers the session was closed before the model had begun its own"
    )
    assert speech.note.endswith("2 sessions served, of which each took in 600 tokens of text by the simulator's count")


def test_keys_over_the_menu_are_told_apart() -> None:
    presses = [KeyPress(100 * MS, answered=120 * MS), KeyPress(100 * MS, over_speech=True)]
    calls = [CallResult(number, key=one) for number, one in enumerate([*presses, KeyPress()])]
    after, over = known_rows.key(Measured(3, RunResult(calls), (0, 0)))
    assert after.figures["p95"] == 20.0 and after.samples == 1
    assert over.figures == {} and "1 without an answer" in over.note


@pytest.mark.slow
@pytest.mark.parametrize("how", ["swapped", "hushed"])
def test_known_questions_are_answered_by_phrases(content: Path, how: str) -> None:
    plan = Plan(content, 700, seconds=8, ramp_s=0.2, settle_s=3, warm_up=False, spare=how == "swapped")
    run = stages.questions(plan, 2, ["When do you open?"])
    quick, _, share, speech = known_rows.known(run, how, 1.0)
    assert run.result.troubles() == []
    assert quick.samples >= 2 and share.figures == {"value": 100.0}
    assert f" {how}" in quick.note
    assert (speech.figures["value"] < 0.5) is (how == "swapped")


@pytest.mark.slow
def test_keys_are_answered_by_phrases_after_the_menu_and_over_it(
    content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "MENU_MS", 500)
    run = stages.key_presses(Plan(content, warm_up=False), 2, 1, "4")
    after, over = known_rows.key(run)
    assert run.result.troubles() == []
    assert (after.samples, over.samples) == (1, 1)
