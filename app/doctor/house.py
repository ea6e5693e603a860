"""Our own things: content, store, database."""

import asyncio
import secrets
import time
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from app.cache.rendered import Rendered, inventory
from app.cache.store import Store, StoreGone, open_store
from app.content.faults import ContentError
from app.doctor.findings import Finding, right, warning, wrong
from app.edition import Edition, load_edition
from app.prices import load_prices
from app.records.messages import MessageBook
from app.settings import Settings, tool_variables
from app.tools.addresses import read_hosts
from app.tools.inspect import deployment_faults
from app.tools.web import Web

TRIES = 3  # the best counts: the first one connects
SLOW_MS = 10  # a command of the store; a turn waits for none, but the sum of them is felt


async def content(settings: Settings) -> Finding:
    try:
        edition = await asyncio.to_thread(load_edition, settings.content_dir)
        await asyncio.to_thread(load_prices, settings.prices)
    except ContentError as error:
        more = f" (and {len(error.faults) - 1} more)" if len(error.faults) > 1 else ""
        first = error.faults[0]
        where = f"{first.file}:{first.line}" if first.line else first.file
        return wrong(
            f"{where} {first.field} {first.problem}{more}", f"{first.fix}; all of them: `offhook prompts check`"
        )
    web = Web(read_hosts(settings.tool_hosts), tool_variables())
    try:
        lacking = deployment_faults(edition.toolbox.tools.values(), web)
    finally:
        await web.aclose()
    if lacking:
        return wrong(f"{lacking[0].file}: {lacking[0].problem}", f"{lacking[0].fix}; all: `offhook tools check`")
    silent = await asyncio.to_thread(_silent, edition, settings.content_dir)
    if silent:
        return warning(f"{silent} lines are not rendered: calls go without them", "run `offhook cache render`")
    agents, phrases = len(edition.prompts.agents), len(edition.catalogue.phrases)
    return right(f"edition {edition.hash}: {agents} agents, {phrases} phrases", edition=edition.hash)


def _silent(edition: Edition, content_dir: Path) -> int:
    items = inventory(edition.catalogue, edition.narrators, Rendered(content_dir).recordings())
    return sum(item.state in {"missing", "stale"} for item in items)


async def store(settings: Settings) -> Finding:
    """A document is written, read and removed, in the store that a server would use; the best of a few tries."""
    name = secrets.token_hex(8)
    async with open_store(settings.redis_url, settings.data_dir) as opened:
        tries = [await _tried(opened, name) for _ in range(TRIES)]
    worked = [ms for ms in tries if isinstance(ms, float)]
    if not worked:
        return wrong(f"the store does not work: {tries[-1]}", "start it, or check REDIS_URL and its password")
    ms = round(min(worked), 1)
    if opened.backend == "memory":
        fix = "install redis-server, or set REDIS_URL"
        return warning("no Redis at hand: state lives in memory and ends with the process", fix)
    if ms > SLOW_MS:
        return warning(f"{opened.backend} answers in {ms} ms", "bring the store nearer to the server", ms=ms)
    return right(f"{opened.backend} answers in {ms} ms", ms=ms)


async def _tried(opened: Store, name: str) -> float | str:
    """Milliseconds for a command, or what is wrong."""
    began = time.monotonic()
    try:
        await opened.put("doctor", name, {"at": began}, ttl_s=10)
        came_back = await opened.get("doctor", name) == {"at": began}
        await opened.delete("doctor", name)
    except StoreGone as gone:
        return str(gone)
    return (time.monotonic() - began) * 1000 / 3 if came_back else "it does not give back what was put in"


async def database(settings: Settings) -> Finding:
    return await asyncio.to_thread(_database, settings)


def _database(settings: Settings) -> Finding:
    try:
        book = MessageBook(settings.messages_url)
        try:
            left = len(book.all())
        finally:
            book.close()
    except (SQLAlchemyError, OSError, ImportError) as error:  # its own text may hold the address with its password
        said = f"the database of callers' messages does not answer ({type(error).__name__})"
        return wrong(said, "check DATABASE_URL, its driver and its password")
    return right(f"{left} messages of callers wait for somebody", messages=left)
