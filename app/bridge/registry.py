"""The calls this process knows: live ones, and for a while those that have ended, so that a late or repeated webhook is
answered as the first one was. Of those only their names, ends and facts are left: a call's life, with its history, its
audio and its edition, goes with the last of its tasks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.bridge.admission import Lateness, Refusal, refusal
from app.bridge.session import CallLife
from app.call.continuation import Answer, CallRecord
from app.call.onward import Destination, Onward
from app.call.setup import CallFacts

REMEMBER_MS = 15 * 60_000
LAST_WORD_MS = 2_000
STREAM_WITHIN_MS = 90_000  # from the webhook to the stream: its token lives 60 s


@dataclass(slots=True)
class Entry:
    """One call as the desk sees it. `answer` is what its last webhook was told, repeated until something happens."""

    admitted_ms: int
    answer: Answer
    life: CallLife | None = None  # None once nothing of the call is alive
    facts: CallFacts | None = None
    record: CallRecord = field(default_factory=CallRecord)
    destinations: Mapping[str, Destination] = field(default_factory=dict)  # by the name of a target
    next_leg: int = 1
    answered_next: bool = False  # /twilio/next was answered and no leg has come since
    ended_ms: int | None = None
    token: str = ""
    token_at_ms: int = 0
    tokens_used: set[str] = field(default_factory=lambda: {""})
    streams: set[str] = field(default_factory=set)  # by the carrier's names: opened, or reported as failed

    @property
    def outside(self) -> Onward | None:
        """Where the carrier has the caller, or takes them next; None while they are ours."""
        return None if self.life is None else self.life.onward

    @property
    def ended(self) -> str | None:
        """The call's disposition. Its life says so first: its last tasks may still be ending when the carrier asks."""
        return self.record.ended or (None if self.life is None else self.life.disposition)


class Registry:
    """Admission, look-up and forgetting. `limit` counts calls that were admitted and have not ended; `streams_left`
    says whether the model has one for another call; while `lateness` is too large, none is taken."""

    def __init__(
        self,
        limit: int,
        now_ms: Callable[[], int],
        streams_left: Callable[[], bool] = lambda: True,
        lateness: Lateness | None = None,
    ) -> None:
        self.limit = limit
        self.draining = False
        self.lateness = lateness or Lateness()
        self._streams_left = streams_left
        self._now_ms = now_ms
        self._entries: dict[str, Entry] = {}
        self._moved_at_ms = -LAST_WORD_MS  # the last call that went to another process

    def get(self, call_sid: str) -> Entry | None:
        return self._entries.get(call_sid)

    def live(self) -> Iterator[Entry]:
        return (entry for entry in self._entries.values() if entry.ended_ms is None)

    def live_calls(self) -> dict[str, Entry]:
        """Those with a life here, by CallSid."""
        return {sid: e for sid, e in self._entries.items() if e.ended_ms is None and e.life is not None}

    def listing(self) -> list[dict[str, Any]]:
        """Live calls as other processes and people may see them: nobody's words, no numbers."""
        now = self._now_ms()
        return [
            {
                "call": call_sid,
                "agent": entry.life.setup.facts.agent,
                "edition": entry.life.setup.facts.edition,
                "language": entry.life.bridge.call.language,
                "phase": str(entry.life.bridge.call.phase),
                "started_at_ms": entry.life.setup.facts.started_at_ms,
                "here_ms": now - entry.admitted_ms,
            }
            for call_sid, entry in self.live_calls().items()
            if entry.life is not None
        ]

    def live_count(self) -> int:
        return sum(1 for _ in self.live())

    def refusal(self) -> Refusal | None:
        """Why a new call is not taken. Callers who are with a person, or leave a message, take no place: nothing of
        the model is used for them."""
        return refusal(
            draining=self.draining,
            here=sum(1 for entry in self.live() if entry.outside is None),
            limit=self.limit,
            late=self.lateness.too_late(self._now_ms()),
            streams_left=self._streams_left(),
        )

    def has_room(self) -> bool:
        return self.refusal() is None

    def put(self, call_sid: str, answer: Answer, life: CallLife | None = None) -> Entry:
        self.sweep()
        entry = self._entries[call_sid] = Entry(self._now_ms(), answer, life)
        if life is None:
            entry.ended_ms = entry.admitted_ms
        else:
            entry.facts = life.setup.facts
        return entry

    def forget(self, call_sid: str) -> None:
        """It goes on in another process."""
        if self._entries.pop(call_sid, None) is not None:
            self._moved_at_ms = self._now_ms()

    def end(self, call_sid: str) -> None:
        entry = self._entries.get(call_sid)
        if entry is not None and entry.ended_ms is None:
            entry.ended_ms = self._now_ms()

    def bury(self, call_sid: str, life: CallLife) -> None:
        """Nothing of this life is alive any more."""
        entry = self._entries.get(call_sid)
        if entry is not None and entry.life is life:
            entry.record = replace(entry.record, ended=life.disposition)
            entry.life, entry.destinations = None, {}
            self.end(call_sid)

    def at_rest(self) -> bool:
        """No call is live, and the carrier has had time to ask what follows the last one. Who is outside comes back
        to any process."""
        lately = self._now_ms() - LAST_WORD_MS
        waiting = (entry for entry in self._entries.values() if not (entry.outside and entry.answered_next))
        at_rest = all(entry.ended_ms is not None and entry.ended_ms <= lately for entry in waiting)
        return at_rest and self._moved_at_ms <= lately

    def never_streamed(self) -> list[str]:
        """Calls whose stream did not come in time: nothing will ever tell us of them again."""
        late = self._now_ms() - STREAM_WITHIN_MS
        return [
            sid for sid, e in self._entries.items() if e.ended_ms is None and e.next_leg == 1 and e.admitted_ms < late
        ]

    def sweep(self) -> None:
        old = self._now_ms() - REMEMBER_MS
        forgotten = [sid for sid, entry in self._entries.items() if entry.ended_ms is not None and entry.ended_ms < old]
        for sid in forgotten:
            del self._entries[sid]
