"""From what the stages measured to the rows of the table. Pure.

A row's targets are promises about a server that shares two cores with this generator; see each row's definition.
"""

from collections.abc import Iterable, Sequence

from app.simulator.load import matching
from app.simulator.load.figures import MS, Row, Target
from app.simulator.load.generator import caller_of
from app.simulator.load.matching import Answer, Delays
from app.simulator.load.orders import CallResult
from app.simulator.load.sonic_log import Heard, by_caller
from app.simulator.load.stages import Measured

CPU_TARGET = 4.0  # ms a call-second
MEMORY_TARGET = 2.0  # MB a call
OVER_ECHO = 10.0  # ms that p99 may be over the bare echo's
LATE_TARGET = 0.1  # %
GENERATOR_LATE_MS = 10.0
REFUSED = "offhook_calls_refused_total{"
FULL = 0.95  # of a core, or of all
BUDGET = 700.0  # ms of each second that one core's server may work before lateness grows


def first_word(measured: Measured, what: str, target_p95: float) -> Row:
    waits = [(call.first_media - call.started) / MS for call in measured.result.calls if call.first_media]
    return Row.of(
        f"first-word-{measured.calls}",
        f"First word, {what}",
        "the telephone has sent `start` -> the first `media` is back",
        measured.calls,
        waits,
        Target("p95", target_p95),
        note=losses(measured, len(measured.result.calls) - len(waits), "heard nothing"),
    )


def bare_echo(measured: Measured) -> Row:
    trips = [ms for call in measured.result.calls for ms in matching.echo_delays(call, measured.window)]
    return Row.of(
        "echo",
        "Bare echo",
        "the same callers against an application that sends every message back: written -> back",
        measured.calls,
        trips,
        note=losses(measured, note=f"it took {cost(measured):.1f} ms of CPU a call-second: the speed of this machine"),
    )


def added(measured: Measured, echo: Row | None) -> list[Row]:
    """Up and down, with the quiet batches apart."""
    delays, answers = _delays(measured), _answers(measured)
    most = [Target("p99", round(echo.figures["p99"] + OVER_ECHO, 1))] if echo is not None and echo.figures else []
    calls = measured.calls
    lossy = sum(1 for one in delays if one.lost_ms)
    lost = f"{lossy} calls lost audio on the way up and are left out" if lossy else ""
    unmatched = calls - len(delays)
    return [
        Row.of(
            "added-up",
            "Added on the way up",
            "a frame of speech is written -> the model has its bytes (by byte position; 2 ms of filter included)",
            calls,
            [ms for one in delays for ms in one.speech],
            Target("p50", 5),
            Target("p95", 15),
            *most,
            note="; ".join(filter(None, [losses(measured, unmatched, "not matched with a session"), lost])),
        ),
        Row.of(
            "added-onset",
            "... first 100 ms of speech",
            "the same for the beginning of speech, part of it out of a quiet batch that the onset flushes",
            calls,
            [ms for one in delays for ms in one.onset],
        ),
        Row.of(
            "added-quiet",
            "... quiet batches",
            "the same while the caller is silent: quiet travels 100 ms at a time, which delays nobody's words",
            calls,
            [ms for one in delays for ms in one.quiet],
        ),
        Row.of(
            "added-down",
            "Added on the way down",
            "the model writes the first audio of a reply -> its first `media` is at the telephone",
            calls,
            [answer.down for answer in answers if answer.down is not None],
            Target("p50", 5),
            Target("p95", 15),
            *most,
        ),
    ]


def turn(measured: Measured, think_ms: int) -> list[Row]:
    answers = _answers(measured)
    over = sum(1 for call in measured.result.calls for one in call.turns if one.talked_over)
    return [
        Row.of(
            "turn",
            "Turn",
            f"the caller's last sound -> the first `media` of the answer; the model thinks for {think_ms} ms",
            measured.calls,
            [answer.turn for answer in answers],
            Target("p50", think_ms + 80),
            Target("p95", think_ms + 400),
            note=losses(measured, over, "turns talked over"),
        ),
        Row.of(
            "turn-engine",
            "... of it the model",
            "the caller's last sound -> the model writes the first audio of its answer",
            measured.calls,
            [answer.engine for answer in answers if answer.engine is not None],
        ),
    ]


def barge_in(measured: Measured) -> list[Row]:
    waits, unheeded = [], 0
    for call in measured.result.calls:
        heeded, missed = matching.barge_ins(call, measured.window)
        waits += heeded
        unheeded += missed
    return [
        Row.of(
            "barge-in",
            "Barge-in",
            "the interruption's first sample over -40 dBFS -> `clear` is at the telephone",
            measured.calls,
            waits,
            Target("p50", 80),
            Target("p95", 100),
            note=losses(measured, unheeded, "interruptions without a clear"),
        ),
        Row(
            "barge-in-written",
            "... decision -> written",
            "the server decides to clear -> the message is written",
            "ms",
            measured.calls,
            0,
            {},
            (Target("p95", 5),),
            "not measured: from outside nobody sees the decision; it is written in the step that decides",
        ),
    ]


def late_frames(measured: Measured) -> Row:
    tallies = [call.tally for call in measured.result.calls]
    heard = sum(tally.heard_frames for tally in tallies)
    late = sum(tally.late_frames for tally in tallies)
    clears = sum(tally.needless_clears for tally in tallies)
    return Row(
        "late",
        "Late frames",
        "frames of a running reply that came after the telephone's buffer had run dry",
        "%",
        measured.calls,
        heard,
        {"value": 100 * late / heard} if heard else {},
        (Target("value", LATE_TARGET),),
        losses(measured, clears, "clears without an interruption"),
    )


