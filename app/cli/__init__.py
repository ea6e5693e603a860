"""The `offhook` command. Each command lives in a module of its own and is imported when it is called."""

import importlib
import sys

import typer
from typer.core import TyperGroup

# name -> module of app.cli whose Typer app (`app`) holds it, and the line that help shows for it.
COMMANDS = {
    "demo": "Hear it work: a whole call on this machine, no account needed.",
    "serve": "Answer the telephone.",
    "call": "Have an agent call somebody.",
    "phone": "Place one simulated call to a server.",
    "emulate": "Run a local stand-in of Nova Sonic, Twilio or the shop.",
    "prompts": "Check, list and show the agents.",
    "tools": "List, check and run the tools.",
    "cache": "Render, list and hear the phrases.",
    "doctor": "Look at everything a call needs, and name the fix beside what is wrong.",
    "numbers": "List, check, assign, buy and release telephone numbers.",
    "calls": "Estimate what calls will cost.",
    "messages": "What callers have left for staff: voicemail and wishes to be called back.",
    "bench": "Print calls a core and every delay we add.",
}


class LazyGroup(TyperGroup):
    """Imports a command's module only when that command is asked for, so that each starts at once."""

    def list_commands(self, ctx: object) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: object, name: str) -> object:  # type: ignore[override]
        if name not in COMMANDS:
            return None
        if "--help" in sys.argv[1:2]:
            return typer.core.TyperCommand(name, help=COMMANDS[name])
        command = typer.main.get_command(importlib.import_module(f"app.cli.{name}").app)
        command.name = name
        return command


cli = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, help="Offhook answers the telephone.")


@cli.callback()
def _offhook() -> None:
    pass


def main() -> None:
    cli()
