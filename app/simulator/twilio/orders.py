"""What a call is given to begin with: the application's URLs, and who holds the telephone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.simulator.callscript import Say, Script
from app.simulator.lines import Utterance
from app.simulator.twilio.identity import Oddities
from app.simulator.twilio.journal import CallEvent
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.streaming import StreamFaults


@dataclass(frozen=True, slots=True)
class Handlers:
    """The application's URLs for a call, as a number or a REST request names them."""

    url: str = ""
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_events: tuple[str, ...] = ("completed",)
    twiml: str = ""  # instead of `url`


@dataclass(frozen=True, slots=True)
class Person:
    """Who is on the telephone: a script with its lines as sound, and how the line treats them."""

    script: Script | None = None
    clips: Mapping[Say, Utterance] = field(default_factory=dict)
    presses: str = ""  # keys pressed whenever TwiML asks for keys
    hum_hz: int = 0  # a tone sung while joined with others, to be found again by whoever should hear it
    talk_ms: int | None = None  # hangs up when joined with others for so long
    answered_by: str = "human"  # or machine, fax, unknown
    greeting_ms: int = 0  # of a machine
    beeps: bool = True  # ... after its greeting
    line: LineOptions = field(default_factory=LineOptions)
    faults: StreamFaults = field(default_factory=StreamFaults)
    oddities: Oddities = field(default_factory=Oddities)
    keep_audio: bool = True
    watch: Callable[[CallEvent], None] | None = None
    on_media: Callable[[float, bytes | str], None] | None = None  # every message of the server, at monotonic ms
