"""The rows of known answers: what a phrase or a key is answered within, and what the model is spared. Pure."""

import re
from collections.abc import Mapping

from app.simulator.load import matching
from app.simulator.load.figures import MS, Row, Target
from app.simulator.load.generator import caller_of
from app.simulator.load.matching import Quick
from app.simulator.load.rows import losses
from app.simulator.load.sonic_log import by_caller
from app.simulator.load.stages import Measured

ANSWER_TARGET, KEY_TARGET = 30.0, 200.0  # ms
NO_KEY = Row(
    *("key", "Key", "the telephone sends a key -> the first `media` of its phrase is back", "ms", 0, 0, {}),
    note="not measured: no key of the agent's first menu plays a phrase",
)
NOTHING_KNOWN = Row(
    *("known", "Known answer", "the model sends the caller's words -> the first `media` of a phrase", "ms", 0, 0, {}),
    note="not measured: no phrase of the agent's answers anything",
)
_BUCKET = re.compile(r'offhook_known_answer_seconds_bucket\{le="([^"]+)"\}')


def known(measured: Measured, how: str, meant: float) -> list[Row]:
    """`how`: swapped or hushed, as the server was to do it; `meant`: the share of turns that ask something known."""
    answers = _answers(measured)
    quick = [one for one in answers if one.by_phrase]
    with_spare = {"swapped": "a session to spare", "hushed": "none to spare"}[how]
    notes = [_done(measured.notes), _inside(measured.notes)]
    return [
        Row.of(
            f"known-{how}",
            f"Known answer, {with_spare}",
            "the model sends the caller's words -> the first `media` of the phrase is at the telephone",
            measured.calls,
            [one.answer for one in quick],
            Target("p99", ANSWER_TARGET),
            note=losses(measured, note="; ".join(filter(None, notes))),
        ),
        Row.of(
            f"known-{how}-model",
            "... before it the model",
            "the caller's last sound -> the model sends the words: its endpointing, as the simulator's script has it",
            measured.calls,
            [one.endpointing for one in quick],
        ),
        _share(measured, how, answers, meant),
        _speech(measured, how, quick),
    ]


def _share(measured: Measured, how: str, answers: list[Quick], meant: float) -> Row:
    """A phrase that answered what is not known would show here as well as one that missed."""
    quick = sum(1 for one in answers if one.by_phrase)
    return Row(
        f"known-{how}-share",
        "... share of turns",
        "turns answered by a phrase, of all that were answered",
        "%",
        measured.calls,
        len(answers),
        {"value": 100 * quick / len(answers)} if answers else {},
        note=f"the script draws something known in {100 * meant:.0f} % of turns",
    )


def _speech(measured: Measured, how: str, quick: list[Quick]) -> Row:
    """Measured at the model, not estimated: what it generated, whoever heard it."""
    turns, sessions = sum(len(heard.texts) for heard in measured.heard), len(measured.heard)
    said_s = sum(heard.said_ms for heard in measured.heard) / 1000
    tokens = sum(heard.text_tokens for heard in measured.heard) / max(1, sessions)
    closed = sum(1 for one in quick if one.closed)
    note = f"after {closed} of {len(quick)} known answers the session was closed before the model had begun its own; "
    note += f"{sessions} sessions served, of which each took in {tokens:.0f} tokens of text by the simulator's count"
    return Row(
        f"known-{how}-speech",
        "... speech generated",
        "speech that the model generated, heard or not, for each turn of the caller, known or not",
        "s/turn",
        measured.calls,
        turns,
        {"value": said_s / turns} if turns else {},
        note=note,
    )


def key(measured: Measured) -> list[Row]:
    pressed = [call.key for call in measured.result.calls if call.key.pressed]
    rows = []
    for name, what, over in (("key", "Key, after the menu", False), ("key-over-menu", "... over the menu", True)):
        mine = [one for one in pressed if one.over_speech is over]
        waits = [(one.answered - one.pressed) / MS for one in mine if one.answered]
        lost = len(mine) - len(waits)
        rows.append(
            Row.of(
                name,
                what,
                "the telephone sends the key -> the first `media` of its phrase is back"
                + (", after the `clear`" if over else ""),
                measured.calls,
                waits,
                Target("p95", KEY_TARGET),
                note=losses(measured, lost, "without an answer"),
            )
        )
    return rows


def _answers(measured: Measured) -> list[Quick]:
    sessions = by_caller(measured.heard)
    return [
        one
        for call in measured.result.calls
        if call.sent
        for one in matching.quick_answers(call, sessions.get(caller_of(call.number)[-4:], []), measured.window)
    ]


def _done(notes: Mapping[str, float]) -> str:
    """What the server says it did."""
    counts = {how: notes.get(f'offhook_known_answers_total{{how="{how}"}}', 0) for how in ("swapped", "hushed")}
    said = ", ".join(f"{count:.0f} {how}" for how, count in counts.items() if count)
    return f"by the server's count {said}" if said else ""


def _inside(notes: Mapping[str, float]) -> str:
    """The server's own share, as its metric has it: the smallest bound that nothing exceeded."""
    count = notes.get("offhook_known_answer_seconds_count", 0)
    if not count:
        return ""
    bounds = {found[1]: value for name, value in notes.items() if (found := _BUCKET.fullmatch(name))}
    within = min((float(bound) for bound, value in bounds.items() if value == count), default=float("inf"))
    return f"within the server, words known -> frame sent, {count:.0f} times at most {within * 1000:g} ms"
