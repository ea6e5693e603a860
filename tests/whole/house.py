"""A whole Offhook on one desk: the real server, a local Nova Sonic that follows a script, and a telephone.

    async with open_house(mind=[turn("Where is my parcel?", "one")]) as house:
        call = await house.call('''
            wait for speech
            wait for quiet 300ms
            say "where is my parcel"
            wait for speech
            hang up
        ''')
    assert call.heard == ["greeting", "one"]

What a test may look at is what the world sees: the telephone's recording and events, the model's log of its sessions,
what the server answers over HTTP. Nothing here reaches into the server.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families
from twilio.request_validator import RequestValidator

from app.assembly import Server, assemble, settle
from app.cache.render import Renderer
from app.call.setup import Timings
from app.casting import wall_ms
from app.cli.serve import web_of
from app.edition import load_edition
from app.settings import Settings
from app.simulator import callscript
from app.simulator.faults import parse_faults
from app.simulator.mind import Mind, MindFactory
from app.simulator.script import Script, script_from
from app.simulator.scripted_mind import ScriptedMinds
from app.simulator.sonic.journal import SessionRecord
from app.simulator.sonic.limits import Limits
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.simulator import SonicSimulator
from app.simulator.tonal import CarrierVoice, Mumble, Sound
from app.simulator.twilio.identity import Account
from app.simulator.twilio.journal import CallEvent
from app.simulator.twilio.phone import CallResult, Dialling, place_call
from app.simulator.twilio.plant import DialOutcome, Plant
from app.simulator.twilio.webhook import Route
from app.watching import watching
from app.web.doors import Doors, listen
from tests.whole.sounds import TONES, sentence

PUBLIC = "https://parcels.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
QUICK = Manner(speed=10, final_delay_ms=400)
HABITS = {"thinking": 350, "listening": {"pause_ms": 250}, "otherwise": {"say": [sentence("six")]}}
PATIENCE_S = 30.0
# On a busy machine everything is slow, and a caller rightly hears "one moment". Only where that is the subject does a
# house keep the waits of life: `timings=Timings()`.
PATIENT = Timings(
    slow_answer=12_000,
    give_up_answer=25_000,
    silent_answer=25_000,
    deaf_quiet=20_000,
    known_failure=8_000,
    tool_wait=8_000,
    attach_limit=20_000,
    silence_prompt=30_000,
)
NEVER_LATE = 60_000  # ms: whoever is not about admission is let in, however busy the machine is

type Turns = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as the telephone knows it. Times are ms of the call, from its first webhook."""

    result: CallResult
    sounds: list[Sound]

    @classmethod
    def of(cls, result: CallResult) -> Self:
        answered = next((event.call_ms for event in result.named("answered")), 0.0)
        sounds = [replace(s, at_ms=s.at_ms + round(answered)) for s in TONES.read(result.heard_mulaw)]
        return cls(result, sounds)

    @property
    def heard(self) -> list[str]:
        """Names of all that the caller heard, in order."""
        return [sound.name for sound in self.sounds]

    def sound(self, name: str, nth: int = 0) -> Sound:
        return [sound for sound in self.sounds if sound.name == name][nth]

    def at(self, event: str, nth: int = 0, **detail: object) -> float:
        """When the telephone noted an event."""
        return self.events(event, **detail)[nth].call_ms

    def events(self, event: str, **detail: object) -> list[CallEvent]:
        return [noted for noted in self.result.named(event) if detail.items() <= noted.detail.items()]

    def first_after(self, at_ms: float) -> Sound:
        """The first sound that began after a moment of the call."""
        return next(sound for sound in self.sounds if sound.at_ms > at_ms)


