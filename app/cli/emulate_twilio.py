"""`offhook emulate twilio`: the simulated Twilio as a process of its own, with its REST subset."""

import json
import signal
import socket
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from app.cli.persons import PERSON_HELP, persons
from app.cli.talk import fail

if TYPE_CHECKING:
    from app.simulator.twilio.exchange import Exchange

app = typer.Typer(add_completion=False)


@app.command()
def twilio(
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 8010,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    account: Annotated[str, typer.Option(envvar="TWILIO_ACCOUNT_SID")] = "AC" + "0" * 31 + "1",
    token: Annotated[str, typer.Option(envvar="TWILIO_AUTH_TOKEN", help="The first of a comma list.")] = "0" * 32,
    api_key: Annotated[str, typer.Option(envvar="TWILIO_API_KEY", help="SK..., opens REST too.")] = "",
    api_secret: Annotated[str, typer.Option(envvar="TWILIO_API_SECRET")] = "",
    number: Annotated[list[str] | None, typer.Option(help="Owned number, or number=voice URL. Repeatable.")] = None,
    person: Annotated[list[str] | None, typer.Option(help=PERSON_HELP)] = None,
    public_url: Annotated[str, typer.Option(help="The application's public URL, signed ...")] = "",
    to: Annotated[str, typer.Option(help="... and where it really listens.")] = "",
    calls_per_second: Annotated[float, typer.Option(min=0.01, help="Outbound calls are queued beyond it.")] = 1.0,
    most_at_once: Annotated[int, typer.Option(min=1, help="REST requests at once; more get 429.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Say where it listens as one line of JSON.")] = False,
) -> None:
    """A local Twilio: REST with Basic auth, webhooks, TwiML and Media Streams.

    POST /simulator/calls {"to", "script"} has somebody call an owned number; GET /simulator/calls/SID tells what came
    of it, .wav lets you hear it; POST /simulator/people says who answers a number; GET /simulator/tasks what
    TaskRouter was given; /simulator/refuse makes 429s.
    """
    import asyncio

    from app.simulator.twilio.exchange import Exchange
    from app.simulator.twilio.identity import Account
    from app.simulator.twilio.plant import Plant
    from app.simulator.twilio.resources import ApiError
    from app.simulator.twilio.webhook import Route

    if bool(api_key) != bool(api_secret):
        fail("--api-key and --api-secret belong together")
    owner = Account(account, token.split(",")[0].strip(), {api_key: api_secret} if api_key else {})
    plant = Plant(route=Route(public_url, to), outcomes=persons(person or []))
    exchange = Exchange(plant, {owner.sid: owner}, calls_per_second)
    try:
        for given in number or ["+15035550199"]:
            phone_number, _, url = given.partition("=")
            if url and urlsplit(url).scheme not in ("http", "https"):
                fail(f"--number {given}: the voice URL must be http or https")
            exchange.own(owner, phone_number, {"voice_url": url} if url else {})
    except ApiError as error:
        fail(f"--number: {error}")
    try:
        # With the protocol named, asyncio turns Nagle's algorithm off; else each answer would take 40 ms.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror}")
    where = f"http://{host}:{listener.getsockname()[1]}"
    plant.api_url = where
    owned = [owned.phone_number for owned in exchange.numbers.values()]
    if as_json:
        typer.echo(json.dumps({"url": where, "account_sid": owner.sid, "numbers": owned}))
    else:
        typer.echo(f"Twilio, simulated, at {where}  account {owner.sid}  numbers {', '.join(owned)}")
    asyncio.run(_serve(exchange, listener, most_at_once))


async def _serve(exchange: "Exchange", listener: socket.socket, most_at_once: int) -> None:
    import uvicorn

    from app.simulator.twilio.rest import create_app

    # uvicorn raises the signal again when it has ended in order; ending so is what was asked for.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda number, frame: None)
    config = uvicorn.Config(create_app(exchange, most_at_once), log_level="warning")
    await uvicorn.Server(config).serve(sockets=[listener])
    await exchange.plant.aclose()
