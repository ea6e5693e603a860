"""The demo's call: the real server in this process, told what to show, and a scripted caller on the telephone."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from app.assembly import Server, assemble, settle
from app.cli.cache import render_missing
from app.cli.demo_show import Show
from app.cli.emulated import EmulatedSonic
from app.cli.serve import web_of
from app.edition import Edition, load_edition
from app.prompts.routes import Routes
from app.records.messages import Message, MessageBook
from app.settings import Settings
from app.simulator import callscript
from app.simulator.shop import Shop
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.journal import CallEvent
from app.simulator.twilio.phone import CALLED, CallResult, Dialling, place_call
from app.simulator.twilio.plant import DialOutcome, Plant
from app.simulator.twilio.rest import create_app
from app.web.doors import Doors, listen

RECORDING, MESSAGE = Path("demo-call.wav"), Path("demo-message.wav")
ORDERS = Path("tools/data/orders.json")  # of the content: what the order system of the demo knows
LOOK_UP_S = 2.5  # what that system takes over an order: long enough to be told "one moment"
RINGS_MS = 6_000  # whoever is called does not answer
AFTER_OPENING_MS = 3_600_000
NEXT = """
[bold]Hear it:[/] open [cyan]{wav}[/] (left: the caller, right: what the caller heard), or: play {wav}
[bold]Put it on a number:[/] set TWILIO_AUTH_TOKEN, PUBLIC_URL and AWS credentials, run [cyan]offhook serve[/], and
point the number's voice webhook at PUBLIC_URL/twilio/voice. README.md, "Ops", says the rest.
"""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it: the call with its sound, what was shown, and what the caller left for staff."""

    call: CallResult
    show: Show
    messages: Sequence[Message]


async def run_demo(settings: Settings, script: Path, sonic: EmulatedSonic, console: Console) -> Played:
    """The whole call."""
    edition = await asyncio.to_thread(load_edition, settings.content_dir)
    caller = callscript.load(script)
    show = Show(console, edition.catalogue.wordings(_language(edition)))
    await render_missing(settings.content_dir, language=_language(edition))
    await asyncio.to_thread(sonic.ready)
    orders = settings.content_dir / ORDERS
    with Shop(orders, takes_s=LOOK_UP_S) if orders.is_file() else nullcontext() as shop:
        async with _twilio(settings, _number(edition.prompts.routes)) as (plant, api_url):
            own = {"tool_hosts": shop.tool_hosts if shop else "", "twilio_api_url": api_url}
            result = await _held(settings.model_copy(update=own), edition, plant, caller, show)
    return Played(result, show, await asyncio.to_thread(_messages, settings, result.call_sid))


@asynccontextmanager
async def _twilio(settings: Settings, number: str) -> AsyncIterator[tuple[Plant, str]]:
    """A Twilio that owns this number, and where its REST interface listens."""
    plant = Plant(default_outcome=DialOutcome("no-answer", ring_ms=RINGS_MS))
    account = _account(settings)
    exchange = Exchange(plant, {account.sid: account})
    exchange.own(account, number)
    async with aclosing(plant), Doors(create_app(exchange), listen("127.0.0.1", 0)) as doors:
        plant.api_url = f"http://127.0.0.1:{doors.port}"
        yield plant, plant.api_url


async def _held(
    settings: Settings, edition: Edition, plant: Plant, caller: callscript.Script, show: Show
) -> CallResult:
    hour = rehearsal_hour(edition.prompts.routes, time.time_ns() // 1_000_000)
    async with assemble(settings, edition, show.watch, clock=lambda: hour) as server:
        await settle(server, seconds=5)
        return await _call(server, plant, caller, show)


def rehearsal_hour(routes: Routes, now_ms: int) -> int:
    """An hour after the next opening, Unix ms: whenever the demo is run, the business is open."""
    hours = routes.business_hours
    opens = hours.next_opening(now_ms) if hours is not None else None
    return now_ms if opens is None else opens + AFTER_OPENING_MS


def _account(settings: Settings) -> Account:
    return Account(settings.twilio_account_sid, settings.auth_tokens[0])


def _number(routes: Routes) -> str:
    """The business's first; any, where it names none."""
    return next((number for number in routes.numbers if number.startswith("+")), CALLED)


def _language(edition: Edition) -> str:
    return edition.prompts.agents[edition.prompts.routes.default.agent].settings.language


async def _call(server: Server, plant: Plant, caller: callscript.Script, show: Show) -> CallResult:
    settings = server.settings
    async with Doors(web_of(server, local=False), listen(settings.host, settings.port)):
        url = settings.public_url
        dialling = Dialling(
            to=f"{url}/twilio/voice",
            status_callback=f"{url}/twilio/status",
            called=next(iter(plant.own_numbers)),
            account=_account(settings),
        )
        return await place_call(dialling, caller, plant=plant, watch=lambda event: _tell(show, event))


def _tell(show: Show, event: CallEvent) -> None:
    match event.name:
        case "stream_started":
            show.telephone_stream_started(event.at_ms)
        case "stream_ended":
            show.telephone_stream_ended(event.at_ms)
        case "audio_arrived":
            show.telephone_got_audio(event.at_ms)
        case "caller_started":
            show.telephone_caller_started(event.at_ms)
        case "clear_received":
            show.telephone_cleared(event.at_ms)
        case "verb" | "caller_speaks" | "digit" | "recorded":
            show.telephone_outside(event.at_ms, event.name, event.detail)


def _messages(settings: Settings, call_sid: str) -> Sequence[Message]:
    book = MessageBook(settings.messages_url)
    try:
        return [message for message in book.all() if message.call_sid == call_sid]
    finally:
        book.close()


def conclude(played: Played, console: Console, as_json: bool) -> None:
    """Keep the recordings, and say what was measured and what to do next."""
    result, show = played.call, played.show
    RECORDING.write_bytes(result.wav())
    left = [recording for recording in result.recordings if recording.source == "RecordVerb" and recording.audio]
    if left:
        MESSAGE.write_bytes(left[-1].audio)
    console.print()
    console.print(show.summary([_told(message, bool(left)) for message in played.messages]))
    for failure in result.failures:
        console.print(f"[red]not as expected:[/] {failure}")
    console.print(NEXT.format(wav=RECORDING), soft_wrap=True)
    if as_json:
        print(json.dumps(_document(played)))


def _document(played: Played) -> dict[str, object]:
    return {
        "recording": str(RECORDING),
        "turns": [asdict(turn) for turn in played.show.tally.turns],
        "messages": [{"kind": m.kind, "seconds": m.seconds, "about": m.about} for m in played.messages],
        "call": played.call.document(),
    }


def _told(message: Message, recorded: bool) -> str:
    who = f"...{message.caller[-4:]}" if message.caller else "a withheld number"
    if message.kind == "voicemail":
        return f"a message of {message.seconds} s from {who}{f', in {MESSAGE}' if recorded else ''}"
    return f"{who} wants to be called back: {message.about}"
