"""`offhook messages`: what callers have left for staff. Numbers stand whole, for somebody must call back."""

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from app.cli.talk import WRONG, AsJson, fail, read_settings, tell
from app.records.messages import Message, MessageBook

app = typer.Typer(add_completion=False, help="What callers have left for staff.")

Number = Annotated[int, typer.Argument(metavar="ID", help="As the list shows it.")]
KINDS = {"voicemail": "message", "call_back": "call back"}


@app.callback(invoke_without_command=True)
def messages(context: typer.Context, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_messages(as_json=as_json)


@app.command("list")
def list_messages(
    everything: Annotated[bool, typer.Option("--all", help="Those that are done, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what is open, the latest first."""
    found = _asked(lambda book: book.all(done=everything), as_json)
    if as_json or not found:
        tell([_document(message) for message in found], "no messages", as_json)
        return
    table = Table("ID", "left (UTC)", "kind", "caller", "about", "when", "done", box=None)
    for m in found:
        left = f"{m.left_at:%Y-%m-%d %H:%M}"
        done = "yes" if m.done_at_ms else ""
        table.add_row(str(m.id), left, KINDS[m.kind], m.caller, m.about, m.wanted_at, done)
    Console().print(table)


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """All that is known of one."""
    message = _asked(lambda book: book.get(number), as_json)
    if message is None:
        fail(f"there is no message {number}: offhook messages list --all", WRONG, as_json)
    document = _document(message)
    tell(document, [f"{name:<14}{'' if value is None else value}" for name, value in document.items()], as_json)


@app.command()
def done(number: Number, as_json: AsJson = False) -> None:
    """Somebody has dealt with it."""
    if not _asked(lambda book: book.mark_done(number, time.time_ns() // 1_000_000), as_json):
        fail(f"there is no message {number}: offhook messages list --all", WRONG, as_json)
    tell({"id": number, "done": True}, f"message {number} is done", as_json)


def _document(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "kind": message.kind,
        "left_at": message.left_at.isoformat(timespec="seconds"),
        "caller": message.caller,
        "called": message.called,
        "agent": message.agent,
        "about": message.about,
        "when": message.wanted_at,
        "seconds": message.seconds,
        "recording_url": message.recording_url,
        "call": message.call_sid,
        "done": message.done_at_ms is not None,
    }


def _asked[Found](ask: Callable[[MessageBook], Found], as_json: bool) -> Found:
    book = MessageBook(read_settings(as_json).messages_url)
    try:
        return ask(book)
    except SQLAlchemyError as error:
        # Its own text holds the address, perhaps with a password.
        fail(f"DATABASE_URL: the database does not answer ({type(error).__name__})", WRONG, as_json)
    finally:
        book.close()