@dataclass(slots=True)
class House:
    """A running server and everything around it."""

    server: Server
    sonic: SonicSimulator
    plant: Plant
    port: int
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)

    # --- the caller's side ------------------------------------------------------------------------------------------

    async def call(self, script: str, watch: Callable[[CallEvent], None] | None = None, **dialling: Any) -> Call:
        """Place a call and live it to its end. `dialling` may name line, faults, oddities, caller."""
        dial = Dialling(**(self.dialling() | dialling))
        said = callscript.parse(script)
        return Call.of(await place_call(dial, said, plant=self.plant, voice=Mumble(), watch=watch))

    def dialling(self) -> dict[str, Any]:
        status, fallback = f"{PUBLIC}/twilio/status", f"{PUBLIC}/twilio/fallback"
        return {
            "to": f"{PUBLIC}/twilio/voice",
            "status_callback": status,
            "fallback_url": fallback,
            "account": Account(token=TOKEN),
        }

    async def post(self, route: str, call_sid: str, **fields: str) -> httpx.Response:
        """A webhook by hand, signed as Twilio signs it."""
        form = {"CallSid": call_sid, "From": "+14155550123", "To": "+15035550199", "CallStatus": "in-progress"} | fields
        signature = RequestValidator(TOKEN).compute_signature(PUBLIC + route, form)
        return await self.client.post(route, data=form, headers={"X-Twilio-Signature": signature})

    # --- the model's side -------------------------------------------------------------------------------------------

    @property
    def sessions(self) -> list[SessionRecord]:
        """The model's sessions that served a call, in the order in which they were opened. (Every call's history
        begins with its facts.)"""
        return [session for session in self.sonic.sessions if session.brief is not None and session.brief.history]

    # --- what the house says of itself ------------------------------------------------------------------------------

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name and those labels."""
        text = (await self.client.get("/metrics")).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    async def dispositions(self, calls: int = 1) -> dict[str, int]:
        """How so many calls ended, once that many have."""
        name = "offhook_calls_ended_total"
        await until(lambda: self.metric(name), lambda ended: ended >= calls)
        text = (await self.client.get("/metrics")).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {s.labels["disposition"]: int(s.value) for s in samples if s.name == name and s.value}


async def together(*calls: Coroutine[Any, Any, object]) -> None:
    """Live several rehearsals at the same time; the first that fails ends them all."""
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(call)


class InTurn:
    """Makes the minds of a model: the first session's by the first script, the others' by the second."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._makers = [ScriptedMinds(script) for script in scripts]
        self._made = 0

    def __call__(self) -> Mind:
        self._made += 1
        return self._makers[min(self._made, len(self._makers)) - 1]()


async def until(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """Look again and again until what is seen is good; gives up after `PATIENCE_S`."""
    async with asyncio.timeout(PATIENCE_S):
        while not good(seen := await look()):  # noqa: ASYNC110 (what is watched is what the server says of itself)
            await asyncio.sleep(0.02)
    return seen


@asynccontextmanager
async def open_house(
    *,
    content: Path,
    data_dir: Path,
    mind: Turns = (),
    later: Turns = (),
    patterns: Turns = (),
    habits: dict[str, Any] | None = None,
    faults: str = "",
    manner: Manner = QUICK,
    limits: Limits | None = None,
    timings: Timings = PATIENT,
    render: Renderer | None = None,
    minds: MindFactory | None = None,
    clock: Callable[[], int] = wall_ms,
    **settings: Any,
) -> AsyncIterator[House]:
    """`mind` is what the first session of the model makes of the caller's utterances, `later` what those after it do;
    `patterns` are answers to live text, `habits` the rest of its script. `minds` take the place of them all."""
    script = HABITS | {"patterns": patterns} | (habits or {})
    minds = minds or InTurn([script_from(script | {"turns": turns}) for turns in (mind, later or mind)])
    model = SonicSimulator(minds, faults=parse_faults(faults), manner=manner, limits=limits)
    async with model, _serving(content, data_dir, model, timings, render, clock, settings) as house:
        yield house


@asynccontextmanager
async def _serving(
    content: Path,
    data_dir: Path,
    sonic: SonicSimulator,
    timings: Timings,
    render: Renderer | None,
    clock: Callable[[], int],
    more: dict[str, Any],
) -> AsyncIterator[House]:
    chosen: dict[str, Any] = {
        "public_url": PUBLIC,
        "twilio_auth_token": TOKEN,
        "stream_secret": "the same in every house",
        "content_dir": content,
        "data_dir": data_dir,
        "aws_endpoint_url_bedrock_runtime": sonic.endpoint,
        "aws_ca_bundle": sonic.ca_file,
        "pool_size": 1,
        "max_lateness_ms": NEVER_LATE,
        "foreign_audio": True,
    }
    settings = Settings(_env_file=None, **(chosen | more))  # type: ignore[call-arg]
    edition = await asyncio.to_thread(load_edition, settings.content_dir)
    async with (
        assemble(settings, edition, timings=timings, render=render, clock=clock) as server,
        watching(server.editions, content) if render else nullcontext(),
    ):
        await settle(server, seconds=5)
        async with Doors(web_of(server, local=False), listen("127.0.0.1", 0)) as doors:
            route = Route(PUBLIC, f"http://127.0.0.1:{doors.port}")
            plant = Plant(voice=CarrierVoice(TONES), route=route, default_outcome=DialOutcome(ring_ms=100, talk_ms=100))
            house = House(server, sonic, plant, doors.port)
            try:
                yield house
            finally:
                await plant.aclose()
                await house.client.aclose()
