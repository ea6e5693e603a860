"""Where a call stands: how we have the caller, and who serves them.

Two tables, for the two go their own ways: a line may break while a session serves, and a session while the caller holds
the line for a person. Each state takes every sign; one that a table does not name there changes nothing.

Nothing here says *when*: `session` and `attachment` judge sessions, `renewal` and `succession` have the next one in
time, `ladder` finds what is left without a model, `leg`, `transfer`, `moving` and `ending` see to the line.
"""

from collections.abc import Mapping
from enum import StrEnum


class Phase(StrEnum):
    RINGING = "ringing"  # no leg yet, in this process
    LIVE = "live"
    AWAY = "away"  # the leg is lost, or they left it; another may come
    LEAVING = "leaving"  # a last line, or a hold line, is heard before a person has them
    ONWARD = "onward"  # the carrier has them
    CLOSING = "closing"  # a last line is heard to its end
    ENDED = "ended"


class LineSign(StrEnum):
    CAME = "came"  # a leg; the first one in this process greets, or goes on with a call that another had
    LOST = "lost"
    LEAVES = "leaves"  # the caller is to be with somebody else
    WENT = "went"  # ... and is out of the stream
    RETURNED = "returned"  # ... and is ours again
    CLOSES = "closes"
    REOPENED = "reopened"  # the last line was not the last
    OVER = "over"
    MOVED = "moved"  # another process has the call, or will


LINE: Mapping[tuple[Phase, LineSign], Phase] = {
    (Phase.RINGING, LineSign.CAME): Phase.LIVE,
    (Phase.RINGING, LineSign.OVER): Phase.ENDED,
    (Phase.RINGING, LineSign.MOVED): Phase.ENDED,
    (Phase.LIVE, LineSign.LOST): Phase.AWAY,
    (Phase.LIVE, LineSign.LEAVES): Phase.LEAVING,
    (Phase.LIVE, LineSign.WENT): Phase.ONWARD,
    (Phase.LIVE, LineSign.CLOSES): Phase.CLOSING,
    (Phase.LIVE, LineSign.OVER): Phase.ENDED,
    (Phase.LIVE, LineSign.MOVED): Phase.ENDED,
    (Phase.AWAY, LineSign.CAME): Phase.LIVE,
    (Phase.AWAY, LineSign.WENT): Phase.ONWARD,
    (Phase.AWAY, LineSign.OVER): Phase.ENDED,
    (Phase.AWAY, LineSign.MOVED): Phase.ENDED,
    (Phase.LEAVING, LineSign.LOST): Phase.AWAY,
    (Phase.LEAVING, LineSign.WENT): Phase.ONWARD,
    (Phase.LEAVING, LineSign.RETURNED): Phase.LIVE,
    (Phase.LEAVING, LineSign.CLOSES): Phase.CLOSING,
    (Phase.LEAVING, LineSign.OVER): Phase.ENDED,
    (Phase.LEAVING, LineSign.MOVED): Phase.ENDED,
    (Phase.ONWARD, LineSign.CAME): Phase.LIVE,
    (Phase.ONWARD, LineSign.RETURNED): Phase.AWAY,
    (Phase.ONWARD, LineSign.OVER): Phase.ENDED,
    (Phase.ONWARD, LineSign.MOVED): Phase.ENDED,
    (Phase.CLOSING, LineSign.REOPENED): Phase.LIVE,
    (Phase.CLOSING, LineSign.OVER): Phase.ENDED,
}


class Service(StrEnum):
    NOBODY = "nobody"  # no session is wanted: a greeting is heard, or a person has the caller
    OPENING = "opening"
    SERVED = "served"  # by a session of the model
    RENEWING = "renewing"  # ... whose successor is asked for, or at hand
    CHANGING = "changing"  # we closed it, though it works: another is to know better
    RECOVERING = "recovering"  # it failed, and another is to follow
    GIVEN_UP = "given_up"  # no session can be had: what is left is looked for in this very step
    MENU = "menu"  # keys, and a few words that a recogniser of our own is sure of
    SPENT = "spent"  # the menu, or the person, was of no use: what is left is looked for in this very step
    PERSON = "person"
    GOODBYE = "goodbye"


