"""Recordings: made once, whole or not at all, and never played for other words."""

import asyncio
import json
from pathlib import Path

import pytest

from app.audio.clip import loudness, read_wav
from app.cache.catalogue import load_catalogue
from app.cache.keys import Narrator
from app.cache.render import RenderReport, render
from app.cache.rendered import Rendered, inventory
from tests.cache.tone_voice import ToneVoice
from tests.cache.waiting import until

PAGE = """
phrases:
  greeting: {kind: greeting, text: {en-US: "Good day, this is a test."}}
  goodbye: {kind: goodbye, text: {en-US: "Goodbye!"}}
"""
TIFFANY = Narrator("tiffany", "en-US")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "cache" / "phrases").mkdir(parents=True)
    (tmp_path / "cache" / "phrases" / "house.yaml").write_text(PAGE)
    return tmp_path


def change(home: Path, old: str, new: str) -> None:
    page = home / "cache" / "phrases" / "house.yaml"
    page.write_text(page.read_text().replace(old, new))


async def rendered(home: Path, voice: ToneVoice | None = None, only: str | None = None) -> RenderReport:
    return await render(load_catalogue(home), [TIFFANY], voice or ToneVoice(), home, only=only)


def states(home: Path, *narrators: Narrator) -> dict[str, str]:
    items = inventory(load_catalogue(home), narrators or [TIFFANY], Rendered(home).recordings())
    return {f"{item.phrase} {item.voice}": item.state for item in items}


async def test_each_phrase_becomes_a_file_of_telephone_sound(home: Path) -> None:
    assert (await rendered(home)).rendered == ["greeting", "goodbye"]
    for recording in Rendered(home).recordings():
        data = Rendered(home).path(recording).read_bytes()
        assert data[20:22] == b"\x07\x00"  # mu-law
        assert int.from_bytes(data[24:28], "little") == 8_000


async def test_it_is_trimmed_and_levelled(home: Path) -> None:
    await rendered(home)
    (goodbye,) = [r for r in Rendered(home).recordings() if r.phrase == "goodbye"]
    clip = read_wav(Rendered(home).path(goodbye))
    assert abs(clip.ms - 50 * len("Goodbye!") - 40) <= 10  # half a second of silence was at each end
    assert abs(loudness(clip) - -20) < 0.5
    assert clip.ms == goodbye.ms


async def test_what_is_rendered_is_skipped(home: Path) -> None:
    await rendered(home)
    voice = ToneVoice()
    assert (await rendered(home, voice)).skipped == ["greeting", "goodbye"]
    assert voice.said == []


async def test_a_changed_wording_is_stale_until_it_is_rendered(home: Path) -> None:
    await rendered(home)
    change(home, "Goodbye!", "Farewell!")
    assert states(home) == {"greeting tiffany": "foreign", "goodbye tiffany": "stale"}
    assert (await rendered(home)).rendered == ["goodbye"]
    items = inventory(load_catalogue(home), [TIFFANY], Rendered(home).recordings())
    assert [(item.state, item.recording.text) for item in items if item.recording and item.phrase == "goodbye"] == [
        ("foreign", "Farewell!"),
        ("orphaned", "Goodbye!"),
    ]


async def test_what_nobody_wants_is_orphaned_and_what_is_not_there_missing(home: Path) -> None:
    await rendered(home)
    assert states(home, Narrator("matthew", "en-US")) == {
        "greeting matthew": "missing",
        "goodbye matthew": "missing",
        "greeting tiffany": "orphaned",
        "goodbye tiffany": "orphaned",
    }


async def test_one_phrase_alone_can_be_rendered(home: Path) -> None:
    assert (await rendered(home, only="goodbye")).rendered == ["goodbye"]
    assert states(home) == {"greeting tiffany": "missing", "goodbye tiffany": "foreign"}


async def test_a_voice_that_fails_at_one_line_still_says_the_others(home: Path) -> None:
    report = await rendered(home, ToneVoice(fails_at="Good day"))
    assert report.rendered == ["goodbye"]
    assert report.failed == {"greeting (en-US, tiffany)": "RuntimeError: out of breath"}


async def test_a_voice_that_gives_silence_has_failed(home: Path) -> None:
    report = await rendered(home, ToneVoice(silent_about="Goodbye"))
    assert list(report.failed) == ["goodbye (en-US, tiffany)"]
    assert states(home)["goodbye tiffany"] == "missing"


async def test_a_file_that_was_deleted_is_rendered_again(home: Path) -> None:
    await rendered(home)
    for recording in Rendered(home).recordings():
        if recording.phrase == "goodbye":
            Rendered(home).path(recording).unlink()
    assert (await rendered(home)).rendered == ["goodbye"]


