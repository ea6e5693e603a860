"""Queues: waiting, being served by a call that dials the queue, by REST, by a script; tasks for TaskRouter."""

import asyncio

import httpx

from app.simulator.twilio.call import Call
from tests.simulator.twilio.ears import heard_ms
from tests.simulator.twilio.office import OURS, Office
from tests.simulator.twilio.test_conference import callee, until

AGENT = "+15035550101"


async def waiting(office: Office, attributes: str = "", inside: str = "support") -> Call:
    """A caller who waits."""
    office.bot.page("/wait", "<Say>you are in the queue</Say>")
    office.bot.page("/done", "<Say>back again</Say>")
    caller = await office.caller(f'<Enqueue action="/done" waitUrl="/wait" {attributes}>{inside}</Enqueue>')
    await until(lambda: office.bot.of("/wait"))
    return caller


async def test_an_agent_dials_the_queue_and_the_caller_is_told_first(office: Office) -> None:
    bot = office.bot
    bot.page("/soon", "<Say>you will be connected now</Say>")
    bot.page("/served", "<Hangup/>")
    caller = await waiting(office)
    agent = await callee(
        office,
        AGENT,
        700,
        '<Dial action="{}"><Queue url="{}">support</Queue></Dial>'.format(bot.url("/served"), bot.url("/soon")),
        talk_ms=2000,
    )
    await office.over(agent.party.call_sid)
    await office.over(caller.party.call_sid)
    told = bot.of("/soon")[0].fields
    assert (told["CallSid"], told["DequeingCallSid"]) == (caller.party.call_sid, agent.party.call_sid)
    assert heard_ms(bytes(caller.handset.heard), 700) > 1000
    done = bot.of("/done")[0].fields
    assert done["QueueResult"] == "bridged" and done["QueueSid"] == told["QueueSid"]
    assert caller.verbs[-1] == "Say"


async def test_the_first_in_the_queue_is_sent_elsewhere_by_rest(office: Office) -> None:
    bot = office.bot
    bot.page("/elsewhere", "<Say>hello again</Say>")
    caller = await waiting(office)
    (queue,) = await office.ask(lambda c: c.queues.list())
    assert (queue.friendly_name, queue.current_size, queue.max_size) == ("support", 1, 1000)
    members = office.client().queues(queue.sid).members
    (member,) = await asyncio.to_thread(members.list)
    assert (member.call_sid, member.position) == (caller.party.call_sid, 1)
    assert (await asyncio.to_thread(members("Front").update, url=bot.url("/elsewhere"))).call_sid == member.call_sid
    await office.over(caller.party.call_sid)
    assert bot.of("/elsewhere") and bot.of("/done")[0].fields["QueueResult"] == "redirected"
    assert caller.verbs[-1] == "Say"
    assert await office.refused(lambda c: c.queues(queue.sid).members("Front").fetch()) == (404, 20404)


async def test_a_caller_who_hangs_up_in_the_queue_is_told_of(office: Office) -> None:
    caller = await waiting(office)
    caller.end("completed", "the caller hung up")
    await office.over(caller.party.call_sid)
    assert office.bot.of("/done")[0].fields["QueueResult"] == "hangup"
    assert not next(iter(office.exchange.plant.queues.values())).members


async def test_a_full_queue_takes_nobody(office: Office) -> None:
    await office.ask(lambda c: c.queues.create(friendly_name="support", max_size=1))
    await waiting(office)
    second = await office.caller('<Enqueue action="/done">support</Enqueue>')
    await office.over(second.party.call_sid)
    assert office.bot.of("/done")[0].fields["QueueResult"] == "queue-full"


async def test_an_agent_finds_no_queue_or_nobody_in_it(office: Office) -> None:
    bot = office.bot
    bot.page("/served", "<Hangup/>")
    await office.ask(lambda c: c.queues.create(friendly_name="empty"))
    for name in ("none", "empty"):
        twiml = f'<Dial timeout="2" action="{bot.url("/served")}"><Queue>{name}</Queue></Dial>'
        agent = await callee(office, AGENT, 0, twiml)
        await office.over(agent.party.call_sid)
    assert [asked.fields["DialCallStatus"] for asked in bot.of("/served")] == ["failed", "no-answer"]


async def test_a_workflow_gets_a_task_and_somebody_takes_the_call(office: Office) -> None:
    office.reach("WW1", ring_ms=1500, talk_ms=1500, hum_hz=700)
    task = '<Task priority="5">{"reason": "broken bicycle"}</Task>'
    caller = await waiting(office, 'workflowSid="WW1"', task)
    await office.over(caller.party.call_sid)
    assert heard_ms(bytes(caller.handset.heard), 700) > 1000
    async with httpx.AsyncClient() as http:
        (made,) = (await http.get(f"{office.url}/simulator/tasks")).json()["tasks"]
    assert (made["workflow_sid"], made["priority"], made["status"]) == ("WW1", 5, "completed")
    assert made["attributes"]["reason"] == "broken bicycle" and made["attributes"]["to"] == OURS
    assert office.bot.of("/done")[0].fields["QueueResult"] == "bridged"


async def test_a_task_that_is_no_json_object_is_an_error(office: Office) -> None:
    office.bot.page("/done", "<Hangup/>")
    caller = await office.caller('<Enqueue action="/done" workflowSid="WW1"><Task>nonsense</Task></Enqueue>')
    await office.over(caller.party.call_sid)
    assert office.bot.of("/done")[0].fields["QueueResult"] == "system-error"
    assert [str(notice.code) for notice in caller.journal.notices] == ["12200"]
    assert not office.exchange.plant.tasks