class ServiceSign(StrEnum):
    ASKED = "asked"  # for a session
    ATTACHED = "attached"
    NEXT_ASKED = "next asked"
    NEXT_GONE = "next gone"
    TOOK_OVER = "took over"  # the next one, in one step
    CHANGED = "changed"
    FAILED = "failed"
    RELEASED = "released"
    FELL = "fell"  # what served the call does so no longer
    OFFERED = "offered"  # a menu
    PERSON_ASKED = "person asked"
    BADE = "bade"  # goodbye


SERVICE: Mapping[tuple[Service, ServiceSign], Service] = {
    (Service.NOBODY, ServiceSign.ASKED): Service.OPENING,
    (Service.NOBODY, ServiceSign.TOOK_OVER): Service.SERVED,
    (Service.OPENING, ServiceSign.ATTACHED): Service.SERVED,
    (Service.OPENING, ServiceSign.FAILED): Service.RECOVERING,
    (Service.OPENING, ServiceSign.CHANGED): Service.CHANGING,
    (Service.OPENING, ServiceSign.RELEASED): Service.NOBODY,
    (Service.OPENING, ServiceSign.FELL): Service.GIVEN_UP,
    (Service.SERVED, ServiceSign.NEXT_ASKED): Service.RENEWING,
    (Service.SERVED, ServiceSign.FAILED): Service.RECOVERING,
    (Service.SERVED, ServiceSign.CHANGED): Service.CHANGING,
    (Service.SERVED, ServiceSign.RELEASED): Service.NOBODY,
    (Service.SERVED, ServiceSign.FELL): Service.GIVEN_UP,
    (Service.RENEWING, ServiceSign.TOOK_OVER): Service.SERVED,
    (Service.RENEWING, ServiceSign.NEXT_GONE): Service.SERVED,
    (Service.RENEWING, ServiceSign.FAILED): Service.RECOVERING,
    (Service.RENEWING, ServiceSign.CHANGED): Service.CHANGING,
    (Service.RENEWING, ServiceSign.RELEASED): Service.NOBODY,
    (Service.RENEWING, ServiceSign.FELL): Service.GIVEN_UP,
    (Service.CHANGING, ServiceSign.ASKED): Service.OPENING,
    (Service.CHANGING, ServiceSign.TOOK_OVER): Service.SERVED,
    (Service.CHANGING, ServiceSign.RELEASED): Service.NOBODY,
    (Service.RECOVERING, ServiceSign.ASKED): Service.OPENING,
    (Service.RECOVERING, ServiceSign.TOOK_OVER): Service.SERVED,
    (Service.RECOVERING, ServiceSign.RELEASED): Service.NOBODY,
    (Service.GIVEN_UP, ServiceSign.OFFERED): Service.MENU,
    (Service.GIVEN_UP, ServiceSign.PERSON_ASKED): Service.PERSON,
    (Service.GIVEN_UP, ServiceSign.BADE): Service.GOODBYE,
    (Service.MENU, ServiceSign.FELL): Service.SPENT,
    (Service.SPENT, ServiceSign.PERSON_ASKED): Service.PERSON,
    (Service.SPENT, ServiceSign.BADE): Service.GOODBYE,
    (Service.PERSON, ServiceSign.OFFERED): Service.MENU,
    (Service.PERSON, ServiceSign.FELL): Service.SPENT,
}

_SERVING = (Service.SERVED, Service.RENEWING)
_WITHOUT_MODEL = (Service.GIVEN_UP, Service.MENU, Service.SPENT, Service.PERSON, Service.GOODBYE)


class Course:
    def __init__(self) -> None:
        self.phase = Phase.RINGING
        self.service = Service.NOBODY

    def line(self, sign: LineSign) -> None:
        self.phase = LINE.get((self.phase, sign), self.phase)

    def serve(self, sign: ServiceSign) -> None:
        self.service = SERVICE.get((self.service, sign), self.service)

    @property
    def with_model(self) -> bool:
        return self.service not in _WITHOUT_MODEL

    @property
    def served(self) -> bool:
        """A session of the model hears the caller."""
        return self.service in _SERVING

    @property
    def fallen(self) -> bool:
        """Nothing serves the call, and what is left must be found."""
        return self.service in (Service.GIVEN_UP, Service.SPENT)