async def test_a_broken_manifest_costs_a_rendering_and_nothing_else(home: Path) -> None:
    await rendered(home)
    (Rendered(home).folder / "manifest.json").write_text("{")
    assert Rendered(home).recordings() == []
    assert len((await rendered(home)).rendered) == 2


async def test_nothing_half_written_stays_behind(home: Path) -> None:
    await rendered(home)
    names = sorted(path.suffix for path in Rendered(home).folder.iterdir())
    assert names == [".json", ".wav", ".wav"]


async def test_the_manifest_says_how_each_was_made(home: Path) -> None:
    await rendered(home, only="goodbye")
    manifest = json.loads((Rendered(home).folder / "manifest.json").read_text())
    (line,) = manifest["recordings"]
    assert {name: line[name] for name in ("phrase", "voice", "language", "engine", "model", "text")} == {
        "phrase": "goodbye",
        "voice": "tiffany",
        "language": "en-US",
        "engine": "offline",
        "model": "tone",
        "text": "Goodbye!",
    }


async def test_voices_are_tried_in_order_and_every_attempt_says_why(home: Path) -> None:
    shy, offline = ToneVoice(fails_at="Good", engine="nova_sonic"), ToneVoice()
    report = await render(load_catalogue(home), [TIFFANY], [shy, shy, shy, offline], home)
    assert sorted(report.rendered) == ["goodbye", "greeting"]
    assert report.foreign == {"greeting (en-US, tiffany)": "offline", "goodbye (en-US, tiffany)": "offline"}
    assert [(one.engine, one.reason) for one in report.attempts] == [("nova_sonic", "RuntimeError: out of breath")] * 6
    assert shy.said.count("Goodbye!") == 3
    assert set(states(home).values()) == {"foreign"}


async def test_a_voice_that_reads_well_the_third_time_is_the_one_that_is_heard(home: Path) -> None:
    moody, offline = ToneVoice(fails_at="Goodbye!", engine="nova_sonic", fails=2), ToneVoice()
    report = await render(load_catalogue(home), [TIFFANY], [moody, moody, moody, offline], home)
    assert (report.foreign, report.failed, len(report.attempts)) == ({}, {}, 2)
    assert set(states(home).values()) == {"ready"}
    assert offline.said == []


async def test_foreign_audio_is_made_once_but_the_own_engine_is_asked_again(home: Path) -> None:
    await rendered(home)
    own, offline = ToneVoice(engine="nova_sonic", fails_at="Goodbye"), ToneVoice()
    report = await render(load_catalogue(home), [TIFFANY], [own, offline], home)
    assert (report.rendered, report.skipped) == (["greeting"], ["goodbye"])
    assert offline.said == []
    assert states(home) == {"greeting tiffany": "ready", "goodbye tiffany": "foreign"}


async def test_several_lines_at_once_and_never_more(home: Path) -> None:
    page = "\n".join(f'  p{n}: {{kind: answer, text: {{en: "This is line number {n}."}}}}' for n in range(12))
    (home / "cache" / "phrases" / "more.yaml").write_text(f"phrases:\n{page}\n")
    voice = ToneVoice()
    report = await render(load_catalogue(home), [TIFFANY], voice, home, at_once=3)
    assert len(report.rendered) == len(Rendered(home).recordings()) == 14
    assert voice.most_at_once == 3


async def test_given_up_midway_it_leaves_whole_files_only(home: Path) -> None:
    slow = ToneVoice(hangs_at="Goodbye")
    rendering = asyncio.create_task(render(load_catalogue(home), [TIFFANY], slow, home, at_once=2))
    await asyncio.to_thread(until, lambda: bool(Rendered(home).recordings()))
    rendering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rendering
    assert states(home) == {"greeting tiffany": "foreign", "goodbye tiffany": "missing"}
    assert not [path for path in Rendered(home).folder.iterdir() if path.suffix == ".part"]


async def test_what_nobody_wants_can_be_removed(home: Path) -> None:
    await rendered(home)
    goodbye = next(r for r in Rendered(home).recordings() if r.phrase == "goodbye")
    Rendered(home).remove([goodbye])
    assert not Rendered(home).path(goodbye).exists()
    assert [r.phrase for r in Rendered(home).recordings()] == ["greeting"]


async def test_a_manifest_cannot_point_outside_its_folder(home: Path) -> None:
    await rendered(home, only="goodbye")
    manifest = Rendered(home).folder / "manifest.json"
    lines = json.loads(manifest.read_text())
    lines["recordings"][0]["file"] = "../../../etc/passwd"
    manifest.write_text(json.dumps(lines))
    assert Rendered(home).recordings() == []
