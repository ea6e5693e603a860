"""A call as its webhooks tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incoming:
    """A webhook's call facts. `fields` holds every field as received, for what a tool or a route may want."""

    call_sid: str
    caller: str
    called: str
    status: str
    direction: str
    fields: Mapping[str, str]
    attempt: str = ""  # to give the caller to somebody, that the webhook is about
