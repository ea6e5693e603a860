"""People outside the stream: who is rung for a caller, what they are told and answer, and what callers leave for them.

The desk knows calls; here are **attempts** to give one to somebody. What Twilio asks about an attempt (a whisper, an
accepting key, the end of a call we placed) names it in its path. The process that holds the call knows the attempt; the
store holds what another one needs to whisper (`ATTEMPT`), to tell who hangs up from who declines (`ACCEPTED`), or to
keep a message (the call's snapshot). Word that must move the call (accepted, declined) is acted upon only where the
call is.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

import structlog

from app.bridge.kept import SNAPSHOT
from app.bridge.registry import Registry
from app.cache.store import Store, StoreGone
from app.call import commands as c
from app.call import events as e
from app.call.continuation import (
    Answer,
    HangUpCall,
    JoinConference,
    KeepWaiting,
    LeaveQueue,
    LetThrough,
    SpeakAndHangUp,
    WhisperToPerson,
    own_number,
    whisper_text,
)
from app.call.onward import Destination, Onward, OnwardResult, call_of, refusal_of, was_recorded
from app.call.setup import CallFacts, Phrase
from app.legs.phone import Phone, PhoneFailed
from app.records.messages import Kind, Word

log = structlog.get_logger()

ATTEMPT, ACCEPTED = "attempt", "accepted"  # kinds of document in the store
ATTEMPT_S = 3_600
TAKE_KEY = "1"
MEETS_WITHIN_MS = 5_000  # of accepting; a person who is gone by then has met nobody
LONGEST_WAIT_S = 300  # in a queue
LAST_CALLS_S = 3
GONE_TEXT = "The caller has hung up. Goodbye."
HOLD_TEXT = "Please hold the line."


@dataclass(slots=True)
class Attempt:
    """`join`: we rang the person ourselves, the caller holds; `dial`: the carrier rings them for the caller."""

    way: Literal["join", "dial"]
    caller: str
    language: str
    about: Mapping[str, str] = field(default_factory=dict)
    person: str = ""  # CallSid of the call to the person
    accepted_ms: int | None = None  # Unix
    over: bool = False


class Keeper(Protocol):
    """Where words for staff go (`app.bridge.inbox`)."""

    def keep(self, word: Word) -> None: ...


class NoInbox:
    """For a desk whose calls leave nothing."""

    def keep(self, word: Word) -> None:
        log.warning("! nobody keeps what callers leave", call=word.call_sid)


class People:
    """`phone` is None where no calls can be placed: then a person is asked by the carrier, on the caller's time.
    `wall_ms` is Unix time, for processes compare it. `forward` takes word about a call that another process has."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        inbox: Keeper,
        wall_ms: Callable[[], int],
        phone: Phone | None,
        forward: Callable[[str, e.PersonEvent], None],
    ) -> None:
        self._registry = registry
        self._store = store
        self._inbox = inbox
        self._wall_ms = wall_ms
        self._phone = phone
        self._forward = forward
        self._attempts: dict[str, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Calls being placed or ended get a moment."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_CALLS_S)
            for task in late:
                task.cancel()

    # --- what a call asks for -------------------------------------------------------------------------------------

    def ring(self, facts: CallFacts, command: c.RingPerson) -> None:
        destination = self._destination(facts.call_sid, command.target)
        caller_id = destination and (destination.caller_id or own_number(facts))
        if self._phone is None or destination is None or not caller_id:
            log.warning("! nobody can be rung", call=facts.call_sid, target=command.target)
            self._tell(command.attempt, e.PersonRefused(command.attempt, OnwardResult.FAILED))
            return
        self._note(command.attempt, Attempt("join", facts.caller, facts.language, command.about))
        self._spawn(self._ring(self._phone, command.attempt, destination, caller_id))

    async def _ring(self, phone: Phone, attempt: str, destination: Destination, caller_id: str) -> None:
        known = self._attempts[attempt]
        try:
            known.person = await phone.ring(destination.to, caller_id, attempt, destination.ring_s)
        except PhoneFailed as failed:
            log.warning("! a person could not be rung", call=call_of(attempt), why=str(failed))
            known.over = True
            self._tell(attempt, e.PersonRefused(attempt, OnwardResult.FAILED))
            return
        if known.over:  # the caller was gone before Twilio had answered
            await self._let_go(phone, attempt, known)

    def stop(self, attempt: str) -> None:
        """The caller waits no longer: the telephone stops ringing, and whoever has answered hears why."""
        known = self._attempts.get(attempt)
        if known is None or known.over:
            return
        known.over = True
        if self._phone is not None and known.person:
            self._spawn(self._let_go(self._phone, attempt, known))

    async def _let_go(self, phone: Phone, attempt: str, known: Attempt) -> None:
        try:
            if await self._accepted(attempt, known) is None:
                await phone.hang_up(known.person)
            else:
                await phone.say_and_hang_up(known.person, GONE_TEXT, known.language)
        except PhoneFailed as failed:
            log.warning("! a call to a person was not ended", call=call_of(attempt), why=str(failed))

    def leave_word(self, facts: CallFacts, command: c.LeaveWord) -> None:
        about, when = command.about.get("about", ""), command.about.get("when", "")
        key = uuid.uuid4().hex
        self._inbox.keep(self._word(key, command.kind, facts.call_sid, facts, about=about, wanted_at=when))

    def will_be_asked(self, facts: CallFacts, onward: Onward) -> None:
        """The carrier is about to ring somebody who is told of the caller first."""
        if onward.attempt not in self._attempts:
            self._note(onward.attempt, Attempt("dial", facts.caller, facts.language, onward.about))

    # --- what the carrier asks about an attempt -------------------------------------------------------------------

    async def whisper(self, attempt: str, call_sid: str) -> Answer:
        """Somebody answered. `call_sid` is that call's, as everywhere below where a person is asked."""
        known = await self._known(attempt)
        if known is None or known.over:
            return SpeakAndHangUp(GONE_TEXT)
        if known.way == "join":
            known.person = known.person or call_sid
        return WhisperToPerson(attempt, whisper_text(known.about, known.caller), known.language)

    async def accept(self, attempt: str, digits: str) -> Answer:
        """The key they pressed. The same key gets the same answer, however often the webhook is repeated."""
        known = await self._known(attempt)
        if known is None or known.over:
            return SpeakAndHangUp(GONE_TEXT)
        if digits != TAKE_KEY:
            known.over = known.way == "join"
            self._tell(attempt, e.PersonRefused(attempt, OnwardResult.DECLINED))
            return HangUpCall()
        self._tell(attempt, e.PersonAccepted(attempt))
        if known.way == "dial":
            return LetThrough()
        if not self._is_met(attempt):
            known.over = True
            return SpeakAndHangUp(GONE_TEXT, known.language)
        if await self._accepted(attempt, known) is None:
            known.accepted_ms = self._wall_ms()
            await self._keep(ACCEPTED, attempt, {"at_ms": known.accepted_ms})
        return JoinConference(attempt, "person")

    async def person_reported(self, attempt: str, status: str) -> None:
        """A status callback of the call to a person."""
        known = await self._known(attempt)
        if known is None:
            if status == "in-progress":  # nobody was to be asked: answering is taking the call
                self._tell(attempt, e.PersonAccepted(attempt))
            return
        result = refusal_of(status)
        if known.way == "dial" or result is None:
            return
        accepted_ms = await self._accepted(attempt, known)
        if known.over:
            return
        if accepted_ms is None:
            known.over = True
            self._tell(attempt, e.PersonRefused(attempt, result))
        elif self._wall_ms() - accepted_ms < MEETS_WITHIN_MS and self._phone is not None:
            known.over = True
            self._spawn(self._fetch_caller(self._phone, attempt))

    async def _fetch_caller(self, phone: Phone, attempt: str) -> None:
        """The caller must not wait alone in a conference."""
        try:
            await phone.send_onward(call_of(attempt), attempt)
        except PhoneFailed as failed:
            log.warning("! a caller waits for nobody", call=call_of(attempt), why=str(failed))

    async def recorded(self, attempt: str, fields: Mapping[str, str]) -> None:
        """A message, told by the verb's action or by the recording's own callback: whichever comes, in any order."""
        url = fields.get("RecordingUrl", "")
        sid = fields.get("RecordingSid") or url.rpartition("/")[2]
        if not was_recorded(fields) or fields.get("RecordingStatus", "completed") != "completed" or not sid:
            return
        call_sid, seconds = call_of(attempt), fields.get("RecordingDuration", "")
        facts, about = await self._of_call(call_sid, attempt)
        word = self._word(
            sid,
            "voicemail",
            call_sid,
            facts,
            about=about,
            recording_url=url,
            seconds=int(seconds) if seconds.isdigit() else 0,
            caller=fields.get("From", ""),
            called=fields.get("To", ""),
        )
        self._inbox.keep(word)

    def wait(self, attempt: str, queued_s: str) -> Answer:
        """What a caller in a queue hears."""
        if queued_s.isdigit() and int(queued_s) >= LONGEST_WAIT_S:
            return LeaveQueue()
        entry = self._registry.get(call_of(attempt))
        if entry is None or entry.life is None:
            return KeepWaiting(HOLD_TEXT)
        setup = entry.life.setup
        hold = setup.phrases.get("hold", Phrase("hold", HOLD_TEXT))
        return KeepWaiting(hold.text, setup.facts.language)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _tell(self, attempt: str, event: e.PersonEvent) -> None:
        entry = self._registry.get(call_of(attempt))
        if entry is not None and entry.life is not None:
            entry.life.tell(event)
        elif entry is None:
            self._forward(call_of(attempt), event)

    def _is_met(self, attempt: str) -> bool:
        entry = self._registry.get(call_of(attempt))
        if entry is None:
            return True  # as far as this process can tell: the one that has the call was told, and sends the caller
        return entry.outside is not None and entry.outside.attempt == attempt

    def _destination(self, call_sid: str, target: str) -> Destination | None:
        entry = self._registry.get(call_sid)
        return None if entry is None else entry.destinations.get(target)

    def _note(self, attempt: str, known: Attempt) -> None:
        forgotten = [name for name in self._attempts if self._registry.get(call_of(name)) is None]
        for name in forgotten:
            del self._attempts[name]
        self._attempts[attempt] = known
        self._spawn(self._keep(ATTEMPT, attempt, asdict(known)))

    async def _keep(self, kind: str, attempt: str, document: dict[str, Any]) -> None:
        try:
            await self._store.put(kind, attempt, document, ATTEMPT_S)
        except StoreGone as gone:
            log.warning("! only this process knows", what=kind, call=call_of(attempt), why=str(gone))

    async def _known(self, attempt: str) -> Attempt | None:
        if attempt in self._attempts:
            return self._attempts[attempt]
        document = await self._kept(ATTEMPT, attempt)
        return None if document is None else Attempt(**document)

    async def _accepted(self, attempt: str, known: Attempt) -> int | None:
        """When the person took the call, whichever process was told of the key; None where they have not."""
        if known.accepted_ms is None and (kept := await self._kept(ACCEPTED, attempt)) is not None:
            known.accepted_ms = int(kept["at_ms"])
        return known.accepted_ms

    async def _of_call(self, call_sid: str, attempt: str) -> tuple[CallFacts | None, str]:
        """Who left a message, and what about."""
        entry = self._registry.get(call_sid)
        if entry is not None and entry.facts is not None:
            onward = entry.outside
            about = onward.about.get("about", "") if onward is not None and onward.attempt == attempt else ""
            return entry.facts, about
        snapshot = await self._kept(SNAPSHOT, call_sid)
        if snapshot is None:
            return None, ""
        onward_kept = snapshot.get("onward") or {}
        return CallFacts(**snapshot["facts"]), str(onward_kept.get("about", {}).get("about", ""))

    async def _kept(self, kind: str, name: str) -> dict[str, Any] | None:
        try:
            return await self._store.get(kind, name)
        except StoreGone:
            return None

    def _word(self, key: str, kind: Kind, call_sid: str, facts: CallFacts | None, **more: Any) -> Word:
        known = {} if facts is None else {"caller": facts.caller, "called": facts.called, "agent": facts.agent}
        given = {name: value for name, value in more.items() if value}
        return Word(key, kind, call_sid, self._wall_ms(), **(known | given))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="people")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
