"""`offhook call`: have an agent call one person, or everybody in a file."""

import re
import time
from typing import Annotated

import typer

from app.campaign.results import Result, result_of
from app.cli.calling import Calling, calling, facts_of
from app.cli.talk import MISUSED, WRONG, AsJson, fail, tell
from app.legs.placing import CarrierAway, NotPlaced, PerhapsPlaced, Placed, Wanted

app = typer.Typer(add_completion=False)
E164 = re.compile(r"\+[1-9]\d{6,14}")
LOOK_S = 1.0
PATIENCE_S = 60  # with a carrier that does not answer


@app.command()
def call(
    number: Annotated[str, typer.Argument(help="Whom to call, such as +15550100.")],
    agent: Annotated[str, typer.Option(help="Who speaks: an agent's name, its file's without .md.")] = "",
    facts: Annotated[list[str] | None, typer.Option(help="What the agent is to know: key=value. Repeatable.")] = None,
    caller_id: Annotated[str, typer.Option("--from", envvar="CALLER_ID", help="The number of ours to call from.")] = "",
    ring: Annotated[int, typer.Option(min=5, max=600, help="Seconds until nobody answers.")] = 30,
    wait: Annotated[bool, typer.Option(help="Wait for the end of the call.")] = True,
    as_json: AsJson = False,
) -> None:
    """Have an agent call somebody. `offhook serve` must run at PUBLIC_URL: it holds the conversation.

    Ends with 0 when a person or a machine has answered, else with 1.
    """
    if not E164.fullmatch(number):
        fail(f"{number}: write the number with its country, such as +15550100", MISUSED, as_json)
    ready = calling(caller_id, [agent], as_json)
    sid = _place(ready, Wanted(number, agent, ready.caller_id, facts_of(facts or [], as_json), ring), as_json)
    if not wait:
        tell({"call": sid, "result": None}, f"placed: {sid}", as_json)
        return
    placed = _until_over(ready, sid, as_json)
    result = result_of(placed)
    tell({"call": sid, "result": result, "seconds": placed.seconds}, f"{result} ({placed.seconds} s)", as_json)
    raise typer.Exit(0 if result in {Result.ANSWERED, Result.VOICEMAIL} else WRONG)


def _place(ready: Calling, wanted: Wanted, as_json: bool) -> str:
    try:
        return ready.desk.place(wanted)
    except NotPlaced as error:
        fail(f"not placed: {error}", WRONG, as_json)
    except PerhapsPlaced as error:
        fix = "look at the Console's call log before you call again"
        fail(f"nobody knows whether it was placed: {error}; {fix}", WRONG, as_json)


def _until_over(ready: Calling, sid: str, as_json: bool) -> Placed:
    """Tells of each change on the way."""
    status, answered_at = "", time.monotonic()
    while True:
        try:
            placed = ready.desk.look(sid)
            answered_at = time.monotonic()
        except CarrierAway as away:
            if time.monotonic() - answered_at > PATIENCE_S:
                fail(f"{sid} was placed, and what became of it cannot be told: {away}", WRONG, as_json)
        else:
            if placed.status != status:
                status = placed.status
                typer.echo(f"= {status}", err=True)
            if placed.over:
                return placed
        time.sleep(LOOK_S)
