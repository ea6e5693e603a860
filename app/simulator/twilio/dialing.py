"""Verbs that bring in somebody else: <Dial>, <Enqueue>, <Refer>. Who answers, and how, is scripted. (twilio.md 1.6)"""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.simulator.twilio.callbacks import progress_fields
from app.simulator.twilio.identity import Party, sid
from app.simulator.twilio.plant import DialOutcome
from app.simulator.twilio.twiml import Verb
from app.simulator.twilio.verbs import VERBS, End, Goto, Left, Outcome, number

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

DIALLABLE = re.compile(r"\+?[0-9][0-9*#() .-]{1,30}")
DEFAULT_RING_S = 30
QUEUE_ENDS = frozenset({"bridged", "queue-full", "system-error", "error", "redirected"})
PROGRESS = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress", "completed": "completed"}


async def dial(call: "Call", verb: Verb) -> Outcome:
    targets = list(verb.children) or ([Verb("Number", text=verb.text)] if verb.text else [])
    fields = await _dial_all(call, verb, targets)
    call.journal.note("dialled", targets=[name_of(target) for target in targets], outcome=fields)
    if "action" in verb.attributes:
        return Goto(call.absolute(verb.get("action")), verb.get("method", "POST"), fields)
    return None


def name_of(target: Verb) -> str:
    identity = target.named("Identity")
    return identity[0].text if identity else target.text


async def _dial_all(call: "Call", verb: Verb, targets: Sequence[Verb]) -> dict[str, str]:
    """Ring all targets; the first that answers has the call. Returns the fields of the action."""
    fields = {"DialCallStatus": "failed", "DialBridged": "false"}
    wrong = _wrong(call, verb, targets)
    if wrong:
        call.journal.warn(*wrong)
        return fields
    for target in targets:
        if target.name == "Conference":
            return await _join(call, call.plant.outcome(target.text))
        fields = await _ring(call, verb, target)
        if fields["DialCallStatus"] == "completed":
            break
    return fields


def _wrong(call: "Call", verb: Verb, targets: Sequence[Verb]) -> tuple[int, str] | None:
    if not targets:
        return (13224, "<Dial> names nobody to dial")
    numbers = [target.text for target in targets if target.name == "Number"]
    bad = [text for text in numbers if not DIALLABLE.fullmatch(text)]
    if bad:
        return (13224, f"<Dial> cannot dial {bad[0]:.40}")
    caller_id = verb.get("callerId")
    allowed = call.plant.own_numbers | {call.party.caller, call.party.called}
    if numbers and caller_id and caller_id not in allowed:
        return (13214, f"callerId {caller_id:.40} is neither a number of this call nor one you own")
    return None


async def _join(call: "Call", outcome: DialOutcome) -> dict[str, str]:
    await call.sleep(outcome.talk_ms)
    return {"DialCallStatus": "answered" if outcome.status == "completed" else outcome.status, "DialBridged": "true"}


async def _ring(call: "Call", verb: Verb, target: Verb) -> dict[str, str]:
    name = name_of(target)
    outcome = call.plant.outcome(name)
    child = Party(
        call.party.account,
        sid("CA", call.plant.rng),
        verb.get("callerId") or call.party.caller,
        name,
        "outbound-dial",
        call.party.call_sid,
    )
    leg = Progress(call, child, target)
    leg.report("initiated", "initiated")
    leg.report("ringing", "ringing")
    limit = number(verb, "timeout", DEFAULT_RING_S) * 1000
    await call.sleep(min(outcome.ring_ms, limit))
    status = outcome.status if outcome.ring_ms <= limit else "no-answer"
    if status != "completed":
        leg.report("completed", status)
        return {"DialCallStatus": status, "DialCallSid": child.call_sid, "DialBridged": "false"}
    leg.report("answered", "in-progress")
    began = call.plant.ticker.now_ms()
    bridged = await _screen(call, child, target, outcome)
    if bridged:
        call.journal.note("bridged", target=name)
        await call.sleep(outcome.talk_ms)
    seconds = round((call.plant.ticker.now_ms() - began) / 1000)
    leg.report("completed", "completed", seconds)
    # A callee who declines after answering leaves "completed" too: DialBridged alone tells.
    return {
        "DialCallStatus": "completed",
        "DialCallSid": child.call_sid,
        "DialCallDuration": str(seconds),
        "DialBridged": str(bridged).lower(),
    }


