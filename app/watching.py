"""Notices that staff have changed something in the content directory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from watchfiles import Change, awatch

from app.editions import Editions

log = structlog.get_logger()

FOLDERS = ("prompts", "cache", "tools")
KINDS = frozenset({".md", ".yaml", ".yml", ".txt", ".py", ".wav", ".json"})
STILL_MS = 200  # after the last change: an editor writes in several goes
GATHER_MS = 2_000  # at most, while changes go on coming


@asynccontextmanager
async def watching(editions: Editions, content_dir: Path) -> AsyncIterator[None]:
    """While this is entered, a change of the content directory makes another edition. The watch is a thread of its
    own, and reading is done in threads; only the changing over is done on the loop."""
    stop = asyncio.Event()
    watch = asyncio.create_task(_watch(editions, content_dir, stop), name="content watch")
    keeper = asyncio.create_task(editions.keep_pages(), name="edition keeper")
    try:
        yield
    finally:
        stop.set()
        keeper.cancel()
        watch.cancel()  # it may be waiting for a disk
        await asyncio.wait({watch, keeper})


async def _watch(editions: Editions, content_dir: Path, stop: asyncio.Event) -> None:
    folders = [content_dir / name for name in FOLDERS if (content_dir / name).is_dir()]
    try:
        async for _ in awatch(*folders, watch_filter=_matters, stop_event=stop, step=STILL_MS, debounce=GATHER_MS):
            await editions.look()
    except Exception:
        log.exception("! changes of the content are no longer noticed: a restart takes them up")


def _matters(change: Change, path: str) -> bool:
    """Not what editors, renderers and Python keep beside the files."""
    file = Path(path)
    return file.suffix in KINDS and not file.name.startswith((".", "#")) and "__pycache__" not in file.parts
