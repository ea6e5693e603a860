"""A telephone that leaves the tones of its keys in the audio, as some carriers do."""

import base64

import audioop
import numpy as np

from app.audio.tones import dtmf_key
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.tones import KeyTones, hum
from tests.simulator.twilio.bot import Bot, Socket, serving, stream_twiml
from tests.simulator.twilio.calls import call


def test_the_message_comes_while_the_tone_sounds_and_the_tone_goes_on() -> None:
    tones = KeyTones(160)
    assert not tones.press("5")
    frames = [tones.frame() for _ in range(10)]
    assert [due for due, _ in frames] == ["", "", "5", *[""] * 7]
    assert [bool(tone) for _, tone in frames] == [True] * 8 + [False] * 2


def test_without_tones_the_message_is_due_at_once() -> None:
    assert KeyTones().press("5") and KeyTones().frame() == ("", b"")


def test_a_hum_has_no_seam() -> None:
    pcm = np.frombuffer(audioop.ulaw2lin(b"".join(hum(700)) * 2, 2), np.int16).astype(int)
    assert abs(pcm[7990:8010]).max() < 2500 and np.abs(np.diff(pcm)).max() < 1400


async def keys_in_audio(script: str, **line: int) -> tuple[list[str], list[str], int]:
    """The digits of the messages, those found in the audio (a letter for each frame), frames after the last message."""
    async with serving(Bot()) as bot:
        bot.media = Socket.take_all
        bot.pages["/voice"] = lambda asked: stream_twiml(bot)
        await call(bot, f"wait 300ms\n{script}\nwait 500ms\nhang up\n", line=LineOptions(**line))
    received = bot.sockets[0].received
    digits = [m["dtmf"]["digit"] for m in received if m["event"] == "dtmf"]
    sounding: list[str] = []
    after = 0
    for message in received:
        if message["event"] == "dtmf":
            after = 0
        if message["event"] == "media":
            pcm = np.frombuffer(audioop.ulaw2lin(base64.b64decode(message["media"]["payload"]), 2), np.int16)
            key = dtmf_key(pcm)
            sounding += [key] if key else []
            after += bool(key)
    return digits, sounding, after


async def test_a_clean_carrier_takes_the_tones_out() -> None:
    assert await keys_in_audio("press 1 2 #") == (["1", "2", "#"], [], 0)


async def test_an_option_of_the_line_leaves_them_in() -> None:
    digits, sounding, after = await keys_in_audio("press 1 2 #", tone_ms=160)
    assert digits == ["1", "2", "#"] and after >= 4
    assert [sounding.count(key) for key in "12#"] == [8, 8, 8]


async def test_a_script_can_switch_them_on() -> None:
    digits, sounding, _ = await keys_in_audio("press 7\nleave tones 100ms\npress 9\nleave tones 0ms\npress 8")
    assert digits == ["7", "9", "8"] and set(sounding) == {"9"} and len(sounding) == 5
