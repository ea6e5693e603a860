"""Where speech begins and ends, told by energy alone. Time is counted in the audio itself, never by a clock."""

import math

import audioop

from app.simulator.mind import SpeechBegan, SpeechStopped

FRAME_MS = 20
FULL_SCALE = 32_768


class Endpointer:
    """Give it PCM16 mono as it comes. Speech begins with `onset_ms` of loud frames in a row and is over after
    `pause_ms` of quiet ones."""

    def __init__(self, rate: int, threshold_dbfs: float = -40.0, onset_ms: int = 60, pause_ms: int = 500) -> None:
        self._frame_bytes = rate * FRAME_MS // 500
        self._threshold = FULL_SCALE * math.pow(10, threshold_dbfs / 20)
        self._onset_ms = onset_ms
        self._pause_ms = pause_ms
        self._rest = b""
        self._heard_ms = 0
        self._loud_ms = 0
        self._quiet_ms = 0
        self.speaking = False

    def hear(self, pcm: bytes) -> list[SpeechBegan | SpeechStopped]:
        """What this audio decides; mostly nothing."""
        data = self._rest + pcm if self._rest else pcm
        found: list[SpeechBegan | SpeechStopped] = []
        whole = len(data) - len(data) % self._frame_bytes
        for at in range(0, whole, self._frame_bytes):
            event = self._frame(audioop.rms(data[at : at + self._frame_bytes], 2) >= self._threshold)
            if event is not None:
                found.append(event)
        self._rest = data[whole:]
        return found

    def _frame(self, loud: bool) -> SpeechBegan | SpeechStopped | None:
        self._heard_ms += FRAME_MS
        self._loud_ms = self._loud_ms + FRAME_MS if loud else 0
        self._quiet_ms = 0 if loud else self._quiet_ms + FRAME_MS
        if not self.speaking and self._loud_ms >= self._onset_ms:
            self.speaking = True
            return SpeechBegan(self._heard_ms - self._loud_ms)
        if self.speaking and self._quiet_ms >= self._pause_ms:
            self.speaking = False
            return SpeechStopped(self._heard_ms - self._quiet_ms, self._heard_ms)
        return None
