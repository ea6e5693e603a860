"""`offhook emulate`: a local stand-in of one of the services outside. Each is imported when it is asked for."""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

# name -> module of app.cli whose Typer app (`app`) holds it, and the line that help shows for it.
STAND_INS = {
    "sonic": ("app.cli.emulate_sonic", "A strict local Nova Sonic over TLS and HTTP/2."),
    "shop": ("app.cli.emulate_shop", "The order system that the shipped find_order asks."),
    "twilio": ("app.cli.emulate_twilio", "A local Twilio: REST, webhooks, TwiML and Media Streams."),
}


class StandIns(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(STAND_INS)

    def get_command(self, ctx: Any, name: str) -> Any:
        if name not in STAND_INS:
            return None
        module, line = STAND_INS[name]
        command = typer.main.get_command(importlib.import_module(module).app)
        command.name = name
        command.short_help = line
        return command


app = typer.Typer(
    cls=StandIns,
    add_completion=False,
    no_args_is_help=True,
    help="Run a local stand-in of Nova Sonic, Twilio or the shop.",
)


@app.callback()
def _emulate() -> None:
    pass
