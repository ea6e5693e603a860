"""One small real run: a server, a model and two telephones, each in a process of its own."""

from pathlib import Path

from app.simulator.load import rows
from app.simulator.load.processes import Mind
from app.simulator.load.stages import Plan, serve
from app.simulator.load.talker import Habits


def test_two_calls_are_measured_from_both_ends(content: Path) -> None:
    said: list[float] = []
    tell = lambda what, done: said.append(done)  # noqa: E731
    plan = Plan(content, seconds=7, ramp_s=0.2, settle_s=4, memory_after_s=0, warm_up=False, tell=tell)
    habits = Habits(talk_ms=700, pause_ms=300, listen_ms=800)
    measured = serve(plan, 2, habits, Mind(think_ms=400, listen_ms=800))
    up, onset, quiet, down = rows.added(measured, None)
    assert measured.result.troubles() == []
    assert up.note == "" or "generator-limited" in up.note  # both matched, no audio lost
    assert min(up.samples, quiet.samples) > 50 and onset.samples >= 10 and down.samples >= 2
    assert up.figures["p50"] > 2 and quiet.figures["p95"] > up.figures["p50"]
    assert rows.turn(measured, 400)[0].figures["p50"] >= 400
    assert rows.cpu(measured).figures["value"] > 0 and measured.idle_rss > 10_000_000
    assert said and max(said) <= 1.0


def test_nothing_of_a_run_is_left_behind(tmp_path: Path) -> None:
    import psutil

    from app.simulator.load.processes import bare_echo

    with bare_echo(tmp_path) as echo:
        assert echo.url.startswith("ws://127.0.0.1:")
        (child,) = [c for c in psutil.Process().children() if "app.simulator.load.echo" in c.cmdline()]
    assert not child.is_running()
