"""`offhook serve`: answer the telephone."""

import gc
import sys
from typing import Annotated

import structlog
import typer
import uvloop

from app.assembly import Server, assemble
from app.cli.talk import fail, logging_to_stderr
from app.content.faults import ContentError
from app.edition import Edition, load_edition
from app.settings import Settings, SettingsError
from app.watching import watching
from app.web.app import Web, build_web
from app.web.doors import Doors, until_told
from app.web.gate import Gate

app = typer.Typer(add_completion=False)
log = structlog.get_logger()


@app.command()
def serve(
    local: Annotated[bool, typer.Option("--local", help="Bind 127.0.0.1 and do without secrets.")] = False,
    port: Annotated[int | None, typer.Option(help="Instead of PORT.")] = None,
) -> None:
    """Answer the telephone. Settings come from the environment and `.env`."""
    logging_to_stderr(json_lines=not sys.stderr.isatty())
    try:
        settings = Settings.read(**({} if port is None else {"port": port})).for_serving(local)
        edition = load_edition(settings.content_dir)
    except (SettingsError, ContentError) as error:
        fail(str(error))
    uvloop.run(_serve(settings, edition, local))


async def _serve(settings: Settings, edition: Edition, local: bool) -> None:
    warn_of_recording(settings)
    async with assemble(settings, edition) as server, watching(server.editions, settings.content_dir):
        try:
            doors = Doors(web_of(server, local), settings.host, settings.port)
        except OSError as error:
            fail(f"PORT {settings.port} on {settings.host} is not to be had: {error.strerror}. Choose another.")
        async with doors:
            spare_the_collector()
            log.info("= answering", public_url=settings.public_url, port=doors.port, edition=edition.hash)
            await until_told(server.desk.registry, settings.drain_seconds)


def warn_of_recording(settings: Settings) -> None:
    if settings.record_calls and settings.rest_keys is None:
        fix = "set TWILIO_ACCOUNT_SID, and TWILIO_API_KEY with TWILIO_API_SECRET, so that a recording can be paused"
        log.warning("! RECORD_CALLS without keys of the REST interface: callers cannot enter secret digits", fix=fix)


def spare_the_collector() -> None:
    """What was made until now stays for good and need not be looked at again; calls make little that is cyclic, and a
    collection every few hundred objects would cost each call-second a twentieth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def web_of(server: Server, local: bool) -> Web:
    """Every route of this server. `local`: unsigned requests are let in where no token is set."""
    settings = server.settings
    gate = Gate(settings.public_url, settings.auth_tokens, local, server.meters.bad_signatures.inc)
    token = settings.metrics_token.get_secret_value()
    return build_web(server.desk, gate, server.ready, server.meters.registry, token)
