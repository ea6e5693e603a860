"""A call as its webhooks tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Incoming:
    """A webhook's call facts. Whoever placed the call, `caller` is the person at the other end and `called` a number of
    ours. `fields` holds every field as received, for what a tool or a route may want."""

    call_sid: str
    caller: str
    called: str
    status: str
    direction: str
    fields: Mapping[str, str]
    attempt: str = ""  # to give the caller to somebody, that the webhook is about
    agent: str = ""  # of a call that we placed: who speaks
    given: Mapping[str, str] = field(default_factory=dict)  # ... and what is known of whom we called
