"""What happened in a call, with its times, for those who watch it live and those who judge it afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.simulator.twilio.ticker import Ticker

# The Debugger's titles. (twilio.md 4.5)
TITLES = {
    11200: "HTTP retrieval failure",
    11205: "HTTP connection failure",
    11215: "HTTP too many redirects",
    11750: "TwiML response body too large",
    12100: "Document parse failure",
    12200: "Schema validation warning",
    12300: "Invalid Content-Type",
    13214: "Dial: invalid callerId",
    13224: "Dial: invalid number",
    13520: "Say: invalid text",
    21262: "AsyncAmdStatusCallback missing",
    31901: "Stream - Websocket - Connection Timeout",
    31902: "Stream - Websocket - Connection Refused",
    31903: "Stream - Websocket - Connection Broken Pipe",
    31910: "Stream - Websocket - SSL Protocol Error",
    31920: "Stream - Websocket - Handshake Error",
    31921: "Stream - Websocket - Close Error",
    31922: "Stream - Websocket - URL Schema Not Supported",
    31923: "Stream - Websocket - Malformed URL",
    31924: "Stream - Websocket - Protocol Error",
    31930: "Stream - Media - Buffer Overflow",
    31941: "Stream - Invalid Track Configuration",
    31951: "Stream - Protocol - Invalid Message",
    31953: "Stream - Media - RTP Timeout",
}
WARNINGS = frozenset({12200, 21262, 31930, 31951, 31953})


@dataclass(frozen=True, slots=True)
class CallEvent:
    """`call_ms` counts from the call's first webhook; `at_ms` is the same moment on `time.monotonic`'s scale."""

    name: str
    call_ms: float
    at_ms: float
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """An entry of the Debugger."""

    code: int
    level: str  # "error" or "warning"
    text: str

    def __str__(self) -> str:
        return f"{self.level} {self.code} {TITLES.get(self.code, '')}: {self.text}"


class Journal:
    """One call's events in the order they became known. `watch` is called with each; it must not block."""

    def __init__(self, ticker: Ticker, watch: Callable[[CallEvent], None] | None = None) -> None:
        self.events: list[CallEvent] = []
        self.notices: list[Notice] = []
        self._ticker = ticker
        self._watch = watch
        self.began_ms = ticker.elapsed_ms()

    def note(self, name: str, at: float | None = None, **detail: object) -> None:
        """Write down what happened now, or at `at` on the ticker's scale."""
        moment = self._ticker.elapsed_ms() if at is None else at
        event = CallEvent(name, moment - self.began_ms, self._ticker.monotonic_ms(moment), detail)
        self.events.append(event)
        if self._watch is not None:
            self._watch(event)

    def monotonic_ms(self) -> float:
        """This moment on `time.monotonic`'s scale."""
        return self._ticker.monotonic_ms(self._ticker.elapsed_ms())

    def warn(self, code: int, text: str, level: str = "") -> None:
        """Put an entry into the Debugger."""
        notice = Notice(code, level or ("warning" if code in WARNINGS else "error"), text)
        self.notices.append(notice)
        self.note("notice", code=code, level=notice.level, text=text)
