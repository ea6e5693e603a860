"""Verbs that bring in somebody else: <Dial>, <Refer>. Who is there, and what they do, is scripted. (twilio.md 1.6)"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from app.simulator.callscript import ScriptError
from app.simulator.twilio.conference import attend
from app.simulator.twilio.legs import Leg, Star, name_of, together, until_any
from app.simulator.twilio.people import person_of
from app.simulator.twilio.queues import enqueue, serve_queue
from app.simulator.twilio.recording import Recording
from app.simulator.twilio.tones import ringing
from app.simulator.twilio.twiml import Verb
from app.simulator.twilio.verbs import VERBS, Goto, Outcome, number
from app.simulator.twilio.voicemail import record

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

DIALLABLE = re.compile(r"\+?[0-9][0-9*#() .-]{1,30}")
SIP = re.compile(r"sips?:[^\s@;]+@[^\s@]+", re.IGNORECASE)
DEFAULT_LIMIT_S = 14_400
NOBODY = {"DialCallStatus": "failed", "DialBridged": "false"}


async def dial(call: "Call", verb: Verb) -> Outcome:
    action, method = call.absolute(verb.get("action")), verb.get("method", "POST")
    targets = list(verb.children) or ([Verb("Number", text=verb.text)] if verb.text else [])
    fields = await _dial(call, verb, targets)
    call.journal.note("dialled", targets=[name_of(target) for target in targets], outcome=fields)
    return Goto(action, method, fields) if "action" in verb.attributes else None


async def _dial(call: "Call", verb: Verb, targets: Sequence[Verb]) -> dict[str, str]:
    """Returns the fields of the action."""
    wrong = _wrong(call, verb, targets)
    if wrong:
        call.journal.warn(*wrong)
        return NOBODY
    if targets[0].name == "Conference":
        return await attend(call, verb, targets[0])
    if targets[0].name == "Queue":
        return await serve_queue(call, verb, targets[0])
    # All at once; one after the other when asked so.
    rounds = [[target] for target in targets] if verb.get("sequential") == "true" else [targets]
    fields = NOBODY
    for nouns in rounds:
        fields = await _ring_round(call, verb, nouns)
        if fields["DialBridged"] == "true":
            break
    return fields


async def _leg(call: "Call", verb: Verb, noun: Verb) -> Leg:
    outcome = call.plant.outcome(name_of(noun))
    return Leg(call, verb, noun, outcome, await person_of(call.plant, outcome))


def _wrong(call: "Call", verb: Verb, targets: Sequence[Verb]) -> tuple[int, str] | None:
    if not targets:
        return (13224, "<Dial> names nobody to dial")
    if len(targets) > 1 and any(target.name in ("Conference", "Queue") for target in targets):
        return (12200, "<Dial> takes one <Conference> or one <Queue>, and nothing beside it")
    for target in targets:
        if target.name == "Number" and not DIALLABLE.fullmatch(target.text):
            return (13224, f"<Dial> cannot dial {target.text:.40}")
        if target.name == "Sip" and not SIP.fullmatch(target.text):
            return (13224, f"<Dial> cannot reach {target.text:.40}; write it as sip:name@host")
    caller_id = verb.get("callerId")
    allowed = call.plant.own_numbers | {call.party.caller, call.party.called}
    numbers = any(target.name == "Number" for target in targets)
    if numbers and caller_id and caller_id not in allowed:
        return (13214, f"callerId {caller_id:.40} is neither a number of this call nor one you own")
    return None


async def _ring_round(call: "Call", verb: Verb, nouns: Sequence[Verb]) -> dict[str, str]:
    """Ring all of these; the first that can be joined has the call."""
    try:
        legs = [await _leg(call, verb, noun) for noun in nouns]
    except ScriptError as error:
        call.journal.warn(13224, f"the person who is dialled: {error}")
        return NOBODY
    try:
        chosen = await _first_ready(call, legs)
        if chosen is not None:
            return await _converse(call, verb, chosen, [leg for leg in legs if leg is not chosen])
        await legs[-1].hang_up("not joined")
        return legs[-1].fields(bridged=False)
    finally:
        for leg in legs:  # whatever came: the caller hung up, REST sent the call elsewhere
            if not leg.redirected:
                leg.call.end("completed" if leg.call.answered else "canceled", "the other leg ended")


async def _first_ready(call: "Call", legs: Sequence[Leg]) -> Leg | None:
    async with _ringing(call):
        for leg in legs:
            leg.begin()
        waiting = {leg.ready: leg for leg in legs}
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            decided = [(waiting.pop(future), future.result()) for future in done]
            for leg, ready in decided:
                if ready:
                    return leg
    return None


@contextlib.asynccontextmanager
async def _ringing(call: "Call") -> AsyncIterator[None]:
    """What the caller hears meanwhile."""
    tone = asyncio.create_task(call.play_for_ever(ringing())) if call.answered else None
    try:
        yield
    finally:
        if tone is not None:
            tone.cancel()
            await asyncio.wait({tone})
            call.hush()


async def _converse(call: "Call", verb: Verb, leg: Leg, others: Sequence[Leg]) -> dict[str, str]:
    for other in others:
        await other.hang_up("answered elsewhere")
    call.answer()
    recording = _recorded(call, verb)
    star = Star()
    if verb.get("hangupOnStar") == "true":
        call.handset.listeners.append(star)
    call.journal.note("bridged", target=leg.name)
    try:
        with together(call, leg.call):
            limit = call.plant.ticker.real_seconds(number(verb, "timeLimit", DEFAULT_LIMIT_S) * 1000)
            await until_any(leg.left, star.pressed, seconds=limit)
    finally:
        if star in call.handset.listeners:
            call.handset.listeners.remove(star)
        if recording is not None:
            call.recordings.stop(recording)
    await leg.hang_up("the other leg left")
    return leg.fields(bridged=True) | (call.recordings.fields(recording) if recording is not None else {})


def _recorded(call: "Call", verb: Verb) -> Recording | None:
    wish = verb.get("record", "do-not-record")
    if not wish.startswith("record-from-"):
        return None
    channels, trim = (2 if wish.endswith("-dual") else 1), verb.get("trim") == "trim-silence"
    return call.recordings.start("DialVerb", channels, verb, verb.get("recordingTrack", "both"), trim)


async def refer(call: "Call", verb: Verb) -> Outcome:
    targets = verb.named("Sip")
    fields = {"ReferCallStatus": "failed"}
    if call.party.caller.startswith("sip:") and targets:
        outcome = call.plant.outcome(targets[0].text)
        await call.sleep(outcome.ring_ms)
        if outcome.status == "completed":
            fields = {
                "ReferCallStatus": "completed",
                "ReferSipResponseCode": "202",
                "NotifySipResponseCode": "200",
            }
    else:
        call.journal.warn(12200, "<Refer> works only for calls that came in by SIP", level="error")
    if "action" in verb.attributes:
        return Goto(call.absolute(verb.get("action")), verb.get("method", "POST"), fields)
    return None


ALL_VERBS = VERBS | {"Dial": dial, "Enqueue": enqueue, "Refer": refer, "Record": record}
