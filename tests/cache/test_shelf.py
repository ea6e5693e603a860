"""The shelf: what is rendered is at hand, in memory and in the store; what is missing is said once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fakeredis import FakeAsyncRedis
from structlog.testing import capture_logs

from app.cache.catalogue import Catalogue, load_catalogue
from app.cache.keys import Making, Narrator, phrase_key
from app.cache.render import render
from app.cache.rendered import Rendered
from app.cache.shelf import AudioShelf, engines_allowed, fill_shelf
from app.cache.store import Store, StoreGone, open_store
from tests.cache.tone_voice import ToneVoice

TIFFANY = Narrator("tiffany", "en-US")
PAGE = """
phrases:
  greeting: {kind: greeting, text: {en-US: "Good day, this is a test."}}
  goodbye: {kind: goodbye, interruptible: false, text: {en-US: "Goodbye!"}}
"""


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    (tmp_path / "cache" / "phrases").mkdir(parents=True)
    (tmp_path / "cache" / "phrases" / "house.yaml").write_text(PAGE)
    await render(load_catalogue(tmp_path), [TIFFANY], ToneVoice(), tmp_path)
    return tmp_path


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    client = FakeAsyncRedis()
    yield Store(client, "memory")
    await client.aclose()


async def filled(home: Path, store: Store | None = None) -> tuple[AudioShelf, Catalogue, list[Any]]:
    catalogue = load_catalogue(home)
    with capture_logs() as lines:
        shelf = await fill_shelf(catalogue, [TIFFANY], home, store)
    return shelf, catalogue, lines


async def test_a_phrase_comes_with_its_audio_in_whole_frames(home: Path) -> None:
    shelf, catalogue, lines = await filled(home)
    goodbye = shelf.phrases(catalogue, TIFFANY)["goodbye"]
    assert goodbye.audio and len(goodbye.audio) % 160 == 0
    assert (goodbye.text, goodbye.interruptible) == ("Goodbye!", False)
    assert lines == []


async def test_audio_is_found_by_its_key(home: Path) -> None:
    shelf, catalogue, _ = await filled(home)
    key = phrase_key("Goodbye!", Making(TIFFANY, "offline", "tone"))
    assert shelf.phrase_audio(key) == shelf.phrases(catalogue, TIFFANY)["goodbye"].audio
    assert shelf.phrase_audio("nothing") is None


async def test_a_changed_wording_never_plays_the_old_recording(home: Path) -> None:
    page = home / "cache" / "phrases" / "house.yaml"
    page.write_text(page.read_text().replace("Goodbye!", "Farewell!"))
    shelf, catalogue, lines = await filled(home)
    assert shelf.phrases(catalogue, TIFFANY)["goodbye"].audio is None
    assert [line["missing"] for line in lines] == [["goodbye (en-US, tiffany)"]]


async def test_all_that_is_missing_is_said_in_one_warning(home: Path) -> None:
    with capture_logs() as lines:
        await fill_shelf(load_catalogue(home), [TIFFANY, Narrator("matthew", "en-US")], home)
    (line,) = lines
    assert (line["log_level"], len(line["missing"])) == ("warning", 2)


async def test_foreign_audio_plays_only_where_it_may(home: Path) -> None:
    catalogue = load_catalogue(home)
    with capture_logs() as lines:
        own = await fill_shelf(catalogue, [TIFFANY], home, engines=engines_allowed(foreign=False))
    assert own.phrases(catalogue, TIFFANY)["goodbye"].audio is None
    assert "FOREIGN_AUDIO" in lines[0]["hint"]
    any_voice = await fill_shelf(catalogue, [TIFFANY], home, engines=engines_allowed(foreign=True))
    assert any_voice.phrases(catalogue, TIFFANY)["goodbye"].audio


async def test_the_agents_own_voice_goes_before_another(home: Path) -> None:
    report = await render(load_catalogue(home), [TIFFANY], ToneVoice(engine="nova_sonic"), home, only="goodbye")
    assert report.rendered == ["goodbye"]
    shelf, catalogue, _ = await filled(home)
    own = shelf.phrase_audio(phrase_key("Goodbye!", Making(TIFFANY, "nova_sonic", "tone")))
    assert own is not None
    assert shelf.phrases(catalogue, TIFFANY)["goodbye"].audio is own


async def test_a_broken_file_counts_as_missing(home: Path) -> None:
    rendered = Rendered(home)
    for recording in rendered.recordings():
        rendered.path(recording).write_bytes(b"RIFF")
    _, _, lines = await filled(home)
    assert len(lines[0]["missing"]) == 2


async def test_a_node_without_files_finds_them_in_the_store(home: Path, store: Store) -> None:
    first, catalogue, _ = await filled(home, store)
    for path in Rendered(home).folder.iterdir():
        path.unlink()
    second, _, lines = await filled(home, store)
    assert second.phrases(catalogue, TIFFANY) == first.phrases(catalogue, TIFFANY)
    assert lines == []


async def test_without_the_store_files_are_enough_and_one_warning_says_so(home: Path, tmp_path: Path) -> None:
    async with open_store(f"unix://{tmp_path}/nobody.sock", tmp_path) as gone:
        with pytest.raises(StoreGone):
            await gone.get("any", "thing")
        shelf, catalogue, lines = await filled(home, gone)
    assert all(phrase.audio for phrase in shelf.phrases(catalogue, TIFFANY).values())
    assert len(lines) == 1


async def test_what_follows_a_phrase_goes_with_it(home: Path) -> None:
    page = home / "cache" / "phrases" / "house.yaml"
    page.write_text(page.read_text().replace("kind: goodbye,", "kind: goodbye, then: transfer, target: workshop,"))
    shelf, catalogue, _ = await filled(home)
    goodbye = shelf.phrases(catalogue, TIFFANY)["goodbye"]
    assert (goodbye.then, goodbye.target, goodbye.interruptible) == ("transfer", "workshop", False)
