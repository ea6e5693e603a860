"""Conferences: who hears whom and when, what the callback is told, and REST through Twilio's own client."""

import asyncio
from typing import Any

from app.simulator.twilio.call import Call
from app.simulator.twilio.conference import Conference
from tests.simulator.twilio.ears import heard_ms, windows
from tests.simulator.twilio.office import OURS, THEIRS, Office

ANNA, BERT = "+15035550101", "+15035550102"
EVENTS = "start end join leave mute hold announcement"
HOLD_HZ = 392


def into(inside: str = "", action: str = "", **attributes: str) -> str:
    written = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f"<Dial{action}><Conference {written}>room</Conference></Dial>{inside}"


async def callee(office: Office, number: str, hz: int, twiml: str, **outcome: Any) -> Call:
    """Somebody who is called by REST and put into the room."""
    office.reach(number, **({"ring_ms": 100, "hum_hz": hz, "talk_ms": None} | outcome))
    made = await office.ask(lambda c: c.calls.create(to=number, from_=OURS, twiml=f"<Response>{twiml}</Response>"))
    return office.exchange.plant.calls[made.sid]


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def room_of(office: Office, people: int) -> Conference:
    await until(lambda: office.exchange.plant.conferences)
    room = office.exchange.plant.conferences[-1]
    await until(lambda: len(room.participants) == people)
    return room


async def rest(office: Office, ms: int) -> None:
    await office.exchange.plant.ticker.sleep(ms)


async def test_who_is_alone_hears_music_and_two_hear_one_another(office: Office) -> None:
    caller = await office.caller(into(beep="false"))
    await room_of(office, 1)
    await rest(office, 3500)
    anna = await callee(office, ANNA, 1100, into(beep="false"), talk_ms=2000)
    await office.over(anna.party.call_sid)
    caller.end("completed", "enough")
    await caller.over.wait()
    heard = bytes(caller.handset.heard)
    assert windows(heard, HOLD_HZ) and max(windows(heard, HOLD_HZ)) < min(windows(heard, 1100))
    assert 1500 <= heard_ms(heard, 1100) <= 2200


async def test_three_hear_one_another_and_a_muted_one_is_not_heard(office: Office) -> None:
    anna = await callee(office, ANNA, 700, into(beep="false"))
    bert = await callee(office, BERT, 1100, into(beep="false", muted="true"))
    caller = await office.caller(into(beep="false"))
    await room_of(office, 3)
    await rest(office, 2000)
    for call in (anna, bert, caller):
        call.end("completed", "enough")
        await call.over.wait()
    heard = {call.party.called: bytes(call.handset.heard) for call in (anna, bert, caller)}
    assert heard_ms(heard[OURS], 700) > 1500 and heard_ms(heard[BERT], 700) > 1500
    assert not heard_ms(heard[OURS], 1100) and not heard_ms(heard[ANNA], 1100)


async def test_who_may_not_start_it_waits_for_somebody_who_may(office: Office) -> None:
    anna = await callee(office, ANNA, 700, into(startConferenceOnEnter="false"))
    bert = await callee(office, BERT, 1100, into(startConferenceOnEnter="false"))
    room = await room_of(office, 2)
    await rest(office, 500)
    assert room.status == "init"
    assert not heard_ms(bytes(anna.handset.heard), 1100) and not heard_ms(bytes(bert.handset.heard), 700)
    await office.caller(into())
    await room_of(office, 3)
    assert room.status == "in-progress"


