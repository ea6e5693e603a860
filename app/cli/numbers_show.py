"""How `offhook numbers` shows numbers, and what is to be changed of them."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from app.cli.talk import tell
from app.legs.twilio.handling import Change, Comparison, Finding, Owned
from app.prompts.routes import Routes

STYLES = {"right": "", "drifted": "red", "overridden": "red", "elsewhere": "dim"}


def change_lines(owned: Owned, changes: Iterable[Change]) -> list[str]:
    nothing = "(nothing)"
    shown = [f"  {change.field:<23} {change.now or nothing}  ->  {change.then or nothing}" for change in changes]
    return [f"{owned.phone_number} ({owned.sid})", *shown]


def setting_lines(settings: dict[str, str]) -> list[str]:
    return [f"  {name:<23} {value}" for name, value in settings.items()]


def warned(warnings: Iterable[str]) -> list[str]:
    return [f"warning: {warning}" for warning in warnings]


def overridden(owned: Owned) -> str:
    fix = "add --detach to take it off"
    return f"the {owned.override} takes the calls of {owned.phone_number}, and its voice URL is ignored: {fix}"


def tell_comparison(found: Comparison, routes: Routes, as_json: bool) -> None:
    if as_json:
        rows = [number_row(finding, routes) for finding in found.findings]
        tell({"numbers": rows, "problems": found.problems, "warnings": found.warnings}, "", as_json)
        return
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(numbers_table(found.findings, routes))
    for finding in found.wrong:
        for line in change_lines(finding.number, finding.changes):
            console.print(line)
        console.print(f"  mend it: {finding.fix}")
    for line in [*found.problems, *warned(found.warnings)]:
        console.print(line)


def number_row(finding: Finding, routes: Routes) -> dict[str, Any]:
    owned = finding.number
    ours = finding.state != "elsewhere"
    return {
        "number": owned.phone_number,
        "sid": owned.sid,
        "name": owned.name,
        "state": finding.state,
        "agent": routes.numbers.get(owned.phone_number, routes.default).agent if ours else "",
        "overridden_by": owned.override,
        "changes": [asdict(change) for change in finding.changes],
        "fix": finding.fix,
        **owned.settings,
    }


def numbers_table(findings: Iterable[Finding], routes: Routes) -> Table:
    table = Table(
        Column("number", no_wrap=True), Column("SID", overflow="fold"), "name", "state", "answered by", box=None
    )
    for finding in findings:
        row = number_row(finding, routes)
        leads = row["overridden_by"] or row["agent"] or row["voice_url"] or "nobody"
        table.add_row(row["number"], row["sid"], row["name"], Text(finding.state, STYLES[finding.state]), leads)
    return table
