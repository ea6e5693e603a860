"""What an owned number must be told so that its calls come to us, and how far it is from that. Pure."""

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from app.legs.twilio.twiml import FALLBACK_PATH, STATUS_PATH, VOICE_PATH

HANDLERS = (
    "voice_url",
    "voice_method",
    "voice_fallback_url",
    "voice_fallback_method",
    "status_callback",
    "status_callback_method",
)
OVERRIDES = {"trunk_sid": "trunk", "voice_application_sid": "application"}
LOCAL_NAMES = ("localhost", "local", "internal", "lan")

type State = Literal["right", "drifted", "overridden", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Owned:
    """A number of the account. `settings` are those of `HANDLERS` and `OVERRIDES`, by their names in REST."""

    sid: str
    phone_number: str
    name: str
    takes_calls: bool
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def override(self) -> str:
        """What takes its calls although it has a voice URL, such as `trunk TK...`; empty where nothing does."""
        found = [f"{kind} {self.settings[name]}" for name, kind in OVERRIDES.items() if self.settings.get(name)]
        return found[0] if found else ""

    @property
    def has_our_path(self) -> bool:
        """Its calls go to a server like ours, perhaps at another address."""
        return urlsplit(self.settings.get("voice_url", "")).path.rstrip("/") == VOICE_PATH


@dataclass(frozen=True, slots=True)
class Change:
    field: str
    now: str
    then: str


@dataclass(frozen=True, slots=True)
class Finding:
    """How a number stands. `overridden`: a trunk or application takes its calls, whatever its URLs say. `elsewhere`: it
    serves something else, and nobody has said that it should be ours."""

    number: Owned
    state: State
    changes: Sequence[Change] = ()

    @property
    def fix(self) -> str:
        match self.state:
            case "drifted":
                return "offhook numbers check --repair"
            case "overridden":
                return f"offhook numbers assign {self.number.phone_number} --agent ... --detach"
            case _:
                return ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`problems` keep callers from reaching us; `warnings` are for people to judge."""

    findings: Sequence[Finding]
    problems: Sequence[str]
    warnings: Sequence[str]

    @property
    def wrong(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.state in {"drifted", "overridden"}]


def handling(public_url: str, fallback_url: str = "") -> dict[str, str]:
    """What a number's `HANDLERS` should be. A fallback somewhere else is a static file, which is fetched with GET."""
    return {
        "voice_url": public_url + VOICE_PATH,
        "voice_method": "POST",
        "voice_fallback_url": fallback_url or public_url + FALLBACK_PATH,
        "voice_fallback_method": "GET" if fallback_url else "POST",
        "status_callback": public_url + STATUS_PATH,
        "status_callback_method": "POST",
    }


def unfit(url: str) -> str:
    """Why Twilio cannot, or should not, be given this URL; empty where it can."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return "is not https: everybody between could read and change the calls"
    if not host or "_" in host:
        return "has an underscore in its host, which Twilio refuses" if host else "has no host"
    try:
        is_public = ipaddress.ip_address(host).is_global
    except ValueError:
        is_public = "." in host and not host.endswith(tuple(f".{name}" for name in LOCAL_NAMES))
    return "" if is_public else "cannot be reached from outside"


def changes_to(number: Owned, wanted: Mapping[str, str]) -> list[Change]:
    """What must be set so that the number is as wanted."""
    now = {name: number.settings.get(name, "") for name in wanted}
    return [Change(name, now[name], then) for name, then in wanted.items() if now[name] != then]


def compare(numbers: Iterable[Owned], wanted: Mapping[str, str], routed: Collection[str]) -> Comparison:
    """Every number of the account beside what it should be. `routed` are the numbers of prompts/routes.yaml: those are
    ours, and so is each whose voice URL is a server's like ours."""
    owned = list(numbers)
    findings = [_finding(number, wanted, routed) for number in owned]
    ours = [finding for finding in findings if finding.state != "elsewhere"]
    problems = [] if ours else ["no number of the account leads here: offhook numbers assign +1... --agent ..."]
    return Comparison(findings, problems, [*_shared_host(wanted), *_unowned(owned, routed)])


def _finding(number: Owned, wanted: Mapping[str, str], routed: Collection[str]) -> Finding:
    if number.phone_number not in routed and not number.has_our_path:
        return Finding(number, "elsewhere")
    changes = changes_to(number, wanted)
    if number.override:
        return Finding(number, "overridden", changes)
    return Finding(number, "drifted" if changes else "right", changes)


def _shared_host(wanted: Mapping[str, str]) -> list[str]:
    primary, fallback = (urlsplit(wanted[name]).hostname for name in ("voice_url", "voice_fallback_url"))
    if primary != fallback:
        return []
    fix = "put deploy/fallback.xml on another host and set FALLBACK_URL"
    return [f"primary and fallback share the host {primary}, and fail together: {fix}"]


def _unowned(owned: Iterable[Owned], routed: Collection[str]) -> list[str]:
    known = {number.phone_number for number in owned}
    strangers = [number for number in routed if number.startswith("+") and number not in known]
    return [f"prompts/routes.yaml names {number}, which the account does not own" for number in strangers]
