"""`offhook calls`: what is known of calls without taking one."""

import json
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.call.estimate import (
    MEMO_MINUTE,
    MEMO_PRICES,
    MEMO_TOKENS_A_SECOND,
    Assumed,
    Estimate,
    Minute,
    estimate,
    speech_minute,
    tokens_for,
)
from app.call.prices import Direction, Prices, TokenPrices
from app.cli.talk import fail
from app.content.faults import ContentError
from app.prices import load_prices
from app.settings import Settings, SettingsError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="What is known of calls without taking one.")

UNKNOWN = "unknown"


@app.callback()
def calls() -> None:
    pass


@app.command("estimate")
def estimate_command(
    calls: Annotated[int, typer.Option(min=1, help="How many, a month say.")] = 50_000,
    minutes: Annotated[float, typer.Option(min=0.1, max=240, help="How long each one is.")] = 3.0,
    outbound: Annotated[bool, typer.Option("--outbound", help="Calls that we place.")] = False,
    tokens: Annotated[float, typer.Option(min=0, help="Tokens of a second of speech: 25 is a hint.")] = 25.0,
    caller: Annotated[float, typer.Option(min=0, max=100, help="Percent of a call in which the caller speaks.")] = 35.0,
    bot: Annotated[float, typer.Option(min=0, max=100, help="Percent of a call in which the bot speaks.")] = 45.0,
    turns: Annotated[float, typer.Option(min=0, help="Turns a minute.")] = 4.0,
    handled: Annotated[float, typer.Option(min=0, max=100, help="Percent of calls that need no person.")] = 100.0,
    agent_hour: Annotated[float | None, typer.Option(min=0, help="What an hour of a person costs you.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Print what the model and the carrier will charge, the agents' time saved, and all that was assumed."""
    if caller + bot > 100:
        fail("--caller and --bot together are over 100 percent: they take turns")
    try:
        settings = Settings.read()
        prices = load_prices(settings.prices)
    except (SettingsError, ContentError) as error:
        fail(str(error))
    assumed = Assumed(_exact(tokens), _exact(caller) / 100, _exact(bot) / 100, _exact(turns))
    direction: Direction = "outbound" if outbound else "inbound"
    where = f"{settings.aws_region}:{settings.nova_sonic_model_id}"
    one = estimate(prices, where, _exact(minutes) * 60, assumed, direction)
    hours = calls * _exact(minutes) / 60 * _exact(handled) / 100
    document = {
        "calls": calls,
        "minutes": minutes,
        "direction": direction,
        "model": where,
        "prices": {"dated": prices.dated, "currency": prices.currency, "file": str(settings.prices)},
        "call": _call(one),
        "all": {what: _times(amount, calls) for what, amount in _amounts(one).items()},
        "agents": {
            "handled_percent": handled,
            "hours": float(hours),
            "money": None if agent_hour is None else float(hours * _exact(agent_hour)),
        },
        "assumed": _assumptions(assumed),
        "memo": _memo(prices, where, assumed, calls, _exact(minutes)),
    }
    if as_json:
        typer.echo(json.dumps(document, indent=1))
        return
    _show(Console(highlight=False, width=110), document)


def _exact(number: float) -> Decimal:
    return Decimal(str(number))


def _amounts(one: Estimate) -> dict[str, Decimal | None]:
    return {"model": one.model, "carrier": one.carrier, "together": one.together}


def _times(amount: Decimal | None, count: Decimal | int) -> float | None:
    return None if amount is None else float(amount * count)


def _call(one: Estimate) -> dict[str, Any]:
    used = {kind: one.usage.of(kind) for kind in ("speech_in", "speech_out", "text_in", "text_out")}
    return {**{what: _times(amount, 1) for what, amount in _amounts(one).items()}, "tokens": used}


def _assumptions(assumed: Assumed) -> dict[str, float]:
    return {
        "tokens_a_second": float(assumed.tokens_a_second),
        "caller_percent": float(assumed.caller_share * 100),
        "bot_percent": float(assumed.bot_share * 100),
        "turns_a_minute": float(assumed.turns_a_minute),
        "text_in_a_turn": assumed.text_in_a_turn,
        "text_out_a_turn": assumed.text_out_a_turn,
    }


def _memo(prices: Prices, where: str, assumed: Assumed, calls: int, minutes: Decimal) -> dict[str, Any]:
    """The founding memo's table, the same at today's prices, and its claim beside both."""
    today = prices.models.get(where) or prices.models.get(where.partition(":")[2]) or TokenPrices()
    its_own = speech_minute(MEMO_PRICES, MEMO_TOKENS_A_SECOND, assumed)
    ours = speech_minute(today, assumed.tokens_a_second, assumed)
    all_minutes = calls * minutes
    means = tokens_for(MEMO_MINUTE, MEMO_PRICES, assumed)
    return {
        "claimed_minute": float(MEMO_MINUTE),
        "claimed_all": float(MEMO_MINUTE * all_minutes),
        "table": [
            _minute("the memo's table, at its prices", its_own, all_minutes),
            _minute(
                "the same tokens, at today's", speech_minute(today, MEMO_TOKENS_A_SECOND, assumed), calls * minutes
            ),
            _minute("this estimate", ours, calls * minutes),
        ],
        "claim_means_tokens_a_second": None if means is None else round(float(means), 1),
    }


def _minute(what: str, minute: Minute, minutes: Decimal) -> dict[str, Any]:
    return {
        "what": what,
        "tokens_a_second": float(minute.tokens_a_second),
        "caller_minute": _times(minute.caller, 1),
        "bot_minute": _times(minute.bot, 1),
        "call_minute": _times(minute.call, 1),
        "all": _times(minute.call, minutes),
    }


# --- for people -------------------------------------------------------------------------------------------------------


def _show(console: Console, told: dict[str, Any]) -> None:
    unit, minutes = told["prices"]["currency"], told["minutes"]
    console.print(f"{told['calls']:,} {told['direction']} calls of {minutes:g} min, {told['model']}")
    console.print(f"prices of {told['prices']['dated']} in {unit}, {told['prices']['file']}\n")
    table = Table("", *(f"{unit} {of}" for of in ("a minute", "a call", "all")), box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for what in ("model", "carrier", "together"):
        a_call = told["call"][what]
        a_minute = None if a_call is None else a_call / minutes
        table.add_row(what, _money(a_minute, 4), _money(a_call, 4), _money(told["all"][what], 2))
    console.print(table)
    _show_agents(console, told["agents"], unit)
    used, assumed = told["call"]["tokens"], told["assumed"]
    console.print(f"\ntokens a call: {', '.join(f'{count:,} {kind}' for kind, count in used.items())}")
    console.print(
        f"assumed: {assumed['tokens_a_second']:g} tokens a second of speech (a hint, never published: read your own "
        f"from offhook_model_tokens_total); the caller speaks {assumed['caller_percent']:g} % of the time and the bot "
        f"{assumed['bot_percent']:g} % (as the bench's callers), the rest is quiet and not billed; "
        f"{assumed['turns_a_minute']:g} turns a minute with {assumed['text_in_a_turn']} tokens of text in and "
        f"{assumed['text_out_a_turn']} out (one turn that was measured). The carrier bills whole minutes of call and "
        "stream. Nothing for phrases from the cache, people's legs, recordings, servers, taxes."
    )
    _show_memo(console, told["memo"], unit)


def _show_agents(console: Console, agents: dict[str, Any], unit: str) -> None:
    worth = f"{agents['money']:,.2f} {unit}" if agents["money"] is not None else f"{UNKNOWN}: give --agent-hour"
    console.print(
        f"\nagents' time saved: {agents['hours']:,.0f} h, if {agents['handled_percent']:g} % of calls need no person "
        f"(--handled); its price: {worth}"
    )


def _show_memo(console: Console, memo: dict[str, Any], unit: str) -> None:
    console.print("\nThe founding memo, speech alone:")
    table = Table(
        "", "tokens/s", *(f"{unit} {of}" for of in ("caller's min", "bot's min", "a call's min", "all")), box=None
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for row in memo["table"]:
        parts = (_money(row[part], 4) for part in ("caller_minute", "bot_minute", "call_minute"))
        table.add_row(row["what"], f"{row['tokens_a_second']:g}", *parts, _money(row["all"], 2))
    table.add_row("the memo's claim", "", "", "", _money(memo["claimed_minute"], 4), _money(memo["claimed_all"], 2))
    console.print(table)
    its_own = memo["table"][0]
    times = "" if not its_own["call_minute"] else f"{its_own['call_minute'] / memo['claimed_minute']:.1f} times"
    console.print(
        f"Its two figures disagree: {its_own['tokens_a_second']:g} tokens a second make a call's minute {times} what "
        f"it claims, and even a minute in which only the caller speaks costs more than {memo['claimed_minute']:g}. The "
        f"claim would need {memo['claim_means_tokens_a_second']} tokens a second."
    )


def _money(amount: float | None, places: int) -> str:
    return UNKNOWN if amount is None else f"{amount:,.{places}f}"
