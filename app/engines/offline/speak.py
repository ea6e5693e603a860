"""Text to speech without a network: flite where it is installed, else espeak-ng as a wheel, else as a program.

`speak` is synchronous and takes 10 to 60 ms a sentence, so it never belongs on an event loop; `Speaker.say` runs it in
a thread and keeps what was said lately. Every voice comes out equally loud and trimmed, with a short breath at the end.
"""

import asyncio
import io
import re
import shutil
import subprocess
import wave
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import soxr

from app.engines.offline import espeak

LOUDNESS_DBFS = -20.0  # RMS of the parts that are speech
PEAK = 0.89  # -1 dBFS
QUIET = 10 ** (-45 / 20)  # below this a sample counts as silence
LEAD_MS, TAIL_MS = 20, 140  # kept before and after the words
CACHE_BYTES = 16 * 1024 * 1024
PROGRAM_LIMIT_S = 20
FLITE = {"rms", "awb", "slt", "kal16"}

# Nova's voices by language and sex; flite speaks English only, espeak-ng the others.
ENGLISH = {
    "matthew": "awb",
    "tiffany": "slt",
    "amy": "slt",
    "olivia": "slt",
    "stephen": "awb",
}
OTHERS = {
    "lupe": "es-419+f3",
    "carlos": "es-419",
    "ambre": "fr+f3",
    "florian": "fr",
    "tina": "de+f3",
    "greta": "de+f3",
    "lennart": "de",
    "beatrice": "it+f3",
    "lorenzo": "it",
    "carolina": "pt-br+f3",
    "leo": "pt-br",
    "kiara": "hi+f3",
    "arjun": "hi",
}
INSTEAD = {"rms": "en-us", "awb": "en-gb-scotland", "slt": "en-us+f3", "kal16": "en-us+m3"}  # without flite


class CannotSpeak(Exception):
    """No program or library for speech is there, or it refused the text. Installing flite or espeak-ng mends it."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Samples from -1 to 1 and their rate in Hz, as a synthesiser gave them."""

    samples: npt.NDArray[np.float32]
    rate: int


def offline_voice(nova_voice: str, language: str = "en") -> str:
    """The offline voice (flite or espeak-ng name) for a Nova voice id; an unknown id gets one of its language."""
    name = nova_voice.lower()
    if name in OTHERS:
        return OTHERS[name]
    if name in ENGLISH or name in FLITE:
        return ENGLISH.get(name, name)
    return "slt" if language.lower().startswith("en") else language.lower()


def speak(text: str, voice: str, rate: int) -> bytes:
    """`text` as PCM16 little-endian mono at `rate` Hz. `voice` is a flite or espeak-ng name. Raises `CannotSpeak`."""
    words = spoken_form(text)
    if not words:
        return b""
    return finished(_synthesise(words, voice), rate)


class Speaker:
    """The asynchronous door, with a memory bounded in bytes: the same words in the same voice are made once."""

    def __init__(self, cache_bytes: int = CACHE_BYTES) -> None:
        self._kept: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
        self._bytes = 0
        self._limit = cache_bytes

    async def say(self, text: str, nova_voice: str, rate: int, language: str = "en") -> bytes:
        """`text` in the offline voice that stands for `nova_voice`: PCM16 at `rate`. Raises `CannotSpeak`."""
        key = (text, offline_voice(nova_voice, language), rate)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        pcm = await asyncio.to_thread(speak, *key)
        self._keep(key, pcm)
        return pcm

    def _keep(self, key: tuple[str, str, int], pcm: bytes) -> None:
        if key not in self._kept:
            self._kept[key] = pcm
            self._bytes += len(pcm)
        while self._bytes > self._limit:
            self._bytes -= len(self._kept.popitem(last=False)[1])


class OfflineVoice:
    """The voice that needs no network, as a voice of the studio (`app.cache.render.Voice`)."""

    engine = "offline"

    def __init__(self) -> None:
        self.model = "flite" if _program("flite") else "espeak-ng"
        self._speaker = Speaker()

    async def synth(self, text: str, voice: str, language: str, rate: int) -> bytes:
        return await self._speaker.say(text, voice, rate, language)


def spoken_form(text: str) -> str:
    """`text` as a synthesiser reads it well: long numbers figure by figure, clock times and signs as words."""
    text = re.sub(r"\b(\d{1,2}):00\b", r"\1 o'clock", text)
    text = re.sub(r"\b(\d{1,2}):0(\d)\b", r"\1 oh \2", text)
    text = re.sub(r"\b(\d{1,2}):(\d\d)\b", r"\1 \2", text)
    text = re.sub(r"€\s?(\d[\d.,]*)|(\d[\d.,]*)\s?€", r"\1\2 euros", text)
    text = re.sub(r"(?<=\d)\s?[–—-]\s?(?=\d)", " to ", text)
    text = re.sub(r"\b\d{4,}\b", lambda found: " ".join(found[0]), text)
    text = re.sub(r"[*_#`<>\[\]{}|]", " ", text.replace("&", " and "))
    return " ".join(text.split())


def finished(spoken: Spoken, rate: int) -> bytes:
    """Trimmed, levelled, at `rate`, as PCM16."""
    loud = np.flatnonzero(np.abs(spoken.samples) > QUIET)
    if not loud.size:
        return b""
    lead = spoken.rate * LEAD_MS // 1000
    samples = spoken.samples[max(0, loud[0] - lead) : loud[-1] + lead]
    speech = samples[np.abs(samples) > QUIET]
    gain = min(10 ** (LOUDNESS_DBFS / 20) / float(np.sqrt(np.mean(speech**2))), PEAK / float(np.max(np.abs(samples))))
    samples = samples * gain
    if spoken.rate != rate:
        samples = soxr.resample(samples, spoken.rate, rate, "VHQ")
    breath = np.zeros(rate * TAIL_MS // 1000, np.float32)
    whole = np.concatenate([samples, breath])
    return bytes((np.clip(whole, -1.0, 1.0) * 32767).astype("<i2").tobytes())


def _floats(pcm: bytes) -> npt.NDArray[np.float32]:
    return np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768)


def _synthesise(words: str, voice: str) -> Spoken:
    if voice in FLITE and _program("flite"):
        return _run([_program("flite"), "-voice", voice, "-t", words, "-o", "/dev/stdout"], b"")
    voice = INSTEAD.get(voice, voice)
    if (library := espeak.library()) is not None:
        samples, rate = library.synthesise(words, voice)
        return Spoken(_floats(samples), rate)
    if program := _program("espeak-ng"):
        return _run([program, "-v", voice, "--stdin", "--stdout"], words.encode())
    raise CannotSpeak("neither flite nor espeak-ng is installed")


@cache
def _program(name: str) -> str:
    return shutil.which(name) or ""


def _run(command: list[str], words: bytes) -> Spoken:
    """A program that writes a WAV to its standard output. Its header's length is not believed: a pipe cannot seek."""
    done = subprocess.run(command, input=words, capture_output=True, timeout=PROGRAM_LIMIT_S, check=False)
    start = done.stdout.find(b"data") + 8
    if done.returncode or start < 44:
        raise CannotSpeak(f"{command[0]} ended with {done.returncode}")
    with wave.open(io.BytesIO(done.stdout)) as wav:
        rate = wav.getframerate()
    return Spoken(_floats(done.stdout[start:]), rate)
