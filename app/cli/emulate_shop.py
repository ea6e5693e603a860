"""`offhook emulate shop`: the bicycle shop's order system as a process of its own."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.talk import fail
from app.settings import REPOSITORY

app = typer.Typer(add_completion=False)

ORDERS = REPOSITORY / "tools" / "data" / "orders.json"


@app.command()
def shop(
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 8020,
    orders: Annotated[Path, typer.Option(help="The orders, as JSON by number.")] = ORDERS,
    as_json: Annotated[bool, typer.Option("--json", help="Say where it listens as one line of JSON.")] = False,
) -> None:
    """The order system that tools/orders.yaml asks. Set the TOOL_HOSTS it prints, and the tool asks here."""
    import signal

    from app.simulator.shop import Shop

    try:
        opened = Shop(orders, port)
    except (OSError, ValueError) as error:
        fail(f"--port {port} or --orders {orders} cannot be used: {error}")
    with opened:
        hosts = opened.tool_hosts
        print(json.dumps({"port": opened.port, "tool_hosts": hosts}) if as_json else f"TOOL_HOSTS={hosts}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
