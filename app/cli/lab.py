"""A whole house for one call of the laboratory: server, model, telephone, all in this process and on loopback."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from app.assembly import assemble, settle
from app.cache.catalogue import load_catalogue
from app.cache.keys import Narrator
from app.cache.private_server import PrivateServer, programs
from app.cache.render import render
from app.cli.serve import web_of
from app.edition import load_edition
from app.settings import Settings
from app.simulator import callscript
from app.simulator.faults import TOOL_RUNNING, parse_faults
from app.simulator.lab.answering import ORDER, AnsweringMinds, Habits
from app.simulator.lab.cells import Cell
from app.simulator.lab.judge import Evidence, Verdict, judge
from app.simulator.lab.words import TONES
from app.simulator.shop import Shop
from app.simulator.sonic.journal import SessionRecord
from app.simulator.sonic.limits import Limits
from app.simulator.sonic.simulator import SonicSimulator
from app.simulator.tonal import CarrierVoice, Mumble, PhraseVoice, Sound
from app.simulator.twilio.identity import Account
from app.simulator.twilio.journal import CallEvent
from app.simulator.twilio.phone import CallResult, Dialling, place_call
from app.simulator.twilio.plant import Plant
from app.simulator.twilio.webhook import Route
from app.web.doors import Doors, listen

DESK = Path(__file__).parents[1] / "simulator" / "lab" / "desk"
PUBLIC = "https://desk.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
TOOL_TAKES_S = 1.0
LOUD = 300  # RMS of int16: somebody speaks
ENDED = "offhook_calls_ended_total"
ENDS_WITHIN_S = 8.0


@dataclass(frozen=True, slots=True)
class Desk:
    """The laboratory's business, its phrases rendered, and the system its tool asks."""

    content: Path
    data: Path
    tool_hosts: str
    store: str  # its URL; calls have names of their own


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """Everything that all calls share. Keys that only the simulator takes are put into the environment, for the SDK
    finds its credentials there and nowhere else."""
    content = folder / "content"
    await asyncio.to_thread(shutil.copytree, DESK, content)
    report = await render(load_catalogue(content), [Narrator("matthew", "en-US")], PhraseVoice(TONES), content)
    if report.failed:
        raise RuntimeError(f"the desk's phrases: {report.failed}")
    orders = folder / "orders.json"
    await asyncio.to_thread(orders.write_text, json.dumps({ORDER: {"item": "a bicycle", "state": "ready"}}))
    store = PrivateServer(programs()[0], folder / "store")
    await asyncio.to_thread(store.start)
    try:
        with _Keys(), Shop(orders, takes_s=TOOL_TAKES_S) as shop:
            yield Desk(content, folder / "data", shop.tool_hosts, f"unix://{store.socket_path}")
    finally:
        await asyncio.to_thread(store.stop)


class _Keys:
    """The environment's AWS variables give way while the laboratory works."""

    def __enter__(self) -> None:
        self._before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AWS_")}
        os.environ.update(
            AWS_ACCESS_KEY_ID="AKIALABORATORY",
            AWS_SECRET_ACCESS_KEY="laboratory",
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        )

    def __exit__(self, *_: object) -> None:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(self._before)


@dataclass(frozen=True, slots=True)
class Lived:
    """A call of the laboratory, over."""

    result: CallResult
    sounds: list[Sound]
    sessions: list[SessionRecord]
    disposition: str
    answered_at_ms: float  # on the monotonic clock

    def track_ms(self, monotonic_ms: float) -> int:
        """A moment on the caller's track."""
        return round(monotonic_ms - self.answered_at_ms)


async def live(
    here: Desk,
    script: str,
    *,
    model_faults: str = "",
    habits: Habits | None = None,
    settings: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    **dialling: Any,
) -> Lived:
    """One call in a house of its own, from the first ring to its disposition."""
    mind = AnsweringMinds(habits or Habits())
    async with SonicSimulator(mind, faults=parse_faults(model_faults), limits=limits) as sonic:
        chosen = _settings(here, sonic, settings or {})
        edition = await asyncio.to_thread(load_edition, chosen.content_dir)
        async with assemble(chosen, edition) as server:
            await settle(server, seconds=5)
            async with Doors(web_of(server, local=False), listen("127.0.0.1", 0)) as doors:
                plant = Plant(voice=CarrierVoice(TONES), route=Route(PUBLIC, f"http://127.0.0.1:{doors.port}"))
                result = await dial(plant, script, **dialling)
                return await lived_of(result, sonic, doors.port)


