"""`offhook call --campaign`: everybody in a file, at a pace, within their hours, and nobody twice."""

import asyncio
import contextlib
import fcntl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from app.campaign import report
from app.campaign.campaign import Campaign, Conduct
from app.campaign.plan import Over, Plan, Rules
from app.campaign.roster import Defaults, Row, read_do_not_call, read_roster
from app.cli.calling import Calling, asking_database, callers
from app.cli.talk import MISUSED, WRONG, checked_content, fail, tell
from app.content.faults import ContentError, Fault
from app.legs.twilio.orders import ENDED_PATH, seal_name
from app.records.attempts import AttemptBook
from app.records.do_not_call import DoNotCallBook
from app.settings import Settings

ASK_AGAIN_S = (0.3, 1.0, 2.0)  # it may still be saying the last word
ROOM_FOR_S = 2.0  # so long an answer of the server's holds


@dataclass(frozen=True, slots=True)
class CampaignOptions:
    """As the command line has them. `server`: where the server can be asked whether it has room."""

    file: Path
    agent: str
    zone: str
    name: str
    do_not_call: Path | None
    results: Path | None
    server: str
    rules: Rules
    conduct: Conduct
    as_json: bool

    @property
    def called(self) -> str:
        return self.name or self.file.stem


def run_campaign(options: CampaignOptions, ready: Calling) -> None:
    """Ends the command: 0 where every row has come to its end, else 1."""
    rows, do_not_call = read_files(options, ready)
    url = ready.settings.campaigns_url
    with (
        asking_database(options.as_json),
        contextlib.closing(AttemptBook(url, options.called)) as book,
        contextlib.closing(DoNotCallBook(url)) as asked_off,
        _alone(ready.settings, options),
    ):
        plan = Plan(rows, do_not_call | asked_off.all(), options.rules, book.all(), _now_ms())
        over = _run(options, ready, plan, book, asked_off)
    if options.results is not None:
        options.results.write_text(report.results_csv(plan))
    tell(report.document(plan, over.stopped), report.lines(plan, over.stopped), options.as_json)
    raise typer.Exit(0 if report.is_done(plan) else WRONG)


def read_files(options: CampaignOptions, ready: Calling) -> tuple[list[Row], frozenset[str]]:
    """The rows and who is not to be called. Ends the command with every fault of either file."""
    defaults = Defaults(date.today(), callers(ready.prompts), options.agent, options.zone)
    with checked_content(options.as_json):
        rows = read_roster(_text(options.file), str(options.file), defaults)
    return rows, unwanted(options.do_not_call, options.as_json)


def unwanted(file: Path | None, as_json: bool) -> frozenset[str]:
    """The numbers that must not be called. Ends the command with every fault of the file."""
    with checked_content(as_json):
        return frozenset() if file is None else read_do_not_call(_text(file), str(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ContentError([Fault(str(file), 0, "", f"cannot be read: {why}", "Give a CSV file in UTF-8")]) from None


@contextlib.contextmanager
def _alone(settings: Settings, options: CampaignOptions) -> Iterator[None]:
    """No other process of this machine runs the campaign. The kernel lets go of the lock, however we end."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    place = settings.data_dir / f"campaign-{options.called}.lock"
    with place.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fail(f"the campaign {options.called} is already running: wait for its end", MISUSED, options.as_json)
        yield


def _run(options: CampaignOptions, ready: Calling, plan: Plan, book: AttemptBook, asked_off: DoNotCallBook) -> Over:
    async def run() -> Over:
        url = options.server or ready.settings.public_url
        async with AskedServer(url, ready.settings.stream_key) as server:
            if await server.is_stranger():
                fix = "give both the same STREAM_SECRET, or TWILIO_AUTH_TOKEN"
                return Over(f"the server at {url} cannot open our orders, and would hang up on everybody: {fix}")
            with _bar(plan) as (bar, task):

                def changed(why: str) -> None:
                    told = report.document(plan)
                    bar.update(task, completed=told["rows"] - told["open"], said=why or _said(told["outcomes"]))

                campaign = Campaign(plan, book, asked_off, ready.desk, options.conduct, server, _now_ms, changed)
                over = await campaign.run()
                changed("")
                return over

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        return Over("interrupted: calls under way go on; run the same command again, nobody is called twice")


class AskedServer:
    """`offhook serve`, asked now and then whether it would take another call, and how each has ended."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self._client = httpx.AsyncClient(base_url=url, timeout=5, trust_env=False)
        self._why = ""
        self._good_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def is_stranger(self) -> bool:
        """It answers, and does not share our secret."""
        try:
            answer = await self._client.get(f"{ENDED_PATH}/{seal_name(self._secret, 'nobody', int(time.time()))}")
        except httpx.HTTPError:
            return False
        return answer.status_code in (403, 404)

    async def room(self) -> str:
        """Why it would not, "" where it would."""
        if time.monotonic() >= self._good_until:
            self._why = await self._ask()
            self._good_until = time.monotonic() + ROOM_FOR_S
        return self._why

    async def disposition(self, sid: str) -> str:
        """How a call has ended; "" where it does not say within a few seconds."""
        for pause in (*ASK_AGAIN_S, None):
            sealed = seal_name(self._secret, sid, int(time.time()))
            with contextlib.suppress(httpx.HTTPError, ValueError, AttributeError):
                answer = await self._client.get(f"{ENDED_PATH}/{sealed}")
                if told := answer.json().get("disposition"):
                    return str(told)
            if pause is not None:
                await asyncio.sleep(pause)
        return ""

    async def _ask(self) -> str:
        try:
            answer = await self._client.get("/readyz")
            refuses = answer.json().get("refuses")
        except (httpx.HTTPError, ValueError, AttributeError):
            return f"waiting: offhook serve does not answer at {self._url}"
        if answer.status_code != 200:
            return "waiting: offhook serve is not ready"
        return f"waiting: offhook serve takes no call now ({refuses})" if refuses else ""


@contextlib.contextmanager
def _bar(plan: Plan) -> Iterator[tuple[Progress, TaskID]]:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield bar, bar.add_task("campaign", total=len(plan.rows), said="")


def _said(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in outcomes.items() if count)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
