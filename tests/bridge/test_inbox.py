"""Words for staff on their way: a database that is gone loses none of them, and keeps nobody waiting."""

import asyncio
from pathlib import Path

from fakeredis import FakeAsyncRedis, FakeServer
from structlog.testing import capture_logs

from app.bridge.inbox import WORD, Inbox
from app.cache.store import Store
from app.records.messages import MessageBook, Word

WISH = Word("K1", "call_back", "CA1", 1_000, caller="+14155550123", about="the blue wheel")


async def kept(url: str, count: int = 1) -> list[str]:
    book = MessageBook(url)
    try:
        async with asyncio.timeout(10):
            while len(found := await asyncio.to_thread(book.all)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        book.close()
    return [message.key for message in found]


def gone(folder: Path) -> str:
    """A database that cannot be opened: its folder is a file."""
    (folder / "blocked").write_text("")
    return f"sqlite:///{folder}/blocked/messages.db"


async def test_a_wish_is_kept_without_waiting_for_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/messages.db"
    async with Inbox(MessageBook(url), Store(FakeAsyncRedis(), "memory")) as inbox:
        inbox.keep(WISH)
        assert await kept(url) == ["K1"]


async def test_a_short_outage_is_outlived(tmp_path: Path) -> None:
    url = gone(tmp_path)
    async with Inbox(MessageBook(url), Store(FakeAsyncRedis(), "memory")) as inbox:
        with capture_logs() as logs:
            inbox.keep(WISH)
            await asyncio.sleep(0.2)
            (tmp_path / "blocked").unlink()
            assert await kept(url) == ["K1"]
    assert logs and not any("wheel" in str(line) or "4155550123" in str(line) for line in logs)


async def test_what_a_process_leaves_behind_is_taken_up_by_the_next(tmp_path: Path) -> None:
    url, shared = gone(tmp_path), FakeServer()
    store = Store(FakeAsyncRedis(server=shared), "memory")
    with capture_logs():
        async with Inbox(MessageBook(url), store) as inbox:
            inbox.keep(WISH)
            await asyncio.sleep(0.2)
    assert [document["key"] for document in await store.all(WORD)] == ["K1"]
    (tmp_path / "blocked").unlink()
    async with Inbox(MessageBook(url), store):
        assert await kept(url) == ["K1"]
        await asyncio.sleep(0.1)
        assert await store.all(WORD) == []
