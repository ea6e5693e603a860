"""`offhook numbers`: the account's telephone numbers, and where their calls go."""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from app.cli.numbers_show import (
    change_lines,
    number_row,
    numbers_table,
    overridden,
    setting_lines,
    tell_comparison,
    warned,
)
from app.cli.routing import RouteChange, plan_route
from app.cli.talk import MISUSED, WRONG, AsJson, checked_content, fail, read_settings, tell
from app.content.faults import ContentError
from app.legs.twilio.client import rest_client
from app.legs.twilio.handling import OVERRIDES, Change, Comparison, Owned, changes_to, compare, handling, unfit
from app.legs.twilio.numbers import REQUEST_S, NumberBook
from app.legs.twilio.refusals import CarrierError
from app.prompts.library import load_prompts
from app.prompts.routes import Routes
from app.settings import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The account's numbers, and where their calls go.")

E164 = re.compile(r"\+[1-9]\d{6,14}")
SID = re.compile(r"PN[0-9a-f]{32}")
MOST_SHOWN = 10  # numbers that could be bought
Which = Annotated[str, typer.Argument(metavar="NUMBER", help="Such as +15550100, or its SID (PN...).")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
Agent = Annotated[str, typer.Option(help="Who answers: an agent's name, its file's without .md.")]
Detach = Annotated[
    bool, typer.Option("--detach", help="Take it off the trunk or application, which else takes its calls.")
]


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List every number of the account: who answers it here, or where its calls go."""
    settings, routes = _settings(as_json), _routes(as_json)
    comparison = compare(_asked(_book(settings, as_json).all, as_json), _wanted(settings), routes.numbers)
    if as_json:
        tell([number_row(finding, routes) for finding in comparison.findings], "", as_json)
    else:
        Console().print(numbers_table(comparison.findings, routes))


@app.command()
def check(
    repair: Annotated[bool, typer.Option("--repair", help="Set what is not as it should be.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Compare every number with what it should be. Exit code 1 where a caller might not reach us."""
    settings, routes = _settings(as_json), _routes(as_json)
    _fit_to_be_told(settings, as_json)
    book, wanted = _book(settings, as_json), _wanted(settings)

    def look() -> Comparison:
        return compare(_asked(book.all, as_json), wanted, routes.numbers)

    found = look()
    drifted = [finding for finding in found.findings if finding.state == "drifted"]
    if repair and drifted:
        _confirm(
            [line for finding in drifted for line in change_lines(finding.number, finding.changes)], yes, as_json, {}
        )
        _asked(lambda: [book.change(one.number.sid, _settings_of(one.changes)) for one in drifted], as_json)
        found = look()
    tell_comparison(found, routes, as_json)
    raise typer.Exit(WRONG if found.wrong or found.problems else 0)


@app.command()
def assign(
    number: Which,
    agent: Agent,
    detach: Detach = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send a number's calls here, and let this agent answer them."""
    settings = _settings(as_json)
    _fit_to_be_told(settings, as_json)
    book = _book(settings, as_json)
    owned = _asked(lambda: book.find(_spelt(number, as_json)), as_json)
    if not owned.takes_calls:
        fail(f"{owned.phone_number} cannot take calls: it has no voice capability. Buy another one", WRONG, as_json)
    changes = changes_to(owned, _wanted(settings))
    if detach:
        changes += [Change(name, owned.settings[name], "") for name in OVERRIDES if owned.settings.get(name)]
    route = _route(settings, owned.phone_number, agent, as_json)
    _carry_out(book, owned, changes, route, yes, as_json)


@app.command()
def buy(
    number: Annotated[str, typer.Argument(help="Such as +15550100; the first that is found when left out.")] = "",
    agent: Annotated[str, typer.Option(help="Who answers it, at once.")] = "",
    country: Annotated[str, typer.Option(help="Two letters.")] = "US",
    area_code: Annotated[str, typer.Option(help="Only numbers of this area, such as 503.")] = "",
    contains: Annotated[str, typer.Option(help="Only numbers with these digits; * stands for any.")] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Buy a number, which costs money each month. The candidates are shown first."""
    settings = _settings(as_json)
    _fit_to_be_told(settings, as_json)
    book = _book(settings, as_json)
    if number and not E164.fullmatch(number):
        fail(f"{number!r} is no telephone number: write it as +15550100", MISUSED, as_json)
    found = [number] if number else _asked(lambda: book.search(country, area_code, contains, MOST_SHOWN), as_json)
    if not found:
        fail("no number is to be had like that: search with another --area-code or --contains", WRONG, as_json)
    chosen = found[0]
    route = _route(settings, chosen, agent, as_json) if agent else None
    wanted = _wanted(settings) if agent else {}
    lines = [f"to be had: {one}" for one in found if not number]
    lines += [f"buy {chosen}, which costs money each month until it is released", *setting_lines(wanted)]
    lines += [route.line] if route is not None else []
    _confirm(lines, yes, as_json, {"numbers": found, "chosen": chosen})
    bought = _asked(lambda: book.buy(chosen, wanted), as_json)
    _write(route, as_json)
    next_step = "" if agent else f": offhook numbers assign {chosen} --agent ..."
    document = {"number": bought.phone_number, "sid": bought.sid, "agent": agent, "done": True}
    tell(document, f"{bought.phone_number} ({bought.sid}) is yours{next_step}", as_json)


@app.command()
def release(number: Which, yes: Yes = False, as_json: AsJson = False) -> None:
    """Give a number back. Somebody else may get it, and with it your callers."""
    settings, routes = _settings(as_json), _routes(as_json)
    book = _book(settings, as_json)
    owned = _asked(lambda: book.find(_spelt(number, as_json)), as_json)
    said = f"release {owned.phone_number} ({owned.sid}): it is lost, and callers of it reach whoever gets it next"
    _confirm([said], yes, as_json, {"number": owned.phone_number, "sid": owned.sid})
    _asked(lambda: book.release(owned.sid), as_json)
    left = owned.phone_number in routes.numbers
    line = routes.page.line_of(("numbers", owned.phone_number))
    notes = [f"{routes.page.file}:{line} still names it: remove the line"] if left else []
    document = {"number": owned.phone_number, "sid": owned.sid, "warnings": notes, "done": True}
    tell(document, [f"{owned.phone_number} is released", *notes], as_json)


# --- what all of them need ----------------------------------------------------------------------------------------


def _settings(as_json: bool) -> Settings:
    settings = read_settings(as_json)
    if settings.rest_keys is None:
        fix = "set TWILIO_ACCOUNT_SID, and TWILIO_AUTH_TOKEN or TWILIO_API_KEY with TWILIO_API_SECRET"
        fail(f"Twilio cannot be asked without credentials: {fix}", MISUSED, as_json)
    return settings


def _fit_to_be_told(settings: Settings, as_json: bool) -> None:
    """Ends the command where Twilio must not be given our addresses."""
    if not settings.public_url:
        fail("PUBLIC_URL is not set: the https address Twilio reaches you at", MISUSED, as_json)
    for name, url in (("PUBLIC_URL", settings.public_url), ("FALLBACK_URL", settings.fallback_url)):
        if url and (problem := unfit(url)):
            fix = "give an address such as https://bot.example.com, your host's or a tunnel's"
            fail(f"{name} {url} {problem}: {fix}", MISUSED, as_json)


def _wanted(settings: Settings) -> dict[str, str]:
    return handling(settings.public_url, settings.fallback_url)


def _book(settings: Settings, as_json: bool) -> NumberBook:
    assert settings.rest_keys is not None
    return NumberBook(rest_client(*settings.rest_keys, settings.twilio_api_url, REQUEST_S))


def _asked[T](ask: Callable[[], T], as_json: bool) -> T:
    try:
        return ask()
    except CarrierError as error:
        fail(str(error), WRONG, as_json)


def _routes(as_json: bool) -> Routes:
    with checked_content(as_json):
        return load_prompts(read_settings(as_json).content_dir).routes


def _spelt(number: str, as_json: bool) -> str:
    if not E164.fullmatch(number) and not SID.fullmatch(number):
        fail(f"{number!r} is no number: write it as +15550100, or give its SID (PN...)", MISUSED, as_json)
    return number


def _route(settings: Settings, number: str, agent: str, as_json: bool) -> RouteChange:
    with checked_content(as_json):
        agents = sorted(load_prompts(settings.content_dir).agents)
        if agent not in agents:
            fail(f"there is no agent {agent!r}. There are: {', '.join(agents)}", MISUSED, as_json)
        return plan_route(settings.content_dir, number, agent)


# --- changing -----------------------------------------------------------------------------------------------------


def _carry_out(
    book: NumberBook, owned: Owned, changes: list[Change], route: RouteChange, yes: bool, as_json: bool
) -> None:
    detached = {change.field for change in changes} & OVERRIDES.keys()
    warnings = [] if detached or not owned.override else [overridden(owned)]
    document = {
        "number": owned.phone_number,
        "sid": owned.sid,
        "agent": route.agent,
        "changes": [asdict(change) for change in changes],
        "route": {"changed": route.changes, "was": route.was, "listed": route.listed},
        "warnings": warnings,
    }
    if not changes and not route.changes:
        tell({**document, "done": True}, warned(warnings) or f"{owned.phone_number} is as it should be", as_json)
        raise typer.Exit(WRONG if warnings else 0)
    lines = change_lines(owned, changes) if changes else []
    _confirm([*warned(warnings), *lines, *([route.line] if route.changes else [])], yes, as_json, document)
    if changes:
        _asked(lambda: book.change(owned.sid, _settings_of(changes)), as_json)
    _write(route, as_json)
    done = f"{owned.phone_number} leads here, and {route.agent} answers"
    served = [f"the server has to have {route.path} too: deploy it"] if route.changes else []
    tell({**document, "done": True}, [*warned(warnings), *served] if warnings else [done, *served], as_json)
    raise typer.Exit(WRONG if warnings else 0)


def _write(route: RouteChange | None, as_json: bool) -> None:
    if route is None or not route.changes:
        return
    try:
        route.write()
    except (OSError, ContentError) as error:
        problem = f"{route.path} is not written ({error}); Twilio is set already. Run `offhook numbers assign` again"
        fail(problem, WRONG, as_json)


def _settings_of(changes: Iterable[Change]) -> dict[str, str]:
    return {change.field: change.then for change in changes}


def _confirm(lines: list[str], yes: bool, as_json: bool, document: dict[str, Any]) -> None:
    """Show what is about to happen; end the command where nobody says yes."""
    typer.echo("\n".join(lines), err=as_json)
    if yes:
        return
    if not sys.stdin.isatty():
        _not_done("nothing is changed: nobody is here to say yes. Add --yes", MISUSED, as_json, document)
    if not typer.confirm("Do it?", err=True):
        _not_done("nothing is changed", WRONG, as_json, document)


def _not_done(problem: str, code: int, as_json: bool, document: dict[str, Any]) -> NoReturn:
    if as_json:
        tell({**document, "done": False, "error": problem}, "", as_json)
    fail(problem, code)
