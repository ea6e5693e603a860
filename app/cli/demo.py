"""`offhook demo`: a whole call on this machine. The real server, both simulators, a scripted caller; no account."""

import asyncio
import json
import secrets
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from app.assembly import Server, assemble, settle
from app.cli.cache import render_missing
from app.cli.demo_show import Show
from app.cli.emulated import NoModel, emulated_sonic
from app.cli.serve import web_of
from app.cli.talk import fail, logging_to_stderr
from app.content.faults import ContentError
from app.edition import Edition, load_edition
from app.settings import Settings, SettingsError
from app.simulator import callscript
from app.simulator.twilio.identity import Account
from app.simulator.twilio.journal import CallEvent
from app.simulator.twilio.phone import CallResult, Dialling, place_call
from app.web.doors import Doors

app = typer.Typer()

SCRIPT = Path(__file__).parent.parent / "simulator" / "demo.call"
RECORDING = Path("demo-call.wav")
NEXT = """
[bold]Hear it:[/] open [cyan]{wav}[/] (left: the caller, right: what the caller heard), or: play {wav}
[bold]Put it on a number:[/] set TWILIO_AUTH_TOKEN, PUBLIC_URL and AWS credentials, run [cyan]offhook serve[/], and
point the number's voice webhook at PUBLIC_URL/twilio/voice. README.md, "Ops", says the rest.
"""


@app.command()
def demo(
    script: Annotated[Path, typer.Option(help="What the caller does.")] = SCRIPT,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout, the show on stderr.")] = False,
) -> None:
    """Hear it work: a greeting, questions, a look-up, an interruption, a goodbye."""
    logging_to_stderr(level=30)
    console = Console(stderr=as_json, highlight=False)
    try:
        settings = demo_settings()
        edition = load_edition(settings.content_dir)
        caller = callscript.load(script)
        result, show = uvloop.run(_demo(settings, edition, caller, console))
    except (SettingsError, ContentError, callscript.ScriptError, NoModel, OSError) as error:
        fail(str(error))
    RECORDING.write_bytes(result.wav())
    _conclude(result, show, console, as_json)
    raise typer.Exit(0 if result.passed else 1)


def demo_settings() -> Settings:
    """Nothing of the environment's accounts is used: the demo has its own keys and its own model."""
    token = secrets.token_hex(16)
    settings = Settings.read(
        twilio_auth_token=token, redis_url="", stream_secret=token, port=free_port(), public_url=""
    )
    settings = settings.for_serving(local=True)
    data_dir = settings.data_dir / "demo"
    data_dir.mkdir(parents=True, exist_ok=True)
    return settings.model_copy(
        update={"data_dir": data_dir, "aws_ca_bundle": data_dir / "sonic-ca.pem", "pool_size": 1}
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def _demo(
    settings: Settings, edition: Edition, caller: callscript.Script, console: Console
) -> tuple[CallResult, Show]:
    phrases: dict[str, str] = edition.catalogue.wordings("en-US")
    show = Show(console, phrases)
    console.print("[dim]Starting a server, a simulated Nova Sonic and a simulated Twilio on this machine.[/]\n")
    assert settings.aws_ca_bundle is not None
    rendering = asyncio.create_task(render_missing(settings.content_dir))  # while the model starts
    async with emulated_sonic(settings.aws_ca_bundle):
        await rendering
        async with assemble(settings, edition, show.watch) as server:
            await settle(server, seconds=5)
            return await _call(server, caller, show), show


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
    if event.name == "caller_started":
        show.telephone_caller_started(event.at_ms)
    elif event.name == "clear_received":
        show.telephone_cleared(event.at_ms)


def _conclude(result: CallResult, show: Show, console: Console, as_json: bool) -> None:
    console.print()
    console.print(show.summary())
    for failure in result.failures:
        console.print(f"[red]not as expected:[/] {failure}")
    console.print(NEXT.format(wav=RECORDING), soft_wrap=True)
    if as_json:
        turns = [asdict(turn) for turn in show.tally.turns]
        print(json.dumps({"recording": str(RECORDING), "turns": turns, "call": result.document()}))
