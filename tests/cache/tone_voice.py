"""A voice that hums: as long as its text, so that recordings differ as wordings do."""

import numpy as np

from app.audio.clip import Clip
from app.audio.tones import to_samples


class ToneVoice:
    engine = "offline"
    model = "tone"

    def __init__(self, silent_about: str = "", fails_at: str = "") -> None:
        self.said: list[str] = []
        self._silent_about = silent_about
        self._fails_at = fails_at

    async def synth(self, text: str, voice: str, language: str, rate: int) -> bytes:
        self.said.append(text)
        if self._fails_at and self._fails_at in text:
            raise RuntimeError("out of breath")
        ms = 0 if self._silent_about and self._silent_about in text else 50 * len(text)
        quiet = np.zeros(rate // 2, np.int16)
        time = np.arange(rate * ms // 1000) / rate
        tone = to_samples(3_000 * np.sin(2 * np.pi * 440 * time))
        return Clip(rate, np.concatenate([quiet, tone, quiet])).pcm
