"""Staff edit files while the telephone is answered. Real files, a real watch, real calls."""

import asyncio
import fcntl
import os
import shutil
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.cache.render import render
from app.simulator.tonal import PhraseVoice
from tests.whole.conftest import OpenHouse
from tests.whole.hand import Hand
from tests.whole.house import House, until
from tests.whole.sounds import TONES, turn
from tests.whole.test_conversation import GOODBYE

PHRASES = "cache/phrases/desk.yaml"


@pytest.fixture
def desk(content: Path, tmp_path: Path) -> Path:
    """The parcel desk, with its recordings, to be edited."""
    return Path(shutil.copytree(content, tmp_path / "desk"))


def edit(file: Path, *changes: tuple[str, str]) -> None:
    """As an editor saves: a new file in place of the old."""
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    beside = file.with_name(f".{file.name}.part")
    beside.write_text(text)
    beside.replace(file)


def studio(desk: Path) -> Callable[..., Awaitable[object]]:
    """Records what is missing, in tones."""
    return partial(recorded, desk)


async def recorded(desk: Path, catalogue: object, narrators: object) -> object:
    return await render(catalogue, narrators, PhraseVoice(TONES), desk)  # type: ignore[arg-type]


async def readiness(here: House) -> dict[str, object]:
    found: dict[str, object] = (await here.client.get("/readyz")).json()
    return found


async def test_a_running_call_keeps_the_words_it_began_with_and_the_next_has_the_new_ones(
    house: OpenHouse, desk: Path
) -> None:
    thanks = [turn("Thanks, goodbye.", **GOODBYE)]
    async with house(content=desk, mind=thanks, render=studio(desk)) as here:
        before = (await readiness(here))["edition"]
        async with Hand.rings(here, "CA" + "7" * 32) as running:
            await running.hears("greeting")
            edit(desk / PHRASES, ("hello!", "good day!"), ("Thank you, goodbye!", "Thank you, and fair winds!"))
            await until(partial(readiness, here), lambda state: state["edition"] != before)
            next_call = asyncio.create_task(
                here.call("""
                wait for speech
                wait for quiet 300ms
                say "thanks goodbye"
                expect hung up within 20s
            """)
            )
            await running.says("thanks goodbye")
            await running.hears("goodbye")
            after = await next_call
    assert after.heard == ["edited greeting", "edited goodbye"]


async def test_a_broken_edit_is_refused_with_its_place_and_the_last_good_edition_answers(
    house: OpenHouse, desk: Path
) -> None:
    good = (desk / PHRASES).read_text()
    with capture_logs() as logs:
        async with house(content=desk, mind=[turn("Where is it?", "one")], render=studio(desk)) as here:
            before = (await readiness(here))["edition"]
            edit(desk / PHRASES, ("kind: greeting", "kind: greating"))
            broken = await until(partial(readiness, here), lambda state: bool(state["refused"]))
            call = await here.call("wait for speech\nwait for quiet 300ms\nhang up")
            (desk / PHRASES).write_text(good.replace("hello!", "good day!"))
            mended = await until(partial(readiness, here), lambda state: state["edition"] != before)
    assert call.heard == ["greeting"]
    assert broken["edition"] == before and broken["ready"] is True
    assert "cache/phrases/desk.yaml:3: phrases.greeting.kind" in str(broken["refused"])
    assert mended["refused"] == []
    [refusal] = [entry for entry in logs if "an edit is refused" in entry["event"]]
    assert (refusal["file"], refusal["line"]) == (PHRASES, 3)
    assert "greeting" in refusal["fix"]


async def test_a_changed_tool_in_python_waits_for_a_deployment_and_is_named_once(house: OpenHouse, desk: Path) -> None:
    with capture_logs() as logs:
        async with house(content=desk, render=studio(desk)) as here:
            with (desk / "tools" / "parcels.py").open("a") as tools:
                tools.write("\nraise SystemExit('imported again')\n")
            waiting = await until(partial(readiness, here), lambda state: bool(state["needs_deployment"]))
            edit(desk / PHRASES, ("hello!", "good day!"))
            state = await until(partial(readiness, here), lambda state: state["edition"] != waiting["edition"])
    assert waiting["needs_deployment"] == state["needs_deployment"] == ["tools/parcels.py"]
    assert len([entry for entry in logs if "needs a deployment" in entry["event"]]) == 1


# --- a disk that stands still -----------------------------------------------------------------------------------------


class Stalled:
    """A file whose next reader waits in the kernel until `release`: a lease on it is ours."""

    def __init__(self, file: Path) -> None:
        self._end = os.open(file, os.O_RDWR)
        self.begin()

    def begin(self) -> None:
        fcntl.fcntl(self._end, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    @property
    def waits(self) -> bool:
        """Does somebody stand before it?"""
        return fcntl.fcntl(self._end, fcntl.F_GETLEASE) != fcntl.F_WRLCK

    def release(self) -> None:
        fcntl.fcntl(self._end, fcntl.F_SETLEASE, fcntl.F_UNLCK)

    def close(self) -> None:
        os.close(self._end)


@contextmanager
def stalled(file: Path) -> Iterator[Stalled]:
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # by which the kernel tells of a reader
    disk = Stalled(file)
    try:
        yield disk
    finally:
        disk.close()
        signal.signal(signal.SIGIO, before)


async def waited_for(disk: Stalled) -> bool:
    return disk.waits


async def test_a_disk_that_stands_still_holds_up_an_edit_and_no_call(house: OpenHouse, desk: Path) -> None:
    asks = [turn("Where is it?", "one")]
    async with house(content=desk, mind=asks, render=studio(desk)) as here:
        before = (await readiness(here))["edition"]
        async with Hand.rings(here, "CA" + "7" * 32) as running:
            await running.hears("greeting")
            with stalled(desk / "prompts" / "desk.md") as disk:
                edit(desk / PHRASES, ("hello!", "good day!"))
                await until(partial(waited_for, disk), bool)
                await running.says("where is it")
                await running.hears("one")
                held_up = await readiness(here)
                assert disk.waits
                disk.release()
                await until(partial(readiness, here), lambda state: state["edition"] != before)
    assert running.heard == ["greeting", "one"]
    assert held_up["edition"] == before and held_up["ready"] is True, "new calls are welcome, on the edition in use"


async def test_a_server_ends_though_its_disk_stands_still(house: OpenHouse, desk: Path) -> None:
    with stalled(desk / "prompts" / "desk.md") as disk:
        disk.release()  # it has to start
        async with house(content=desk, render=studio(desk)) as here:
            assert (await readiness(here))["ready"] is True
            disk.begin()
            edit(desk / PHRASES, ("hello!", "good day!"))
            await until(partial(waited_for, disk), bool)
        readers = [thread for thread in threading.enumerate() if thread.name == "content"]
        assert readers, "the server is gone, and who reads for it still waits for the disk"
