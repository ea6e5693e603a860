"""What recordings hold: pauses as silence frame for frame, one track or both, voicemail of the caller alone."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest

from app.audio.tones import Samples, goertzel
from app.simulator.twilio.call import Call
from app.simulator.twilio.recording import Recording
from tests.simulator.twilio.bot import Bot, serving
from tests.simulator.twilio.calls import PATIENT, call
from tests.simulator.twilio.ears import heard_ms
from tests.simulator.twilio.office import ACCOUNT, ROOT, THEIRS, Office
from tests.simulator.twilio.test_conference import until

LOUD = b"\x00\x80"  # mu-law, a square wave at full scale


def samples(wav: bytes) -> tuple[list[Samples], int]:
    """The channels of a WAV, and its length in ms."""
    with wave.open(io.BytesIO(wav)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        channels = [pcm[i :: file.getnchannels()] for i in range(file.getnchannels())]
    return channels, len(channels[0]) // 8


def loud_ms(channel: Samples) -> list[int]:
    """The milliseconds in which something sounds."""
    return [i for i in range(len(channel) // 8) if np.abs(channel[8 * i : 8 * i + 8]).max() > 1000]


def recording(**more: object) -> Recording:
    return Recording("RE1", "test", 2, 0, **more)  # type: ignore[arg-type]


def test_a_pause_is_silence_frame_for_frame() -> None:
    kept = recording()
    kept.pause(1000, skip=False)
    kept.resume(1500)
    kept.complete(2000, LOUD * 8000, LOUD * 8000)
    (left, right), ms = samples(kept.audio)
    assert ms == kept.duration_ms == 2000
    expected = [*range(1000), *range(1500, 2000)]
    assert loud_ms(left) == loud_ms(right) == expected


def test_a_skipped_pause_is_left_out_and_one_that_never_ended_stays_silent() -> None:
    kept = recording()
    kept.pause(500, skip=True)
    kept.resume(1500)
    kept.pause(1800, skip=False)
    kept.complete(2000, LOUD * 8000, b"")
    (left, right), ms = samples(kept.audio)
    assert ms == 1000 and loud_ms(left) == list(range(800)) and not loud_ms(right)


def test_the_callers_track_alone_is_trimmed_to_its_sound() -> None:
    kept = Recording("RE1", "test", 1, 0, track="inbound", trim=True)
    kept.complete(3000, b"\xff" * 8000 + LOUD * 2000 + b"\xff" * 12_000, LOUD * 12_000)
    assert kept.duration_ms == 500 and kept.status == "completed"
    empty = Recording("RE1", "test", 1, 0, track="inbound", trim=True)
    empty.complete(3000, b"\xff" * 24_000, LOUD * 12_000)
    assert (empty.status, empty.duration_ms) == ("absent", 0)


async def recorded(office: Office, call: Call) -> tuple[list[Samples], int]:
    (kept,) = call.recordings.all
    answer = await office.wav(f"/Recordings/{kept.sid}.wav")
    assert answer.status_code == 200
    return samples(answer.content)


async def test_rest_pauses_silence_both_channels_and_the_length_stays(office: Office) -> None:
    office.reach(THEIRS, ring_ms=100, talk_ms=None, hum_hz=1000)
    caller = await office.caller(f"<Start><Recording channels='dual'/></Start><Dial>{THEIRS}</Dial>")
    await until(lambda: heard_ms(bytes(caller.handset.heard), 1000) >= 500)
    current = office.client().calls(caller.party.call_sid).recordings("Twilio.CURRENT")
    await asyncio.to_thread(current.update, status="paused")
    paused_at = len(caller.handset.heard)
    await until(lambda: len(caller.handset.heard) - paused_at > 8000)
    await asyncio.to_thread(current.update, status="in-progress")
    await until(lambda: len(caller.handset.heard) - paused_at > 16_000)
    caller.end("completed", "enough")
    await caller.over.wait()
    (_, heard), ms = await recorded(office, caller)
    (kept,) = caller.recordings.all
    ((begin, end, _),) = kept.pauses
    assert end is not None and ms == kept.duration_ms
    quiet = heard[8 * (begin - kept.began_ms) : 8 * (end - kept.began_ms)]
    after = heard[8 * (end - kept.began_ms) :]
    assert len(quiet) > 4000 and not np.abs(quiet).max() > 10
    assert goertzel(after, 1000) > -34


async def test_pausing_asks_for_a_known_behaviour_and_a_live_recording(office: Office) -> None:
    caller = await office.caller("<Start><Recording/></Start><Pause length='60'/>")
    await until(lambda: caller.recordings.all)
    (kept,) = caller.recordings.all
    ours = office.client().calls(caller.party.call_sid).recordings(kept.sid)

    async def refused(**wish: str) -> tuple[int, int]:
        return await office.refused(lambda c: ours.update(**wish))

    assert await refused(status="paused", pause_behavior="hum") == (400, 20001)
    assert await refused(status="asleep") == (400, 20001)
    await asyncio.to_thread(ours.update, status="stopped")
    assert await refused(status="paused") == (400, 21220)


async def test_a_recording_is_for_its_account_alone(office: Office) -> None:
    caller = await office.caller("<Start><Recording/></Start><Pause length='1'/>")
    await caller.over.wait()
    (kept,) = caller.recordings.all
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{office.url}{ROOT}/Recordings/{kept.sid}.wav")).status_code == 401
    assert ACCOUNT.token not in caller.recordings.fields(kept)["RecordingUrl"]


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with serving(Bot()) as running:
        yield running


async def test_a_message_holds_the_caller_and_ends_with_the_finishing_key(bot: Bot) -> None:
    bot.page("/voice", '<Record action="/recorded" finishOnKey="#" recordingStatusCallback="/rec"/>')
    bot.page("/recorded", "<Hangup/>")
    bot.page("/rec", "")
    script = f'wait for beep within 5s\nsay "please call me back"\nwait 300ms\npress 1 #\n{PATIENT}'
    result = await call(bot, script, audible=True)
    fields = bot.of("/recorded")[0].fields
    assert (fields["Digits"], fields["RecordingDuration"]) == ("#", "1") and result.passed
    (kept,) = result.recordings
    (mono,), ms = samples(kept.audio)
    assert 1200 <= ms <= 1500 and goertzel(mono, 500) > -26 and goertzel(mono, 1000) < -40  # no beep in it
    assert bot.of("/rec")[0].fields["RecordingTrack"] == "inbound"


async def test_nothing_said_is_absent_and_the_next_verb_follows(bot: Bot) -> None:
    told = 'recordingStatusCallback="/rec" recordingStatusCallbackEvent="completed absent"'
    bot.page("/voice", f'<Record action="/recorded" timeout="1" {told}/><Say>pity</Say>')
    bot.page("/recorded", "<Hangup/>")
    bot.page("/rec", "")
    result = await call(bot)
    assert result.verbs == ["Record", "Say"] and not bot.of("/recorded")
    assert bot.of("/rec")[0].fields["RecordingStatus"] == "absent"


async def test_a_message_is_cut_at_its_longest(bot: Bot) -> None:
    bot.page("/voice", '<Record action="/recorded" maxLength="2" playBeep="false" trim="do-not-trim"/>')
    bot.page("/recorded", "<Hangup/>")
    await call(bot, f'say "one two three four five six seven eight nine ten"\n{PATIENT}', audible=True)
    assert bot.of("/recorded")[0].fields["RecordingDuration"] == "2"