async def _screen(call: "Call", child: Party, target: Verb, outcome: DialOutcome) -> bool:
    """Run the whisper on the callee's leg; True when it ran to its end, so that the legs are joined."""
    url = target.get("url")
    return not url or await call.whisper(child, Goto(call.absolute(url), target.get("method", "POST")), outcome.presses)


class Progress:
    """Reports a child leg to the noun's statusCallback, for the events it asked for (`completed` unless said)."""

    def __init__(self, call: "Call", child: Party, target: Verb) -> None:
        self._call = call
        self._child = child
        self._target = target
        self._wanted = target.get("statusCallbackEvent", "completed").split()
        self._sequence = 0

    def report(self, event: str, status: str, seconds: int | None = None) -> None:
        if event == "completed" and seconds is None:
            seconds = 0
        fields = self._child.fields(status) | progress_fields(self._sequence, status, seconds)
        self._sequence += 1
        if event in self._wanted:
            url = self._call.absolute(self._target.get("statusCallback")) if self._target.get("statusCallback") else ""
            self._call.callbacks.post("leg status", url, self._target.get("statusCallbackMethod"), fields)


async def enqueue(call: "Call", verb: Verb) -> Outcome:
    name = verb.get("workflowSid") or verb.text
    for task in verb.named("Task"):
        _check_task(call, task)
    outcome = call.plant.outcome(name)
    queue = {"QueueSid": sid("QU", call.plant.rng)}
    began = call.plant.ticker.now_ms()
    left = await _wait_in_queue(call, verb, queue, outcome.ring_ms)
    if isinstance(left, End):
        return left
    result = "leave" if isinstance(left, Left) else (outcome.status if outcome.status in QUEUE_ENDS else "bridged")
    if result == "bridged":
        await call.sleep(outcome.talk_ms)
    seconds = round((call.plant.ticker.now_ms() - began) / 1000)
    fields = queue | {"QueueResult": result, "QueueTime": str(seconds)}
    call.journal.note("queued", queue=name, outcome=fields)
    if "action" in verb.attributes:
        return Goto(call.absolute(verb.get("action")), verb.get("method", "POST"), fields)
    return None


def _check_task(call: "Call", task: Verb) -> None:
    try:
        attributes = json.loads(task.text or "{}")
    except ValueError:
        call.journal.warn(12200, "<Task> does not hold JSON; no task was made", level="error")
        return
    call.journal.note("task", attributes=attributes)


async def _wait_in_queue(call: "Call", verb: Verb, queue: dict[str, str], wait_ms: int) -> Outcome:
    """Play the waitUrl again and again for `wait_ms`. Returns Left or End when its document says so."""
    url = verb.get("waitUrl")
    if not url:
        await call.sleep(wait_ms)
        return None
    extra = queue | {"QueuePosition": "1", "QueueTime": "0", "AvgQueueTime": "0", "CurrentQueueSize": "1"}
    goto = Goto(call.absolute(url), verb.get("waitUrlMethod", "POST"), extra)
    waiting = asyncio.create_task(call.perform_again_and_again(goto))
    try:
        done, _ = await asyncio.wait({waiting}, timeout=call.plant.ticker.real_seconds(wait_ms))
        return waiting.result() if done else None
    finally:
        waiting.cancel()
        await asyncio.wait({waiting})
        call.hush()


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


ALL_VERBS = VERBS | {"Dial": dial, "Enqueue": enqueue, "Refer": refer}
