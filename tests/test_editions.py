"""From one edition to the next, and back to one that only the store remembers."""

import asyncio
import gc
import shutil
import weakref
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pytest
from fakeredis import FakeAsyncRedis
from structlog.testing import capture_logs

from app.bridge.incoming import Incoming
from app.cache.catalogue import Catalogue
from app.cache.keys import Narrator
from app.cache.render import Renderer, RenderReport, render
from app.cache.store import Store
from app.call.setup import Timings
from app.casting import Casting
from app.edition import load_edition
from app.editions import Editions
from app.settings import Settings
from app.simulator.tonal import PhraseVoice
from app.tools.host import ToolHost
from tests.whole.sounds import TONES

PARCELS = Path(__file__).parent / "whole" / "content"
GREETING, EDITED = "Harbour Parcels, hello!", "Harbour Parcels, good day!"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PARCELS, tmp_path / "content", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def store() -> Store:
    return Store(FakeAsyncRedis(), "memory")


def incoming(call_sid: str = "CA1") -> Incoming:
    return Incoming(call_sid, "+14155550123", "+15035550199", "ringing", "inbound", {})


def edit(desk: Path, old: str = GREETING, new: str = EDITED) -> None:
    page = desk / "cache" / "phrases" / "desk.yaml"
    text = page.read_text()
    assert old in text
    page.write_text(text.replace(old, new))


async def begun(desk: Path, store: Store, record: Renderer | None = None) -> Editions:
    settings = Settings(_env_file=None, content_dir=desk, foreign_audio=True)  # type: ignore[call-arg]
    editions = Editions(settings, Timings(), store, lambda edition: ToolHost(edition.toolbox.tools), record)
    await editions.begin(load_edition(desk))
    return editions


async def test_an_edit_is_the_next_call_s_and_not_the_running_one_s(desk: Path, store: Store) -> None:
    editions = await begun(desk, store)
    told: list[Casting] = []
    editions.follow(told.append)
    running = editions.cast(incoming())
    edit(desk)
    await editions.look()
    after = editions.cast(incoming("CA2"))
    assert running.setup.phrases["greeting"].text == GREETING
    assert after.setup.phrases["greeting"].text == EDITED
    assert after.setup.facts.edition == after.spec.key.edition == editions.state()["edition"]
    assert after.setup.facts.edition != running.setup.facts.edition
    assert told == [editions.current]


async def test_an_edition_lives_as_long_as_its_last_call(desk: Path, store: Store) -> None:
    editions = await begun(desk, store)
    running = editions.cast(incoming())
    snapshot = {"facts": asdict(running.setup.facts)}
    held = weakref.ref(running.tools)
    edit(desk)
    await editions.look()
    back = await editions.recast(incoming(), snapshot)  # the caller was lost and is here again
    assert back.tools is running.tools
    del running, back
    gc.collect()
    assert held() is None


async def test_another_process_makes_the_edition_again_from_the_store(desk: Path, store: Store, tmp_path: Path) -> None:
    here = await begun(desk, store)
    snapshot = {"facts": asdict(here.cast(incoming()).setup.facts)}
    keeping = asyncio.create_task(here.keep_pages())
    await asyncio.sleep(0.05)
    keeping.cancel()
    elsewhere = Path(shutil.copytree(desk, tmp_path / "elsewhere"))
    edit(elsewhere)
    there = await begun(elsewhere, store)
    taken_up = await there.recast(incoming(), snapshot)
    assert taken_up.setup.facts == here.cast(incoming()).setup.facts.__class__(**snapshot["facts"])
    assert taken_up.setup.phrases["greeting"].text == GREETING
    assert taken_up.spec.key.edition == here.state()["edition"]
    assert there.cast(incoming("CA2")).setup.phrases["greeting"].text == EDITED


@pytest.mark.parametrize("broken", [{}, {"facts": {"call_sid": "CA1"}}, {"facts": "?"}])
async def test_a_snapshot_that_names_no_edition_gets_the_one_in_use(
    desk: Path, store: Store, broken: dict[str, object]
) -> None:
    editions = await begun(desk, store)
    assert (await editions.recast(incoming(), broken)).setup.facts.edition == editions.state()["edition"]


async def test_a_call_whose_edition_is_gone_goes_on_with_the_one_in_use(desk: Path, store: Store) -> None:
    editions = await begun(desk, store)
    facts = asdict(editions.cast(incoming()).setup.facts) | {"edition": "0123456789ab"}
    with capture_logs() as logs:
        cast = await editions.recast(incoming(), {"facts": facts})
    assert cast.setup.facts.edition == editions.state()["edition"]
    assert cast.setup.facts.started_at_ms == facts["started_at_ms"]
    assert any("edition is gone" in entry["event"] for entry in logs)


async def test_what_an_edit_says_anew_is_recorded_before_it_is_used(desk: Path, store: Store) -> None:
    async def record(catalogue: Catalogue, narrators: Iterable[Narrator]) -> RenderReport:
        assert editions.current.edition.hash == before
        return await render(catalogue, narrators, PhraseVoice(TONES), desk)

    editions = await begun(desk, store, record)
    before = editions.current.edition.hash
    edit(desk)
    await editions.look()
    assert editions.cast(incoming()).setup.phrases["greeting"].audio is not None


async def test_an_edition_that_cannot_be_recorded_is_used_all_the_same_and_says_what_is_silent(
    desk: Path, store: Store
) -> None:
    async def fails(catalogue: Catalogue, narrators: Iterable[Narrator]) -> RenderReport:
        return RenderReport(failed={"greeting (en-US, matthew)": "the voice is hoarse"})

    editions = await begun(desk, store, fails)
    edit(desk)
    with capture_logs() as logs:
        await editions.look()
    assert editions.cast(incoming()).setup.phrases["greeting"].text == EDITED
    [warning] = [entry for entry in logs if "could not be rendered" in entry["event"]]
    assert warning["phrases"] == ["greeting (en-US, matthew)"]


async def test_several_mistakes_are_refused_together_and_mended_one_by_one(desk: Path, store: Store) -> None:
    editions = await begun(desk, store)
    good = editions.current
    edit(desk, "kind: greeting", "kind: greating")
    (desk / "prompts" / "desk.md").write_text("---\nvoice: nobody\nlanguage: en-US\n---\nAnswer.")
    await editions.look()
    assert [fault.file for fault in editions.refused] == ["cache/phrases/desk.yaml", "prompts/desk.md"]
    edit(desk, "kind: greating", "kind: greeting")
    await editions.look()
    assert [fault.field for fault in editions.refused] == ["voice"]
    assert editions.current is good
    shutil.copy(PARCELS / "prompts" / "desk.md", desk / "prompts" / "desk.md")
    await editions.look()
    assert editions.refused == () and editions.state()["edition"] == good.edition.hash


async def test_a_folder_that_is_gone_changes_nothing(desk: Path, store: Store) -> None:
    editions = await begun(desk, store)
    shutil.rmtree(desk / "prompts")
    await editions.look()
    assert editions.cast(incoming()).setup.phrases["greeting"].text == GREETING
    assert "has no agent" in str(editions.refused[0])