async def test_the_callback_is_told_who_comes_and_goes_and_why_it_ended(office: Office) -> None:
    bot = office.bot
    bot.page("/room", "")
    bot.page("/done", "<Say>goodbye</Say>")
    told = {"statusCallback": "/room", "statusCallbackEvent": EVENTS, "endConferenceOnExit": "true"}
    caller = await office.caller(into(action=' action="/done"', **told))
    await room_of(office, 1)
    anna = await callee(office, ANNA, 700, into("<Say>that was it</Say>"))
    await room_of(office, 2)
    await office.ask(lambda c: c.calls(caller.party.call_sid).update(status="completed"))
    await office.over(anna.party.call_sid)
    await caller.over.wait()
    await until(lambda: len(bot.of("/room")) == 6)
    fields = sorted((asked.fields for asked in bot.of("/room")), key=lambda f: int(f["SequenceNumber"]))
    assert [f["StatusCallbackEvent"] for f in fields] == [
        "participant-join",
        "participant-join",
        "conference-start",
        "participant-leave",
        "conference-end",
        "participant-leave",
    ]
    assert {f["FriendlyName"] for f in fields} == {"room"} and len({f["ConferenceSid"] for f in fields}) == 1
    assert fields[0]["EndConferenceOnExit"] == "true" and fields[0]["CallSid"] == caller.party.call_sid
    assert fields[4]["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-left"
    assert anna.verbs == ["Dial", "Say"]  # whoever is put out goes on with the next verb


async def test_the_wait_is_a_document_played_again_and_again(office: Office) -> None:
    office.bot.page("/wait", "<Say>one moment</Say><Gather/>")
    caller = await office.caller(into(waitUrl="/wait"))
    await until(lambda: len(office.bot.of("/wait")) > 2)
    assert caller.journal.notices[0].code == 12200  # <Gather> may not stand there
    anna = await callee(office, ANNA, 700, into())
    room = await room_of(office, 2)
    asked = len(office.bot.of("/wait"))
    await rest(office, 1500)
    assert len(office.bot.of("/wait")) <= asked + 1 and room.status == "in-progress"
    anna.end("completed", "enough")


async def test_a_beep_tells_that_somebody_came(office: Office) -> None:
    caller = await office.caller(into(waitUrl="", beep="onExit"))
    await room_of(office, 1)
    anna = await callee(office, ANNA, 0, into(waitUrl=""))
    await room_of(office, 2)
    await until(lambda: caller.handset.junction is not None)
    await callee(office, BERT, 0, into(waitUrl="", beep="onEnter"))
    await room_of(office, 3)
    await rest(office, 600)
    assert windows(bytes(caller.handset.heard), 1000) and windows(bytes(anna.handset.heard), 1000)


async def test_a_full_room_lets_nobody_in(office: Office) -> None:
    await office.caller(into(maxParticipants="2"))
    await callee(office, ANNA, 0, into(maxParticipants="2"))
    await room_of(office, 2)
    bert = await callee(office, BERT, 0, into(maxParticipants="2"))
    await office.over(bert.party.call_sid)
    assert [notice.code for notice in bert.journal.notices] == [13224]


# REST.


async def test_somebody_is_called_into_the_room_and_a_refusal_leaves_it_alone(office: Office) -> None:
    bot = office.bot
    bot.page("/leg", "")
    caller = await office.caller(into())
    room = await room_of(office, 1)
    office.reach(ANNA, ring_ms=200, talk_ms=None, hum_hz=700)
    people = office.client().conferences(room.sid).participants
    made = await asyncio.to_thread(people.create, to=ANNA, from_=OURS, label="anna", end_conference_on_exit=True)
    assert (made.status, made.label, made.conference_sid) == ("queued", "anna", room.sid)
    await room_of(office, 2)
    assert (await asyncio.to_thread(people("anna").fetch)).call_sid == made.call_sid
    assert len(await asyncio.to_thread(people.list)) == 2
    office.reach(BERT, status="busy", ring_ms=100)
    busy = await asyncio.to_thread(people.create, to=BERT, from_=OURS, status_callback=bot.url("/leg"))
    await office.over(busy.call_sid)
    assert bot.of("/leg")[0].fields["CallStatus"] == "busy" and len(room.participants) == 2
    await asyncio.to_thread(people("anna").delete)
    await office.over(caller.party.call_sid)  # her leaving ended the room
    assert room.status == "completed"
    assert await office.refused(lambda c: c.conferences(room.sid).participants("anna").fetch()) == (404, 20404)
    fetched = await office.ask(lambda c: c.conferences(room.sid).fetch())
    assert fetched.reason_conference_ended == "participant-with-end-conference-on-exit-left"


async def test_hold_and_mute_are_as_ordered_and_told(office: Office) -> None:
    bot = office.bot
    bot.page("/room", "")
    bot.page("/hold", "<Say>please hold</Say>")
    caller = await office.caller(into(beep="false", statusCallback="/room", statusCallbackEvent=EVENTS))
    await room_of(office, 1)
    anna = await callee(office, ANNA, 700, into(beep="false"))
    room = await room_of(office, 2)
    held = office.client().conferences(room.sid).participants(caller.party.call_sid)
    await rest(office, 800)
    assert (await asyncio.to_thread(held.update, hold=True, hold_url=bot.url("/hold"))).hold is True
    await until(lambda: bot.of("/hold"))
    began = len(caller.handset.heard)
    await rest(office, 1200)
    assert not heard_ms(bytes(caller.handset.heard)[began:], 700)
    await asyncio.to_thread(held.update, hold=False, muted=True)
    began = len(caller.handset.heard)
    await rest(office, 1500)
    assert heard_ms(bytes(caller.handset.heard)[began:], 700) > 800
    anna.end("completed", "enough")
    await until(lambda: any(a.fields["StatusCallbackEvent"] == "participant-leave" for a in bot.of("/room")))
    told = [asked.fields["StatusCallbackEvent"] for asked in bot.of("/room")]
    assert {"participant-hold", "participant-unhold", "participant-mute"} <= set(told)


async def test_an_announcement_is_heard_and_the_room_is_closed_by_rest(office: Office) -> None:
    bot = office.bot
    bot.page("/news", "<Play digits='5'/>")
    caller = await office.caller(into("<Say>after the room</Say>", beep="false"))
    await callee(office, ANNA, 700, into(beep="false"))
    room = await room_of(office, 2)
    ours = office.client().conferences("room")
    await asyncio.to_thread(ours.participants(caller.party.call_sid).update, announce_url=bot.url("/news"))
    await until(lambda: windows(bytes(caller.handset.heard), 1336))
    (listed,) = await office.ask(lambda c: c.conferences.list(status="in-progress"))
    closed = await office.ask(lambda c: c.conferences(listed.sid).update(status="completed"))
    assert (closed.sid, closed.status) == (room.sid, "completed")
    await office.over(caller.party.call_sid)
    assert caller.verbs[-1] == "Say"


async def test_a_coach_is_heard_by_one_alone(office: Office) -> None:
    caller = await office.caller(into(beep="false"))
    anna = await callee(office, ANNA, 700, into(beep="false"))
    room = await room_of(office, 2)
    office.reach(BERT, ring_ms=100, talk_ms=None, hum_hz=1100)
    wish = {"coaching": True, "call_sid_to_coach": anna.party.call_sid, "beep": "false"}
    await office.ask(lambda c: c.conferences(room.sid).participants.create(to=BERT, from_=OURS, **wish))
    await room_of(office, 3)
    await rest(office, 1500)
    assert heard_ms(bytes(anna.handset.heard), 1100) > 800 and not heard_ms(bytes(caller.handset.heard), 1100)


async def test_what_rest_refuses(office: Office) -> None:
    await office.caller(into())
    room = await room_of(office, 1)
    people = f"CF{'0' * 32}"
    create = {"to": THEIRS, "from_": OURS}
    assert await office.refused(lambda c: c.conferences(people).participants.create(**create)) == (404, 20404)
    assert await office.refused(lambda c: c.conferences(room.sid).participants("CAx").update(muted=True)) == (
        404,
        20404,
    )
    bad = await office.refused(lambda c: c.conferences(room.sid).participants.create(beep="loud", **create))
    assert bad == (400, 20001)
    strange = {"to": THEIRS, "from_": "+15035550000"}
    assert await office.refused(lambda c: c.conferences("room").participants.create(**strange)) == (400, 21210)
