"""<Enqueue> and <Dial><Queue>: callers who wait for somebody, and tasks for TaskRouter. (twilio.md 3.3, 6.1)

Who serves a queue is scripted by its name, or a workflow's sid, among the outcomes; a queue of which nothing is
scripted waits for a call that dials it, or for REST.
"""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.simulator.twilio.identity import Account, sid
from app.simulator.twilio.legs import Leg, together, until_any
from app.simulator.twilio.people import for_ever, person_of
from app.simulator.twilio.twiml import Verb
from app.simulator.twilio.verbs import End, Goto, Outcome, number
from app.simulator.twilio.waiting import CONFERENCE_VERBS, QUEUE_VERBS, entertained

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call
    from app.simulator.twilio.plant import Plant

MOST_WAITING = 1000
LONGEST_NAME = 64
QUEUE_ENDS = frozenset({"queue-full", "system-error", "error", "redirected"})
DEFAULT_RING_S = 30


@dataclass(slots=True, eq=False)
class Member:
    """A call that waits."""

    call: "Call"
    since_ms: int
    queued_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    taken: "asyncio.Future[Taken]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(slots=True, eq=False)
class Taken:
    """Somebody takes the caller out of the queue: who, and what the caller hears first."""

    agent: "Call"
    url: str = ""
    method: str = "POST"
    leg: Leg | None = None  # of a scripted agent
    bridged: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)  # one of the two has left


@dataclass(slots=True, eq=False)
class Task:
    """What TaskRouter was given."""

    sid: str
    workflow_sid: str
    call_sid: str
    attributes: dict[str, object]
    priority: int = 0
    timeout_s: int = 86_400
    status: str = "pending"  # assigned, completed, canceled


