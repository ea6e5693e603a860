"""What the front desk works with: the neighbours it asks, who serves a call, and what the deployment has chosen."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.audio.transcoder import Transcoder
from app.bridge.admission import REFUSE_MS
from app.bridge.incoming import Incoming
from app.bridge.ledger import Ledger
from app.bridge.pace import AnswerPace
from app.bridge.people import Keeper, NoInbox
from app.bridge.session import Ears, Listening, NoEars, SessionLender, ToolRunner
from app.cache.store import Store
from app.call import events as e
from app.call.allowance import Day
from app.call.commands import Command
from app.call.onward import Destination
from app.call.setup import CallSetup
from app.engines.engine import SessionSpec
from app.legs.phone import Phone
from app.legs.recording import Recording
from app.metrics.meters import Meters
from app.metrics.trace import NoTracing, Tracing


@dataclass(frozen=True, slots=True)
class Cast:
    """Who serves a call: its setup, how a session for it is opened in its first language and in each it may change to,
    and what is made of the caller's words."""

    setup: CallSetup
    spec: SessionSpec
    again: CallSetup  # the same call taken up without memory: it begins with an apology
    tools: ToolRunner
    specs: Mapping[str, SessionSpec] = field(default_factory=dict)  # by language
    ears: Ears = field(default_factory=NoEars)
    destinations: Mapping[str, Destination] = field(default_factory=dict)  # of its setup's targets, by name
    listeners: Mapping[str, SessionSpec] = field(default_factory=dict)  # of its menus' words, by language
    day: Day | None = None  # whose allowance it takes from


@dataclass(frozen=True, slots=True)
class DeskOptions:
    at_limit: str = "speak"  # or "reject"
    busy_text: str = "All our lines are busy. Please call again in a few minutes."
    goodbye_text: str = "We cannot go on with this call. Please call again later. Goodbye."
    fallback_text: str = "We are sorry, something went wrong on our side. Please call again in a few minutes."
    language: str = "en-US"
    person_number: str = ""
    record_calls: bool = False  # by the carrier, from its first document on
    max_lateness_ms: float = REFUSE_MS  # of the loop; beyond it new calls are refused


class StreamTokens(Protocol):
    def issue(self, call_sid: str) -> str: ...

    def valid(self, token: str, call_sid: str) -> bool: ...


type CastCall = Callable[[Incoming], Cast]
type RecastCall = Callable[[Incoming, Mapping[str, Any]], Awaitable[Cast]]  # with the snapshot of a call that is back
type WatchCall = Callable[[str, int, e.Event, list[Command]], None]


@dataclass(frozen=True, slots=True)
class Staff:
    """The neighbours the desk works with."""

    cast: CastCall
    recast: RecastCall
    pool: SessionLender
    store: Store
    tokens: StreamTokens
    meters: Meters
    now_ms: Callable[[], int]
    wall_ms: Callable[[], int]  # Unix: what all processes share
    transcoder: Callable[[], Transcoder]  # a fresh one for each leg
    pace: AnswerPace
    watch: WatchCall | None = None
    recording: Recording | None = None
    inbox: Keeper = field(default_factory=NoInbox)
    phone: Phone | None = None  # None: no calls can be placed by REST
    listening: Listening | None = None  # None: without a model, keys alone
    streams_left: Callable[[], bool] = lambda: True  # has the model one for another call?
    ledger: Ledger | None = None  # None: no day's cap acts
    places_calls: Callable[[str], bool] = lambda agent: False
    tracing: Tracing = field(default_factory=NoTracing)
    process: str = "alone"  # its name among all that share the store
