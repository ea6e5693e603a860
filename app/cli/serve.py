"""`offhook serve`: answer the telephone."""

import asyncio
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Annotated

import structlog
import typer
import uvloop

from app.assembly import Server, assemble, process_name
from app.cache.catalogue import Catalogue
from app.cache.keys import Narrator
from app.cache.render import RenderReport
from app.cache.store import shared_url
from app.cli.emitting import emitting
from app.cli.memory import giving_back, spare_the_collector
from app.cli.talk import fail, logging_to_stderr
from app.content.faults import ContentError
from app.edition import Edition, load_edition
from app.metrics.meters import SHARED
from app.settings import Settings, SettingsError, lend_variables
from app.watching import watching
from app.web.app import Web, build_web
from app.web.doors import Doors, listen, until_told
from app.web.gate import Gate
from app.web.tied import tie_to_parent
from app.web.workers import Workers

app = typer.Typer(add_completion=False)
log = structlog.get_logger()


@app.command()
def serve(
    local: Annotated[bool, typer.Option("--local", help="Bind 127.0.0.1 and do without secrets.")] = False,
    port: Annotated[int | None, typer.Option(help="Instead of PORT.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port, one loop each.")] = 1,
    worker: Annotated[int | None, typer.Option(hidden=True, help="One of them, by its number.")] = None,
    listen_on: Annotated[int | None, typer.Option(hidden=True, help="The socket it has inherited.")] = None,
) -> None:
    """Answer the telephone. Settings come from the environment and `.env`."""
    try:
        settings = Settings.read(**({} if port is None else {"port": port})).for_serving(local)
        logging_to_stderr(json_lines=settings.logs_are_json(sys.stderr.isatty()))
        lend_variables()
        edition = load_edition(settings.content_dir)
    except (SettingsError, ContentError) as error:
        fail(str(error))
    if listen_on is not None:
        tie_to_parent()
        listening = socket.socket(fileno=listen_on)
    else:
        listening = _port_of(settings)
    if workers > 1:
        raise typer.Exit(asyncio.run(_share(settings, local, workers, listening)))
    try:
        uvloop.run(_serve(settings, edition, local, listening, worker))
    except ContentError as error:
        fail(str(error))


def _port_of(settings: Settings) -> socket.socket:
    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        fail(f"PORT {settings.port} on {settings.host} is not to be had: {error.strerror}. Choose another.")


async def _serve(
    settings: Settings, edition: Edition, local: bool, listening: socket.socket, worker: int | None
) -> None:
    warn_of_recording(settings)
    render = others_render if worker else None
    async with (
        assemble(settings, edition, render=render) as server,
        watching(server.editions, settings.content_dir),
        emitting(server.meters, process_name()) if settings.emf else nullcontext(),
        Doors(web_of(server, local), listening) as doors,
        giving_back(server.desk.registry.live_count),
    ):
        spare_the_collector()
        log.info("= answering", public_url=settings.public_url, port=doors.port, edition=edition.hash, worker=worker)
        await until_told(server.desk, settings.drain_seconds)


async def others_render(catalogue: Catalogue, narrators: Iterable[Narrator]) -> RenderReport:
    """Of several workers the first one records what a new edition lacks; the others find its audio in the folder."""
    return RenderReport()


async def _share(settings: Settings, local: bool, workers: int, listening: socket.socket) -> int:
    """Parent of the workers: one store, one secret and one set of figures for them all."""
    port = listening.getsockname()[1]
    async with shared_url(settings.redis_url, settings.data_dir) as store:
        if not store:
            fail("--workers needs a store that they share: install redis-server, or set REDIS_URL")
        with tempfile.TemporaryDirectory(prefix="offhook-metrics-") as metrics:
            env = {
                **os.environ,
                "PORT": str(port),
                "REDIS_URL": store,
                "STREAM_SECRET": settings.stream_key or secrets.token_hex(32),
                SHARED: metrics,
            }
            command = ["app.cli", "serve", *(["--local"] if local else [])]
            log.info("= answering", public_url=settings.public_url, port=port, workers=workers)
            return await Workers(workers, command, env, listening).run()


def warn_of_recording(settings: Settings) -> None:
    if settings.record_calls and settings.rest_keys is None:
        fix = "set TWILIO_ACCOUNT_SID, and TWILIO_API_KEY with TWILIO_API_SECRET, so that a recording can be paused"
        log.warning("! RECORD_CALLS without keys of the REST interface: callers cannot enter secret digits", fix=fix)


def web_of(server: Server, local: bool) -> Web:
    """Every route of this server. `local`: unsigned requests are let in where no token is set."""
    settings = server.settings
    gate = Gate(settings.public_url, settings.auth_tokens, local, server.meters.bad_signatures.inc)
    token = settings.metrics_token.get_secret_value()
    return build_web(server.desk, gate, server.ready, lambda: server.meters.shown, token, settings.stream_key)
