"""The demo's call: the real server in this process, told what to show, and a scripted caller on the telephone."""

import asyncio
import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from app.assembly import Server, assemble, settle
from app.cli.cache import render_missing
from app.cli.demo_show import Show
from app.cli.emulated import EmulatedSonic
from app.cli.serve import web_of
from app.edition import Edition, load_edition
from app.settings import Settings
from app.simulator import callscript
from app.simulator.shop import Shop
from app.simulator.twilio.identity import Account
from app.simulator.twilio.journal import CallEvent
from app.simulator.twilio.phone import CallResult, Dialling, place_call
from app.web.doors import Doors

RECORDING = Path("demo-call.wav")
ORDERS = Path("tools/data/orders.json")  # of the content: what the order system of the demo knows
NEXT = """
[bold]Hear it:[/] open [cyan]{wav}[/] (left: the caller, right: what the caller heard), or: play {wav}
[bold]Put it on a number:[/] set TWILIO_AUTH_TOKEN, PUBLIC_URL and AWS credentials, run [cyan]offhook serve[/], and
point the number's voice webhook at PUBLIC_URL/twilio/voice. README.md, "Ops", says the rest.
"""


async def run_demo(settings: Settings, script: Path, sonic: EmulatedSonic, console: Console) -> tuple[CallResult, Show]:
    """The whole call; its sound is in the result."""
    edition = await asyncio.to_thread(load_edition, settings.content_dir)
    caller = callscript.load(script)
    show = Show(console, edition.catalogue.wordings(_language(edition)))
    await render_missing(settings.content_dir)
    await asyncio.to_thread(sonic.ready)
    orders = settings.content_dir / ORDERS
    with Shop(orders) if orders.is_file() else nullcontext() as shop:
        own = settings.model_copy(update={"tool_hosts": shop.tool_hosts if shop else ""})
        return await _held(own, edition, caller, show), show


async def _held(settings: Settings, edition: Edition, caller: callscript.Script, show: Show) -> CallResult:
    async with assemble(settings, edition, show.watch) as server:
        await settle(server, seconds=5)
        return await _call(server, caller, show)


def _language(edition: Edition) -> str:
    return edition.prompts.agents[edition.prompts.routes.default.agent].settings.language


async def _call(server: Server, caller: callscript.Script, show: Show) -> CallResult:
    settings = server.settings
    async with Doors(web_of(server, local=False), settings.host, settings.port):
        url = settings.public_url
        dialling = Dialling(
            to=f"{url}/twilio/voice",
            status_callback=f"{url}/twilio/status",
            account=Account(token=settings.auth_tokens[0]),
        )
        return await place_call(dialling, caller, watch=lambda event: _tell(show, event))


def _tell(show: Show, event: CallEvent) -> None:
    match event.name:
        case "stream_started":
            show.telephone_stream_started(event.at_ms)
        case "audio_arrived":
            show.telephone_got_audio(event.at_ms)
        case "caller_started":
            show.telephone_caller_started(event.at_ms)
        case "clear_received":
            show.telephone_cleared(event.at_ms)


def conclude(result: CallResult, show: Show, console: Console, as_json: bool) -> None:
    """Keep the recording, and say what was measured and what to do next."""
    RECORDING.write_bytes(result.wav())
    console.print()
    console.print(show.summary())
    for failure in result.failures:
        console.print(f"[red]not as expected:[/] {failure}")
    console.print(NEXT.format(wav=RECORDING), soft_wrap=True)
    if as_json:
        turns = [asdict(turn) for turn in show.tally.turns]
        print(json.dumps({"recording": str(RECORDING), "turns": turns, "call": result.document()}))
