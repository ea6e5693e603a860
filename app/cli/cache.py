"""`offhook cache`: render, list, hear and tidy the phrases of the content directory."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from app.cache.catalogue import Catalogue, load_catalogue
from app.cache.keys import Narrator
from app.cache.render import Line, RenderReport, lines_of
from app.cache.rendered import Item, Rendered, inventory
from app.cli.cache_match import match
from app.cli.talk import AsJson, checked_content, fail, read_settings, tell
from app.edition import narrators
from app.prompts.library import load_prompts
from app.settings import Settings
from app.studio import Studio, Way, offline_studio, open_studio

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Render, list, hear and tidy the phrases.")
app.command()(match)

PLAYERS = (("play", "-q"), ("aplay", "-q"), ("afplay",), ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"))
progress_on = Console(stderr=True)


async def render_missing(
    content_dir: Path, only: str | None = None, bar: Console = progress_on, language: str = ""
) -> RenderReport:
    """Record with the offline voice what is not recorded yet, in one language where it is given. Raises
    `ContentError`."""
    catalogue, wanted = await asyncio.to_thread(_content, content_dir)
    wanted = {narrator for narrator in wanted if language in ("", narrator.language)}
    return await _render(offline_studio(content_dir), catalogue, wanted, only, bar)


async def _render(
    studio: Studio, catalogue: Catalogue, wanted: Collection[Narrator], only: str | None, bar: Console
) -> RenderReport:
    columns = TextColumn("rendering {task.fields[phrase]}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=bar, transient=True) as progress:
        task = progress.add_task("render", total=len(lines_of(catalogue, wanted, only)), phrase="")

        def done(line: Line) -> None:
            progress.update(task, advance=1, phrase=line.phrase)

        return await studio.render(catalogue, wanted, done, only)


def _content(content_dir: Path) -> tuple[Catalogue, set[Narrator]]:
    return load_catalogue(content_dir), narrators(load_prompts(content_dir))


@app.command("render")
def render_command(
    phrase: Annotated[str | None, typer.Argument(help="One phrase's id; all when left out.")] = None,
    engine: Annotated[
        Way, typer.Option(help="Who reads. auto: the agents' engine, then Polly, then the offline voice.")
    ] = "auto",
    voice: Annotated[str | None, typer.Option(help="Only in this voice of an agent's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record what is not recorded yet."""
    settings = read_settings(as_json)
    catalogue, wanted = _checked_content(settings, as_json)
    wanted = {narrator for narrator in wanted if voice in (None, narrator.voice)}
    if not lines_of(catalogue, wanted, phrase):
        fail(f"there is no phrase {phrase!r}" if wanted else f"no agent speaks with {voice!r}", as_json=as_json)
    notice, report = asyncio.run(_in_studio(settings, engine, catalogue, wanted, phrase))
    tell({**asdict(report), "notice": notice}, _report_lines(report, notice), as_json)
    raise typer.Exit(1 if report.failed or report.foreign else 0)


async def _in_studio(
    settings: Settings, way: Way, catalogue: Catalogue, wanted: Collection[Narrator], only: str | None
) -> tuple[str, RenderReport]:
    from app.assembly import sonic_engine  # the whole house: only a rendering needs it

    async with sonic_engine(settings) as sonic:
        studio = await open_studio(settings, sonic, way)
        return studio.notice, await _render(studio, catalogue, wanted, only, progress_on)


def _report_lines(report: RenderReport, notice: str) -> list[str]:
    return [
        *([notice] if notice else []),
        f"{len(report.rendered)} rendered, {len(report.skipped)} were there already",
        *(f"tried: {one.line}: {one.engine}: {one.reason}" for one in report.attempts),
        *(f"foreign: {what}: said by {engine}" for what, engine in report.foreign.items()),
        *(f"failed: {what}: {why}" for what, why in report.failed.items()),
    ]


@app.command()
def status(as_json: AsJson = False) -> None:
    """List what is ready, missing, stale (other words than today's), foreign (another engine's voice) and orphaned.

    Exit code 1 where a call would go without a phrase: FOREIGN_AUDIO decides for foreign ones."""
    settings = read_settings(as_json)
    items = _inventory(settings, as_json)
    if as_json:
        tell([asdict(item) for item in items], "", as_json)
    else:
        Console().print(_table(items))
    plays = {"ready", "orphaned"} | ({"foreign"} if settings.foreign_audio else set())
    raise typer.Exit(0 if all(item.state in plays for item in items) else 1)


def _inventory(settings: Settings, as_json: bool) -> list[Item]:
    catalogue, wanted = _checked_content(settings, as_json)
    return inventory(catalogue, wanted, Rendered(settings.content_dir).recordings())


def _table(items: list[Item]) -> Table:
    table = Table("phrase", "language", "voice", "state", "seconds", "made by", box=None)
    for item in items:
        made = item.recording
        length, maker = (f"{made.ms / 1000:.1f}", f"{made.engine} {made.model}") if made else ("", "")
        table.add_row(item.phrase, item.language, item.voice, item.state, length, maker)
    return table


@app.command()
def play(
    phrase: Annotated[str, typer.Argument(help="The phrase's id.")],
    language: Annotated[
        str | None, typer.Option(help="In this language, such as es-US; the first when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play a phrase, or say where its file is where nothing here can play."""
    settings = read_settings(as_json)
    items = [item for item in _inventory(settings, as_json) if item.phrase == phrase and item.state != "orphaned"]
    if not items:
        fail(f"there is no phrase {phrase!r}", as_json=as_json)
    items = [item for item in items if language in (None, item.language)]
    if not items:
        fail(f"no agent says {phrase} in {language!r}", as_json=as_json)
    ready = next((item.recording for item in items if item.state in {"ready", "foreign"}), None)
    if ready is None:
        tell({"phrase": phrase, "file": None}, [f"{phrase} is not rendered: offhook cache render {phrase}"], as_json)
        raise typer.Exit(1)
    path = Rendered(settings.content_dir).path(ready)
    tell({"phrase": phrase, "file": str(path), "ms": ready.ms, "text": ready.text}, [f"{ready.text}\n{path}"], as_json)
    if not as_json and not _played(path):
        print("nothing here can play it (sox's `play` or `aplay` would)", file=sys.stderr)


@app.command()
def prune(as_json: AsJson = False) -> None:
    """Delete the recordings that nobody wants any more."""
    settings = read_settings(as_json)
    orphans = [
        item.recording
        for item in _inventory(settings, as_json)
        if item.state == "orphaned" and item.recording is not None
    ]
    Rendered(settings.content_dir).remove(orphans)
    tell({"deleted": [orphan.file for orphan in orphans]}, [f"{len(orphans)} deleted"], as_json)


def _played(path: Path) -> bool:
    for player in PLAYERS:
        if shutil.which(player[0]) and not subprocess.run([*player, str(path)], check=False).returncode:
            return True
    return False


def _checked_content(settings: Settings, as_json: bool) -> tuple[Catalogue, set[Narrator]]:
    with checked_content(as_json):
        return _content(settings.content_dir)