async def lived_of(result: CallResult, sonic: SonicSimulator, port: int) -> Lived:
    """A call that is over, and what the server at `port` and the model's log say of it."""
    disposition = await _disposition(port)
    sessions = [one for one in sonic.sessions if one.brief is not None and one.brief.history]
    answered = next((event.at_ms for event in result.named("answered")), 0.0)
    return Lived(result, TONES.read(result.heard_mulaw), sessions, disposition, answered)


def _settings(here: Desk, sonic: SonicSimulator, more: Mapping[str, Any]) -> Settings:
    chosen: dict[str, Any] = {
        "public_url": PUBLIC,
        "twilio_auth_token": TOKEN,
        "stream_secret": "the laboratory's",
        "content_dir": here.content,
        "data_dir": here.data,
        "aws_endpoint_url_bedrock_runtime": sonic.endpoint,
        "aws_ca_bundle": sonic.ca_file,
        "foreign_audio": True,
        "tool_hosts": here.tool_hosts,
        "pool_size": 1,
        "redis_url": here.store,
    }
    return Settings(_env_file=None, **(chosen | dict(more)))  # type: ignore[call-arg]


async def dial(
    plant: Plant, script: str, watch: Callable[[CallEvent], None] | None = None, **dialling: Any
) -> CallResult:
    """Place a call and live it to its end; the plant is closed behind it."""
    dialled = Dialling(
        to=f"{PUBLIC}/twilio/voice",
        status_callback=f"{PUBLIC}/twilio/status",
        fallback_url=f"{PUBLIC}/twilio/fallback",
        account=Account(token=TOKEN),
        **dialling,
    )
    try:
        return await place_call(dialled, callscript.parse(script), plant=plant, voice=Mumble(), watch=watch)
    finally:
        await plant.aclose()


async def _disposition(port: int) -> str:
    """How the call ended, once it has."""
    until = time.monotonic() + ENDS_WITHIN_S
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        while time.monotonic() < until:
            for line in (await client.get("/metrics")).text.splitlines():
                if line.startswith(f"{ENDED}{{") and float(line.rpartition(" ")[2]) > 0:
                    return line.partition('disposition="')[2].partition('"')[0]
            await asyncio.sleep(0.05)
    return "never"


# --- a cell -----------------------------------------------------------------------------------------------------------


async def strike(here: Desk, cell: Cell) -> tuple[Verdict, Lived]:
    """Live the call of a cell, and judge it."""
    lived = await live(
        here,
        cell.script,
        model_faults=cell.spec,
        habits=Habits(tool=cell.stage == TOOL_RUNNING),
        settings={"pool_size": cell.pool_size},
        line=cell.line,
        faults=cell.stream_faults,
    )
    return judge(cell, evidence(cell, lived)), lived


def evidence(cell: Cell, lived: Lived) -> Evidence:
    events = lived.result.named("caller_started", "caller_stopped")
    times = [(event.name, lived.track_ms(event.at_ms)) for event in events]
    asked_from = next((at for name, at in times if name == "caller_started"), 0)
    asked_until = next((at for name, at in times if name == "caller_stopped"), 0)
    again = [at for name, at in times if name == "caller_started"][1:]
    until_ns = round((lived.answered_at_ms + again[0]) * 1e6) if again else None
    return Evidence(
        sounds=lived.sounds,
        asked_until_ms=asked_until,
        struck_ms=_struck(cell, lived),
        question_ms=asked_until - asked_from,
        question_heard_ms=max((voice_ms(session, until_ns) for session in lived.sessions), default=0),
        disposition=lived.disposition,
        sessions=len(lived.sessions),
    )


def _struck(cell: Cell, lived: Lived) -> int | None:
    if cell.struck_at_ms is not None:
        started = lived.result.named("stream_started")
        return lived.track_ms(started[0].at_ms) + cell.struck_at_ms if started else None
    for session in lived.sessions:
        for note in session.notes:
            if note.event == "fault":
                return lived.track_ms(note.ns / 1e6)
    return None


def voice_ms(session: SessionRecord, until_ns: int | None) -> int:
    """How much of what a session was sent by a moment is a caller's voice."""
    size = max((upto for upto, ns in session.audio_arrivals() if until_ns is None or ns < until_ns), default=0)
    samples = np.frombuffer(bytes(session.audio[: size // 2 * 2]), "<i2").astype(float)
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    return 20 * int(((frames**2).mean(axis=1) > LOUD**2).sum())
