"""`offhook tools knowledge`: what the search of the documents finds, and how often it is right."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli.talk import MISUSED, WRONG, AsJson, checked_content, fail, read_settings, tell
from app.content.faults import ContentError
from app.content.page import read_page
from app.tools.knowledge import KnowledgeTool
from app.tools.library import load_tools

SHOWN = 3  # passages


@dataclass(frozen=True, slots=True)
class Hits:
    """How often the passage that answers was the best, and among the best three; and how often it was near enough to
    be told to the model at all. Of questions without an answer: how often nothing was told."""

    part: str
    questions: int
    at_1: int
    at_3: int
    told: int


def knowledge(
    question: Annotated[str, typer.Argument(help="What a caller asks.")] = "",
    questions: Annotated[
        Path | None,
        typer.Option(help="A file of questions with the sections that answer them: how often is the search right?"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which passages answer a question, or with --questions how often the right one is found."""
    if bool(question) == bool(questions):
        fail("give a question, or --questions with a file", MISUSED, as_json)
    tool = _tool(as_json)
    if questions is not None:
        _report([hits for part, rows in _asked(questions).items() for hits in [measure(tool, part, rows)]], as_json)
        return
    told = {id(found.passage) for found in tool.found(question)}
    rows = [
        {
            "source": found.passage.source,
            "file": found.passage.file,
            "score": round(found.score, 2),
            "near": round(found.near, 2),
            "told": id(found.passage) in told,
            "text": found.passage.text,
        }
        for found in tool.index.search(question, SHOWN)
    ]
    if as_json:
        tell({"question": question, "passages": rows}, "", as_json)
    else:
        _show(rows, tool.page.near)
    raise typer.Exit(0 if told else WRONG)


def measure(tool: KnowledgeTool, part: str, rows: Sequence[Any]) -> Hits:
    """`rows` are `{ask, section}`, or plain questions that no document answers."""
    at_1 = at_3 = told = 0
    for row in rows:
        asked, section = (row["ask"], row["section"]) if isinstance(row, Mapping) else (str(row), "")
        best = [_section(found) for found in tool.index.search(asked, SHOWN)]
        heard = [_section(found) for found in tool.found(asked)]
        at_1 += best[:1] == [section]
        at_3 += section in best
        told += section in heard if section else not heard
    return Hits(part, len(rows), at_1, at_3, told)


def _section(found: Any) -> str:
    headings = found.passage.headings
    return str(headings[-1]) if headings else ""


def _asked(file: Path) -> Mapping[str, Sequence[Any]]:
    try:
        data = read_page(file.read_text(encoding="utf-8"), str(file)).data
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}", MISUSED)
    except ContentError as error:
        fail(str(error), MISUSED)
    if not isinstance(data, Mapping) or not all(isinstance(rows, list) for rows in data.values()):
        fail(f"{file}: write lists of questions, each list with a name", MISUSED)
    return data


def _tool(as_json: bool) -> KnowledgeTool:
    with checked_content(as_json):
        tools = load_tools(read_settings(as_json).content_dir).tools
    found = [tool for tool in tools.values() if isinstance(tool, KnowledgeTool)]
    if not found:
        fail("there are no documents: write some in tools/knowledge/", WRONG, as_json)
    return found[0]


def _report(all_hits: Sequence[Hits], as_json: bool) -> None:
    if as_json:
        tell([asdict(hits) for hits in all_hits], "", as_json)
        return
    table = Table("questions", "of", "right passage first", "among three", "told to the model", box=None)
    for hits in all_hits:
        answered = hits.at_3 > 0
        shares = [_share(n, hits.questions) if answered else "" for n in (hits.at_1, hits.at_3)]
        told = _share(hits.told, hits.questions) + ("" if answered else " rightly nothing")
        table.add_row(hits.part, str(hits.questions), *shares, told)
    Console().print(table)


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "0"


def _show(rows: Sequence[Mapping[str, Any]], near: float) -> None:
    if not rows:
        print("no word of it stands in any document")
    for row in rows:
        told = "told" if row["told"] else "not told"
        print(f"{row['source']} ({row['file']}): {told}, score {row['score']}, near {row['near']} (least {near})")
        print(f"  {row['text']}")
