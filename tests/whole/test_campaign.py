"""A campaign is killed in its middle and run again: nobody is called twice, and its report adds up."""

import asyncio
import csv
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from app.records.attempts import AttemptBook
from app.simulator.callscript import parse
from app.simulator.twilio.plant import DialOutcome
from tests.whole.conftest import OpenHouse
from tests.whole.house import PUBLIC, TOKEN, House
from tests.whole.sounds import turn
from tests.whole.test_people import ACCOUNT, CALLED, house_with_keys

ATTEMPTS = 2
PERSON = DialOutcome(ring_ms=100, script=parse("wait 900ms\nhang up"))
MACHINE = DialOutcome(ring_ms=100, answered_by="machine", greeting_ms=300)
BUSY = DialOutcome(ring_ms=50, status="busy")
NOBODY = DialOutcome(ring_ms=200, status="no-answer")
# Who is called, how often a number is called until it has come to its end, and what that is.
KINDS: Sequence[tuple[str, DialOutcome, int]] = (
    ("answered", PERSON, 1),
    ("busy", BUSY, ATTEMPTS),
    ("voicemail", MACHINE, 1),
    ("no_answer", NOBODY, ATTEMPTS),
    ("do_not_call", PERSON, 0),
    ("answered", PERSON, 1),
)


@dataclass
class Desk:
    """Staff's desk: the files, and the command."""

    house: House
    folder: Path
    callees: int
    all_kinds: Sequence[tuple[str, DialOutcome, int]] = KINDS
    name: str = "spring"

    def __post_init__(self) -> None:
        kinds = self.all_kinds
        self.kinds = {f"+1415555{place:04d}": kinds[place % len(kinds)] for place in range(self.callees)}
        self.house.plant.outcomes = {number: callee for number, (_, callee, _) in self.kinds.items()}
        rows = [["number", "consent", "name"]] + [[number, "2026-05-31", "Anna"] for number in self.kinds]
        with (self.folder / "spring.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        unwanted = [number for number, (_, _, times) in self.kinds.items() if not times]
        (self.folder / "unwanted.txt").write_text("\n".join(unwanted))

    async def command(self) -> asyncio.subprocess.Process:
        settings = self.house.server.settings
        options = ["--agent", "desk", "--timezone", "UTC", "--hours", "00:00-24:00", "--from", CALLED]
        options += ["--slots", "5", "--cps", "20", "--attempts", str(ATTEMPTS), "--retry", "0", "--retry-busy", "0"]
        # A busy machine's server may be late, and take no call for a moment: that is no reason to stop here.
        options += ["--pause-share", "1", "--pause-window", "50"]
        options += ["--do-not-call", "unwanted.txt", "--results", "results.csv", "--look", "0.3", "--unsure", "3"]
        options += ["--server", f"http://127.0.0.1:{self.house.port}", "--json"]
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.cli", "call", "--campaign", "spring.csv", "--name", self.name, *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env={
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "TWILIO_ACCOUNT_SID": ACCOUNT.sid,
                "TWILIO_AUTH_TOKEN": TOKEN,
                "TWILIO_API_URL": settings.twilio_api_url,
                "STREAM_SECRET": settings.stream_key,
                "PUBLIC_URL": PUBLIC,
                "CONTENT_DIR": str(settings.content_dir),
                "DATA_DIR": str(self.folder / "data"),
            },
        )

    async def run(self) -> tuple[dict[str, Any], str]:
        process = await self.command()
        told, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        return json.loads(told), said.decode()

    async def killed_when(self, calls: int) -> None:
        process = await self.command()
        while len(self.house.plant.calls) < calls:
            assert process.returncode is None, (await process.communicate())[1].decode()
            await asyncio.sleep(0.02)
        process.kill()
        await process.communicate()

    async def kept(self) -> dict[str, list[str]]:
        """By number, the results of its calls, as the campaign's own book has them."""
        book = AttemptBook(f"sqlite:///{self.folder}/data/campaigns.db", self.name)
        results: dict[str, list[str]] = {number: [] for number in self.kinds}
        for attempt in await asyncio.to_thread(book.all):
            if attempt.sid:
                results[attempt.number].append(attempt.result)
        book.close()
        return results

    def called(self) -> Counter[str]:
        """By number, how often its telephone rang."""
        return Counter(call.party.called for call in self.house.plant.calls.values())


async def killed_and_resumed(desk: Desk) -> dict[str, Any]:
    calls = sum(times for _, _, times in desk.kinds.values())
    await desk.killed_when(calls // 2)
    rung = desk.called()
    assert rung.total() < calls, "there was something left to do"
    report, said = await desk.run()
    kept, called = await desk.kept(), desk.called()
    assert called == Counter({number: len(results) for number, results in kept.items() if results})
    for number, (outcome, _, times) in desk.kinds.items():
        *before, last = kept[number] or [outcome]
        assert set(before) <= {"busy", "no_answer", "not_served"}, "nobody is called again who was reached"
        assert last in {outcome, "not_served"} and (called[number] == times or "not_served" in kept[number])
    results = list(csv.DictReader((desk.folder / "results.csv").read_text().splitlines()))
    assert [row["number"] for row in results] == list(desk.kinds)
    assert Counter(row["outcome"] for row in results) == Counter(report["outcomes"])
    assert (report["rows"], report["open"], report["calls"]) == (desk.callees, 0, called.total())
    assert not any(number in said or number in json.dumps(report) for number in desk.kinds), "no number is shown"
    return report


async def test_a_campaign_is_killed_in_its_middle_and_resumed(house: OpenHouse, tmp_path: Path) -> None:
    async with house_with_keys(house, max_calls=20) as here:
        await killed_and_resumed(Desk(here, tmp_path, 12))


async def test_who_asks_never_to_be_called_again_is_not(house: OpenHouse, tmp_path: Path) -> None:
    asks = DialOutcome(
        ring_ms=100,
        script=parse("""
            wait for speech within 5s
            wait for quiet 300ms
            say "never call me again"
            expect hung up within 10s
        """),
    )
    refuse = {"name": "end_call", "arguments": {"reason": "do_not_call"}}
    async with house_with_keys(house, mind=[turn("Never call me again.", use_tool=refuse)]) as here:
        desk = Desk(here, tmp_path, 2, [("do_not_call", asks, 1), ("busy", BUSY, ATTEMPTS)])
        report, _ = await desk.run()
        ended = await here.dispositions()
        again, _ = await replace(desk, name="summer").run()
        called = desk.called()
    (asked, other) = desk.kinds
    assert report["outcomes"]["do_not_call"] == again["outcomes"]["do_not_call"] == 1
    assert (report["calls"], again["calls"], ended) == (1 + ATTEMPTS, ATTEMPTS, {"do_not_call": 1})
    assert (called[asked], called[other]) == (1, 2 * ATTEMPTS), "no campaign of this database calls them again"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_campaign_of_two_hundred_is_killed_in_its_middle_and_resumed(house: OpenHouse, tmp_path: Path) -> None:
    async with house_with_keys(house, max_calls=20) as here:
        desk = Desk(here, tmp_path, 200)
        report, called = await killed_and_resumed(desk), desk.called()
        print(json.dumps(report))
        again, _ = await desk.run()
        assert again == report and desk.called() == called, "a third run has nothing to do"