class Queue:
    def __init__(self, plant: "Plant", account: Account, name: str, most: int = MOST_WAITING) -> None:
        self.sid = sid("QU", plant.rng)
        self.account = account
        self.name = name
        self.most = most
        self.created = datetime.now(UTC)
        self.members: list[Member] = []
        self.came = asyncio.Event()
        self._plant = plant
        self._waits_ms: list[int] = []  # of those who have left

    def add(self, member: Member) -> None:
        self.members.append(member)
        self.came.set()

    def remove(self, member: Member) -> None:
        if member in self.members:
            self.members.remove(member)
            self._waits_ms.append(self.waited_ms(member))

    def waited_ms(self, member: Member) -> int:
        return self._plant.ticker.now_ms() - member.since_ms

    @property
    def average_s(self) -> int:
        return round(sum(self._waits_ms) / len(self._waits_ms) / 1000) if self._waits_ms else 0

    def fields(self, member: Member) -> dict[str, str]:
        """What a wait's document is told."""
        return {
            "QueueSid": self.sid,
            "QueuePosition": str(self.members.index(member) + 1 if member in self.members else 1),
            "QueueTime": str(self.waited_ms(member) // 1000),
            "AvgQueueTime": str(self.average_s),
            "CurrentQueueSize": str(len(self.members)),
            "MaxQueueSize": str(self.most),
        }


def queue_named(plant: "Plant", account: Account, name: str, most: int = MOST_WAITING) -> Queue:
    """The queue, made when there is none."""
    key = f"{account.sid}/{name}"
    if key not in plant.queues:
        plant.queues[key] = Queue(plant, account, name, most)
    return plant.queues[key]


async def enqueue(call: "Call", verb: Verb) -> Outcome:
    workflow, name = verb.get("workflowSid"), verb.get("workflowSid") or verb.text
    action, method = call.absolute(verb.get("action")), verb.get("method", "POST")
    if not name or len(name) > LONGEST_NAME:
        call.journal.warn(12200, "<Enqueue> needs a name of 1 to 64 characters, or workflowSid", level="error")
        return None
    queue = queue_named(call.plant, call.party.account, name, number(verb, "maxQueueSize", MOST_WAITING))
    member = Member(call, call.plant.ticker.now_ms())
    task = _task(call, verb) if workflow else None
    result = "system-error" if workflow and task is None else await _stay(call, verb, queue, member, task)
    if isinstance(result, End):
        return result
    fields = {"QueueSid": queue.sid, "QueueResult": result, "QueueTime": str(queue.waited_ms(member) // 1000)}
    call.journal.note("queued", queue=name, outcome=fields)
    return Goto(action, method, fields) if "action" in verb.attributes else None


def _task(call: "Call", verb: Verb) -> Task | None:
    """What TaskRouter gets; None, and an error, for attributes that are no JSON object."""
    nouns = verb.named("Task") or [Verb("Task", text="{}")]
    try:
        attributes = json.loads(nouns[0].text or "{}")
        if not isinstance(attributes, dict):
            raise ValueError
    except ValueError:
        call.journal.warn(12200, "<Task> does not hold a JSON object; no task was made", level="error")
        return None
    call.journal.note("task", attributes=attributes)
    known: dict[str, object] = {"call_sid": call.party.call_sid, "from": call.party.caller, "to": call.party.called}
    task = Task(sid("WT", call.plant.rng), verb.get("workflowSid"), call.party.call_sid, known | attributes)
    task.priority, task.timeout_s = number(nouns[0], "priority", 0), number(nouns[0], "timeout", task.timeout_s)
    call.plant.tasks.append(task)
    return task


async def _stay(call: "Call", verb: Verb, queue: Queue, member: Member, task: Task | None) -> "str | End":
    """Wait, and be served; returns the QueueResult, or End when the wait's document hangs up."""
    if len(queue.members) >= queue.most:
        return "queue-full"
    queue.add(member)
    bridged = False
    try:
        left = await _wait(call, verb, queue, member, task)
        if isinstance(left, End | str):
            return left
        queue.remove(member)
        bridged = True
        if task is not None:
            task.status = "assigned"
        await _be_served(call, left, queue, member)
        return "bridged"
    except asyncio.CancelledError:
        ended = "redirected-from-bridged" if bridged else "redirected"
        _tell_cancelled(call, verb, queue, member, ended if call.turning else ("bridged" if bridged else "hangup"))
        raise
    finally:
        queue.remove(member)
        if task is not None:
            task.status = "completed" if bridged else "canceled"


def _tell_cancelled(call: "Call", verb: Verb, queue: Queue, member: Member, result: str) -> None:
    """The action is told also when its answer is useless: the caller hung up, or was sent elsewhere by REST."""
    if "action" in verb.attributes:
        fields = {"QueueSid": queue.sid, "QueueResult": result, "QueueTime": str(queue.waited_ms(member) // 1000)}
        call.tell("queue action", call.absolute(verb.get("action")), verb.get("method"), fields)


async def _wait(call: "Call", verb: Verb, queue: Queue, member: Member, task: Task | None) -> "Taken | End | str":
    """Until somebody takes the caller, the wait's document leaves, or what is scripted comes to pass."""
    scripted = asyncio.create_task(_scripted(call, verb, queue, task))
    url = verb.get("waitUrl")
    wait = None if "waitUrl" not in verb.attributes else (call.absolute(url) if url else "")
    try:
        method = verb.get("waitUrlMethod", "POST")
        async with entertained(call, wait, method, lambda: queue.fields(member), QUEUE_VERBS) as music:
            deciding: set[asyncio.Future[Any]] = {music, member.taken, scripted}
            await asyncio.wait(deciding, return_when=asyncio.FIRST_COMPLETED)
            if member.taken.done():
                return member.taken.result()
            if scripted.done():
                return scripted.result()
            outcome = music.result()
            return outcome if isinstance(outcome, End) else "leave"
    finally:
        scripted.cancel()
        await asyncio.wait({scripted})


async def _scripted(call: "Call", verb: Verb, queue: Queue, task: Task | None) -> "Taken | str":
    """What is scripted of the queue: its result, or somebody who takes the caller. Else nothing, for ever."""
    if task is None and queue.name not in call.plant.outcomes:
        await for_ever()
    outcome = call.plant.outcome(queue.name)
    await call.sleep(outcome.ring_ms)
    if outcome.status in QUEUE_ENDS:
        return outcome.status
    if outcome.status not in ("completed", "bridged"):
        await for_ever()  # nobody is free
    person = await person_of(call.plant, outcome)
    leg = Leg(call, Verb("Dial"), Verb("Client", text=f"client:{queue.name}"), replace(outcome, ring_ms=0), person)
    leg.begin()
    await leg.ready
    return Taken(leg.call, leg=leg)


async def _be_served(call: "Call", taken: Taken, queue: Queue, member: Member) -> None:
    """Hear what is to be heard first, then talk, until one of the two leaves."""
    try:
        if taken.url:
            extra = {
                "QueueSid": queue.sid,
                "QueueTime": str(queue.waited_ms(member) // 1000),
                "DequeingCallSid": taken.agent.party.call_sid,
            }
            await call.documents.perform(Goto(taken.url, taken.method, extra), CONFERENCE_VERBS)
        call.journal.note("bridged", target=queue.name)
        with together(call, taken.agent):
            left = [taken.leg.left] if taken.leg is not None else []
            taken.bridged = True
            await until_any(taken.over, *left)
    finally:
        taken.over.set()
        if taken.leg is not None:
            taken.leg.call.end("completed", "the caller left")


async def serve_queue(call: "Call", verb: Verb, noun: Verb) -> dict[str, str]:
    """<Dial><Queue>: take who waits longest, or wait for somebody. Returns the fields of the action."""
    queue = call.plant.queues.get(f"{call.party.account.sid}/{noun.text}")
    if queue is None:
        call.journal.warn(12200, f"<Queue> {noun.text:.40} does not exist", level="error")
        return {"DialCallStatus": "failed", "DialBridged": "false"}
    seconds = call.plant.ticker.real_seconds(number(verb, "timeout", DEFAULT_RING_S) * 1000)
    member = await _next_member(queue, seconds)
    if member is None:
        return {"DialCallStatus": "no-answer", "DialBridged": "false", "QueueSid": queue.sid}
    url = call.absolute(noun.get("url")) if noun.get("url") else ""
    taken = Taken(call, url, noun.get("method", "POST"))
    waited = queue.waited_ms(member)
    began = call.plant.ticker.now_ms()
    member.taken.set_result(taken)
    queue.remove(member)
    try:
        await taken.over.wait()
    finally:
        taken.over.set()
    return {
        "DialCallStatus": "completed",
        "DialCallSid": member.call.party.call_sid,
        "DialCallDuration": str(round((call.plant.ticker.now_ms() - began) / 1000)),
        "DialBridged": str(taken.bridged).lower(),
        "QueueSid": queue.sid,
        "QueueTime": str(waited // 1000),
        "DequeuedCallSid": member.call.party.call_sid,
    }


async def _next_member(queue: Queue, seconds: float) -> Member | None:
    """The member that has waited longest, now or when one comes within that time."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                for member in queue.members:
                    if not member.taken.done():
                        return member
                queue.came.clear()
                await queue.came.wait()
    except TimeoutError:
        return None
