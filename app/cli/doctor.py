"""`offhook doctor`: is everything there that a call needs?"""

import asyncio
import logging
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from app.cli.talk import MISUSED, WRONG, AsJson, fail, logging_to_stderr, read_settings, tell
from app.doctor.checks import checks_for
from app.doctor.findings import Finding, State
from app.doctor.rounds import examine

app = typer.Typer(add_completion=False)

STYLES = {State.RIGHT: "green", State.WARNING: "yellow", State.WRONG: "red", State.LEFT_OUT: "dim"}


@app.command()
def doctor(
    local: Annotated[bool, typer.Option("--local", help="As for `serve --local`: nothing of Twilio.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Only this check. Repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look at everything a call needs, and name the fix beside what is wrong. One short session of the model is opened
    and billed.

    Exit code 1 where something is wrong; a warning alone is none."""
    logging_to_stderr(level=logging.CRITICAL)
    checks = checks_for(read_settings(as_json), local)
    if unknown := sorted(set(only or ()) - {check.name for check in checks}):
        fail(f"--only {unknown[0]}: there are {', '.join(check.name for check in checks)}", MISUSED, as_json)
    chosen = [check for check in checks if not only or check.name in only]
    with Console(stderr=True).status(f"{len(chosen)} checks") as status:
        waiting = {check.name for check in chosen}

        def told(finding: Finding) -> None:
            waiting.discard(finding.check)
            status.update(f"waiting for {', '.join(sorted(waiting))}")

        findings = asyncio.run(examine(chosen, told))
    well = all(finding.state is not State.WRONG for finding in findings)
    if as_json:
        tell({"well": well, "local": local, "checks": [asdict(finding) for finding in findings]}, "", as_json)
    else:
        _show(findings)
    raise typer.Exit(0 if well else WRONG)


def _show(findings: list[Finding]) -> None:
    table = Table("check", "state", Column("what was found", overflow="fold"), Column("fix", overflow="fold"), box=None)
    for finding in findings:
        state = Text(finding.state, STYLES[finding.state])
        table.add_row(finding.check, state, escape(finding.said), escape(finding.fix))
    console = Console()
    console.print(table)
    counts = {state: sum(finding.state is state for finding in findings) for state in State}
    console.print(", ".join(f"{count} {state}" for state, count in counts.items() if count))
