"""A voice that hums: as long as its text, so that recordings differ as wordings do."""

import asyncio

import numpy as np

from app.audio.clip import Clip
from app.audio.tones import to_samples


class ToneVoice:
    model = "tone"

    def __init__(
        self,
        silent_about: str = "",
        fails_at: str = "",
        engine: str = "offline",
        fails: int = 1_000_000,
        hangs_at: str = "",
    ) -> None:
        self.engine = engine
        self.said: list[str] = []
        self.most_at_once = 0
        self._speaking = 0
        self._silent_about = silent_about
        self._fails_at = fails_at
        self._fails = fails
        self._hangs_at = hangs_at

    async def synth(self, text: str, voice: str, language: str, rate: int) -> bytes:
        self.said.append(text)
        self._speaking += 1
        self.most_at_once = max(self.most_at_once, self._speaking)
        try:
            await asyncio.sleep(0)
            if self._hangs_at and self._hangs_at in text:
                await asyncio.Event().wait()
            return self._sound(text, rate)
        finally:
            self._speaking -= 1

    def _sound(self, text: str, rate: int) -> bytes:
        if self._fails_at and self._fails_at in text and self._fails:
            self._fails -= 1
            raise RuntimeError("out of breath")
        ms = 0 if self._silent_about and self._silent_about in text else 50 * len(text)
        quiet = np.zeros(rate // 2, np.int16)
        time = np.arange(rate * ms // 1000) / rate
        tone = to_samples(3_000 * np.sin(2 * np.pi * 440 * time))
        return Clip(rate, np.concatenate([quiet, tone, quiet])).pcm
