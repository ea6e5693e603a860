"""Whole calls to a small application, eight times faster than life."""

from typing import Any

from app.audio.tones import sine
from app.simulator import callscript
from app.simulator.lines import SilentVoice
from app.simulator.twilio.phone import CallResult, Dialling, place_call
from app.simulator.twilio.plant import Plant, Timing
from app.simulator.twilio.ticker import Ticker
from tests.simulator.twilio.bot import Bot

PATIENT = "wait for hang up within 60s"
SPEED = 8.0


class HummingVoice:
    """As long as speech would be, and audible."""

    def speak(self, text: str) -> bytes:
        return sine(500, 1000 * max(1, len(text.split())) // 3).tobytes()


def fast_plant(**more: Any) -> Plant:
    return Plant(ticker=Ticker(SPEED), voice=SilentVoice(), timing=Timing(most_ms=60_000), **more)


async def call(
    bot: Bot, script: str = PATIENT, plant: Plant | None = None, audible: bool = False, **more: Any
) -> CallResult:
    """Call `/voice` of the bot and live the script."""
    used = plant or fast_plant()
    dialling = Dialling(to=bot.url("/voice"), status_callback=bot.url("/status"), **more)
    bot.pages.setdefault("/status", lambda asked: "")
    voice = HummingVoice() if audible else SilentVoice()
    try:
        return await place_call(dialling, callscript.parse(script), voice=voice, plant=used)
    finally:
        await used.aclose()


def codes(result: CallResult) -> list[int]:
    return [notice.code for notice in result.notices]