def cpu(measured: Measured) -> Row:
    talk, listen, silent = shares(measured)
    return Row(
        f"cpu-{measured.calls}",
        "CPU",
        "user + system of the server's process tree, for each call and second",
        "ms/call-s",
        measured.calls,
        round((measured.window[1] - measured.window[0]) / 1e9),
        {"value": cost(measured)},
        (Target("value", CPU_TARGET),),
        losses(measured, note=f"talking {talk:.0%}, listening {listen:.0%}, silent {silent:.0%}"),
    )


def memory(measured: Measured) -> Row:
    grown = (measured.full_rss - measured.idle_rss) / measured.calls / 1e6
    return Row(
        "memory",
        "Memory",
        f"(RSS with the calls after {measured.memory_after_s:.0f} s - RSS idle with a full pool) / calls",
        "MB/call",
        measured.calls,
        1,
        {"value": grown},
        (Target("value", MEMORY_TARGET),),
        f"idle {measured.idle_rss / 1e6:.0f} MB with {measured.warm} warm, then {measured.full_rss / 1e6:.0f} MB",
    )


def calls_a_core(steps: Sequence[Measured], pinned: bool) -> Row:
    """The largest number of calls that went well, and what stopped the next step."""
    good = [step for step in steps if went_well(step)]
    best = max(good, key=lambda step: step.calls, default=None)
    stopped = [limits(step) for step in steps if not went_well(step)]
    note = "" if pinned else "not pinned: this machine has one core, or cannot pin; "
    if best is not None and (not stopped or any(stopped)):
        estimate = BUDGET / cost(best)
        why = next((reason for reason in stopped if reason), "no step failed")
        note += f"generator-limited ({why}), at least {best.calls}; estimate {estimate:.0f} = 700 / CPU a call-second; "
    tried = ", ".join(map(_step, steps))
    return Row(
        "knee",
        "Calls a core",
        "the most calls with late frames < 0.1 % and 95 % of speech added less than 15 ms, server on one core",
        "calls",
        best.calls if best is not None else 0,
        len(steps),
        {"value": float(best.calls)} if best is not None else {},
        (),
        f"{note}tried {tried}",
    )


def _step(step: Measured) -> str:
    """How one step of the search went."""
    up, late = added(step, None)[0].figures, late_frames(step).figures
    p95 = f"{up['p95']:.1f} ms" if up else "not measured"
    share = f"{late['value']:.2f} % late" if late else "no reply"
    return f"{step.calls} {'well' if went_well(step) else 'not well'} ({p95}, {share}, {cost(step):.1f} ms CPU)"


def went_well(measured: Measured) -> bool:
    up = added(measured, None)[0].figures
    late = late_frames(measured).figures
    whole = not measured.result.troubles()
    return whole and bool(up) and up["p95"] < 15 and bool(late) and late["value"] < LATE_TARGET


def limits(measured: Measured) -> str:
    """Why the generator or its cores, and not the server, may have set the pace; "" where they did not."""
    if measured.result.lateness_ms > GENERATOR_LATE_MS:
        return f"its own p99 lateness is {measured.result.lateness_ms:.1f} ms"
    if measured.other_cores and measured.model_cpu + measured.result.generator_cpu > FULL * measured.other_cores:
        return "its cores are full"
    if measured.machine_busy > FULL:
        return "the machine is full"
    return ""


def cost(measured: Measured) -> float:
    """CPU of the server, ms for each call and second."""
    return measured.server_cpu * 1000 / measured.calls


def shares(measured: Measured) -> tuple[float, float, float]:
    """Talking, listening, silent: parts of all callers' time."""
    tallies = [call.tally for call in measured.result.calls]
    talk, listen, silent = (
        sum(getattr(tally, name) for tally in tallies) for name in ("talking", "listening", "silent")
    )
    whole = max(1, talk + listen + silent)
    return talk / whole, listen / whole, silent / whole


def _matched(measured: Measured) -> Iterable[tuple[CallResult, Heard]]:
    """Calls with the one session that served them."""
    sessions = by_caller(measured.heard)
    for call in measured.result.calls:
        found = sessions.get(caller_of(call.number)[-4:], [])
        if len(found) == 1 and call.sent:
            yield call, found[0]


def _delays(measured: Measured) -> list[Delays]:
    return [matching.uplink_delays(call, heard, measured.window) for call, heard in _matched(measured)]


def _answers(measured: Measured) -> list[Answer]:
    return [
        answer
        for call, heard in _matched(measured)
        for answer in matching.answers(call, heard.replies, measured.window)
    ]


def losses(measured: Measured, count: int = 0, what: str = "", note: str = "") -> str:
    """What went wrong, for the note: nobody should read a figure without it."""
    troubles = measured.result.troubles()
    parts = [note] if note else []
    parts += [f"{count} {what}"] if count else []
    parts += [f"{len(troubles)} calls in trouble: {troubles[0]}"] if troubles else []
    parts += [f"the server refused {refused}"] if (refused := _refused(measured)) else []
    limited = limits(measured)
    parts += [f"generator-limited: {limited}"] if limited else []
    return "; ".join(parts)


def _refused(measured: Measured) -> str:
    """Callers who heard that all lines are busy, by the server's reason: one that runs late takes no more."""
    found = {series: count for series, count in measured.notes.items() if series.startswith(REFUSED)}
    return ", ".join(f"{count:.0f} ({series.split('"')[1]})" for series, count in found.items() if count)
