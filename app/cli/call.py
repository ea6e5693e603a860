"""`offhook call`: have an agent call one person, or everybody in a file."""

import asyncio
import contextlib
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

import typer

from app.campaign.campaign import Conduct
from app.campaign.hours import CallingHours
from app.campaign.plan import Rules
from app.campaign.results import Result, result_of
from app.campaign.roster import E164
from app.cli.call_campaign import AskedServer, CampaignOptions, run_campaign, unwanted
from app.cli.calling import Calling, asking_database, calling, facts_of, leaving_messages
from app.cli.talk import MISUSED, WRONG, AsJson, fail, logging_to_stderr, tell
from app.legs.placing import CarrierAway, NotPlaced, PerhapsPlaced, Placed, Wanted
from app.records.do_not_call import DoNotCallBook

app = typer.Typer(add_completion=False)
MANY = "With --campaign"
NAME = re.compile(r"\w[\w .-]{0,99}")
LOOK_S = 1.0
REACHED = {Result.ANSWERED, Result.VOICEMAIL, Result.DO_NOT_CALL}
PATIENCE_S = 60  # with a carrier that does not answer


@app.command()
def call(
    number: Annotated[str, typer.Argument(help="Whom to call, such as +15550100.", show_default=False)] = "",
    agent: Annotated[str, typer.Option(help="Who speaks: an agent's name, its file's without .md.")] = "",
    facts: Annotated[list[str] | None, typer.Option(help="What the agent is to know: key=value. Repeatable.")] = None,
    caller_id: Annotated[str, typer.Option("--from", help="The number of ours to call from; else CALLER_ID.")] = "",
    ring: Annotated[int, typer.Option(min=5, max=600, help="Seconds until nobody answers.")] = 30,
    wait: Annotated[bool, typer.Option(help="Wait for the end of the call.")] = True,
    do_not_call: Annotated[Path | None, typer.Option(help="A file of numbers; else DO_NOT_CALL.")] = None,
    campaign: Annotated[Path | None, typer.Option(help="Call everybody in this CSV file instead.")] = None,
    name: Annotated[str, typer.Option(help="Of the campaign; its file's when left out.", rich_help_panel=MANY)] = "",
    timezone: Annotated[str, typer.Option(help="Of rows without one.", rich_help_panel=MANY)] = "",
    hours: Annotated[
        str, typer.Option(help="When people may be called, by their own clock.", rich_help_panel=MANY)
    ] = "08:00-21:00",
    slots: Annotated[int, typer.Option(min=1, max=500, help="Calls at once.", rich_help_panel=MANY)] = 5,
    per_second: Annotated[
        float, typer.Option("--cps", min=0.01, help="Calls placed a second.", rich_help_panel=MANY)
    ] = 1.0,
    attempts: Annotated[int, typer.Option(min=1, max=20, help="Calls to one number.", rich_help_panel=MANY)] = 3,
    retry: Annotated[
        float, typer.Option(min=0, help="Minutes until somebody who did not answer is tried.", rich_help_panel=MANY)
    ] = 60,
    retry_busy: Annotated[float, typer.Option(min=0, help="... who was busy.", rich_help_panel=MANY)] = 5,
    pause_share: Annotated[
        float, typer.Option(min=0.01, max=1, help="Stop when so many calls fail.", rich_help_panel=MANY)
    ] = 0.5,
    pause_window: Annotated[int, typer.Option(min=1, help="... of the last.", rich_help_panel=MANY)] = 10,
    results: Annotated[
        Path | None, typer.Option(help="Write a CSV file with what became of each row.", rich_help_panel=MANY)
    ] = None,
    server: Annotated[
        str, typer.Option(help="Where to ask the server how calls ended, and for room; else PUBLIC_URL.")
    ] = "",
    look: Annotated[float, typer.Option(min=0.1, hidden=True)] = 2.0,
    unsure: Annotated[float, typer.Option(min=0, hidden=True)] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Have an agent call somebody, or everybody in a file. `offhook serve` must run at PUBLIC_URL: it holds the
    conversations.

    A single call ends with 0 when a person or a machine has answered. A campaign ends with 0 when every row has come
    to its end; killed or stopped, the same command goes on where it stood, and calls nobody twice.
    """
    if bool(number) == (campaign is not None):
        fail("say whom to call: a number such as +15550100, or --campaign FILE", MISUSED, as_json)
    if campaign is None:
        _call_one(number, agent, facts_of(facts or [], as_json), caller_id, ring, wait, do_not_call, server, as_json)
        return
    if facts:
        fail("--facts: in a campaign each column of the file is a fact", MISUSED, as_json)
    if not NAME.fullmatch(name or campaign.stem):
        fail("--name: give the campaign a name of letters, digits, spaces, - and _", MISUSED, as_json)
    logging_to_stderr(json_lines=not sys.stderr.isatty())
    ready = calling(caller_id, [agent] if agent else [], as_json)
    unwanted_file = do_not_call or ready.settings.do_not_call
    rules = Rules(
        slots,
        per_second,
        attempts,
        round(retry_busy * 60_000),
        round(retry * 60_000),
        _hours(hours, as_json),
        pause_share,
        pause_window,
        message_left=leaving_messages(ready.prompts),
    )
    conduct = Conduct(ready.caller_id, ring, look, unsure)
    run_campaign(
        CampaignOptions(
            campaign, agent, _zone(timezone, as_json), name, unwanted_file, results, server, rules, conduct, as_json
        ),
        ready,
    )


def _hours(text: str, as_json: bool) -> CallingHours:
    try:
        return CallingHours.read(text)
    except ValueError as error:
        fail(f"--hours {error}", MISUSED, as_json)


def _zone(name: str, as_json: bool) -> str:
    if name and name not in available_timezones():
        fail(f"--timezone {name!r} is none: give one such as America/New_York", MISUSED, as_json)
    return name


def _call_one(
    number: str,
    agent: str,
    given: Mapping[str, str],
    caller_id: str,
    ring: int,
    wait: bool,
    do_not_call: Path | None,
    server: str,
    as_json: bool,
) -> None:
    if not E164.fullmatch(number):
        fail(f"{number}: write the number with its country, such as +15550100", MISUSED, as_json)
    ready = calling(caller_id, [agent], as_json)
    file = do_not_call or ready.settings.do_not_call
    if number in unwanted(file, as_json):
        fail(f"{file} holds the number: they do not want to be called", WRONG, as_json)
    with asking_database(as_json), contextlib.closing(DoNotCallBook(ready.settings.campaigns_url)) as asked_off:
        if asked_off.holds(number):
            fail("they have asked us not to call them again", WRONG, as_json)
    sid = _place(ready, Wanted(number, agent, ready.caller_id, given, ring), as_json)
    if not wait:
        tell({"call": sid, "result": None}, f"placed: {sid}", as_json)
        return
    placed = _until_over(ready, sid, as_json)
    url = server or ready.settings.public_url
    result = result_of(placed, _disposition(url, ready, sid) if placed.status == "completed" else "")
    if result is Result.DO_NOT_CALL:
        with asking_database(as_json), contextlib.closing(DoNotCallBook(ready.settings.campaigns_url)) as asked_off:
            asked_off.add(number, sid, time.time_ns() // 1_000_000)
    tell({"call": sid, "result": result, "seconds": placed.seconds}, f"{result} ({placed.seconds} s)", as_json)
    raise typer.Exit(0 if result in REACHED else WRONG)


def _place(ready: Calling, wanted: Wanted, as_json: bool) -> str:
    try:
        return ready.desk.place(wanted)
    except NotPlaced as error:
        fail(f"not placed: {error}", WRONG, as_json)
    except PerhapsPlaced as error:
        fix = "look at the Console's call log before you call again"
        fail(f"nobody knows whether it was placed: {error}; {fix}", WRONG, as_json)


def _disposition(url: str, ready: Calling, sid: str) -> str:
    async def ask() -> str:
        async with AskedServer(url, ready.settings.stream_key) as server:
            return await server.disposition(sid)

    return asyncio.run(ask())


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
