"""`offhook cache`: render, list and hear the phrases of the content directory."""

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from app.cache.catalogue import Catalogue, load_catalogue
from app.cache.keys import Narrator
from app.cache.render import Line, RenderReport, lines_of, render
from app.cache.rendered import Item, Rendered, inventory
from app.content.faults import ContentError
from app.engines.offline.speak import Speaker
from app.prompts.library import Prompts, load_prompts
from app.settings import Settings, SettingsError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Render, list and hear the phrases.")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
PLAYERS = (("play", "-q"), ("aplay", "-q"), ("afplay",), ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"))
progress_on = Console(stderr=True)


class OfflineVoice:
    """The voice that needs no network, as the renderer wants it."""

    engine = "offline"

    def __init__(self) -> None:
        self.model = "flite" if shutil.which("flite") else "espeak-ng"
        self._speaker = Speaker()

    async def synth(self, text: str, voice: str, language: str, rate: int) -> bytes:
        return await self._speaker.say(text, voice, rate, language)


def narrators(prompts: Prompts) -> set[Narrator]:
    """Who has to say the phrases: every agent's voice, in each of its languages."""
    return {
        Narrator(voice, language)
        for agent in prompts.agents.values()
        for language, voice in agent.settings.voices.items()
    }


async def render_missing(content_dir: Path, only: str | None = None, bar: Console = progress_on) -> RenderReport:
    """Record with the offline voice what is not recorded yet. Raises `ContentError`."""
    catalogue, wanted = await asyncio.to_thread(_content, content_dir)
    voice = OfflineVoice()
    lines = [line for line in lines_of(catalogue, wanted, voice) if only in (None, line.phrase)]
    columns = TextColumn("rendering {task.fields[phrase]}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=bar, transient=True) as progress:
        task = progress.add_task("render", total=len(lines), phrase="")

        def done(line: Line) -> None:
            progress.update(task, advance=1, phrase=line.phrase)

        return await render(catalogue, wanted, voice, content_dir, done, only)


def _content(content_dir: Path) -> tuple[Catalogue, set[Narrator]]:
    return load_catalogue(content_dir), narrators(load_prompts(content_dir))


@app.command("render")
def render_command(
    phrase: Annotated[str | None, typer.Argument(help="One phrase's id; all when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record what is not recorded yet."""
    content_dir = _content_dir()
    try:
        report = asyncio.run(render_missing(content_dir, phrase))
    except ContentError as error:
        _wrong(error, as_json)
    if phrase is not None and not (report.rendered or report.skipped or report.failed):
        _misused(f"there is no phrase {phrase!r}", as_json)
    _say(asdict(report), _report_lines(report), as_json)
    raise typer.Exit(1 if report.failed else 0)


def _report_lines(report: RenderReport) -> list[str]:
    failed = [f"failed: {what}: {why}" for what, why in report.failed.items()]
    return [f"{len(report.rendered)} rendered, {len(report.skipped)} were there already", *failed]


@app.command()
def status(as_json: AsJson = False) -> None:
    """List what is ready, missing, stale (other words than today's) and orphaned."""
    items = _inventory(_content_dir(), as_json)
    if as_json:
        print(json.dumps([asdict(item) for item in items], ensure_ascii=False))
    else:
        Console().print(_table(items))
    raise typer.Exit(0 if all(item.state in {"ready", "orphaned"} for item in items) else 1)


def _inventory(content_dir: Path, as_json: bool) -> list[Item]:
    try:
        catalogue, wanted = _content(content_dir)
    except ContentError as error:
        _wrong(error, as_json)
    return inventory(catalogue, wanted, Rendered(content_dir).recordings())


def _table(items: list[Item]) -> Table:
    table = Table("phrase", "language", "voice", "state", "seconds", "made by", box=None)
    for item in items:
        made = item.recording
        length, maker = (f"{made.ms / 1000:.1f}", f"{made.engine} {made.model}") if made else ("", "")
        table.add_row(item.phrase, item.language, item.voice, item.state, length, maker)
    return table


@app.command()
def play(phrase: Annotated[str, typer.Argument(help="The phrase's id.")], as_json: AsJson = False) -> None:
    """Play a phrase, or say where its file is where nothing here can play."""
    content_dir = _content_dir()
    items = [item for item in _inventory(content_dir, as_json) if item.phrase == phrase]
    if not items:
        _misused(f"there is no phrase {phrase!r}", as_json)
    ready = next((item.recording for item in items if item.state == "ready"), None)
    if ready is None:
        _say({"phrase": phrase, "file": None}, [f"{phrase} is not rendered: offhook cache render {phrase}"], as_json)
        raise typer.Exit(1)
    path = Rendered(content_dir).path(ready)
    _say({"phrase": phrase, "file": str(path), "ms": ready.ms, "text": ready.text}, [f"{ready.text}\n{path}"], as_json)
    if not as_json and not _played(path):
        print("nothing here can play it (sox's `play` or `aplay` would)", file=sys.stderr)


def _played(path: Path) -> bool:
    for player in PLAYERS:
        if shutil.which(player[0]) and not subprocess.run([*player, str(path)], check=False).returncode:
            return True
    return False


def _content_dir() -> Path:
    try:
        return Settings.read().content_dir
    except SettingsError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


def _say(document: dict[str, Any], lines: list[str], as_json: bool) -> None:
    print(json.dumps(document, ensure_ascii=False) if as_json else "\n".join(lines))


def _wrong(error: ContentError, as_json: bool) -> NoReturn:
    faults = [asdict(fault) for fault in error.faults]
    print(json.dumps({"faults": faults}, ensure_ascii=False) if as_json else str(error))
    raise typer.Exit(1)


def _misused(problem: str, as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps({"error": problem}))
    print(problem, file=sys.stderr)
    raise typer.Exit(2)
