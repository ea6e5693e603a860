"""Who can be called from a simulated Twilio, as an option of the command line writes it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.talk import fail

if TYPE_CHECKING:
    from app.simulator.twilio.plant import DialOutcome

PERSON_HELP = (
    "Who is reached at a number, address or queue: WHO=answers|machine|busy|no-answer|failed|FILE.call. Repeatable."
)
STATUSES = ("busy", "no-answer", "failed")


def persons(given: Iterable[str]) -> dict[str, "DialOutcome"]:
    """`--person +15035550101=no-answer ...` as outcomes by number. Ends the program when one is not understood."""
    return dict(_person(text) for text in given)


def _person(text: str) -> tuple[str, "DialOutcome"]:
    from app.simulator import callscript
    from app.simulator.callscript import ScriptError
    from app.simulator.twilio.plant import DialOutcome

    who, _, what = text.rpartition("=")
    if not who or not what:
        fail(f"--person {text}: write it as +15035550101=no-answer")
    if what in STATUSES:
        return who, DialOutcome(what)
    if what in ("answers", "machine"):
        return who, DialOutcome(talk_ms=None, answered_by="human" if what == "answers" else "machine")
    if not what.endswith(".call"):
        fail(f"--person {text}: after = stands answers, machine, {', '.join(STATUSES)}, or a script FILE.call")
    try:
        return who, DialOutcome(script=callscript.load(Path(what)))
    except ScriptError as error:
        fail(f"--person: {error}")
