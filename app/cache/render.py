"""Makes the recordings: text through a voice, cut to its speech, levelled, as the telephone will carry it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.audio.clip import Clip, from_pcm, levelled, resample, trimmed
from app.cache.catalogue import Catalogue
from app.cache.keys import Making, Narrator, phrase_key
from app.cache.rendered import Recording, Rendered

STUDIO_RATE = 16_000  # Hz asked of the voice; the telephone's 8000 are made from it
SHORTEST_MS = 100


class Voice(Protocol):
    """Something that speaks. `engine` and `model` name it, and stand in the key of all it records."""

    @property
    def engine(self) -> str: ...

    @property
    def model(self) -> str: ...

    async def synth(self, text: str, voice: str, language: str, rate: int) -> bytes:
        """PCM16 mono at `rate` Hz. `voice` is the agent's name for it, as near as this engine can come. Raises any
        `Exception` where it cannot say that."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """One phrase for one narrator: what is to be recorded."""

    phrase: str
    text: str
    narrator: Narrator

    def key(self, voice: Voice) -> str:
        return phrase_key(self.text, Making(self.narrator, voice.engine, voice.model))

    def __str__(self) -> str:
        return f"{self.phrase} ({self.narrator.language}, {self.narrator.voice})"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that failed. `line` names phrase, language and voice."""

    line: str
    engine: str
    reason: str


@dataclass(slots=True)
class RenderReport:
    rendered: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # phrase and narrator -> why the last attempt failed
    foreign: dict[str, str] = field(default_factory=dict)  # ... -> the engine that spoke in place of the first choice
    attempts: list[Attempt] = field(default_factory=list)


type Renderer = Callable[[Catalogue, Iterable[Narrator]], Awaitable[RenderReport]]
"""Records what a catalogue and its narrators lack; what a server calls for a new edition (`app.studio.Studio`)."""


def lines_of(catalogue: Catalogue, narrators: Iterable[Narrator], only: str | None = None) -> list[Line]:
    """Every phrase in every voice that is to say it; `only` names a single phrase."""
    return [
        Line(name, text, narrator)
        for narrator in sorted(set(narrators), key=lambda narrator: (narrator.language, narrator.voice))
        for name, text in catalogue.wordings(narrator.language).items()
        if only in (None, name)
    ]


async def render(
    catalogue: Catalogue,
    narrators: Iterable[Narrator],
    voices: Voice | Sequence[Voice],
    content_dir: Path,
    done: Callable[[Line], None] = lambda line: None,
    only: str | None = None,
    at_once: int = 1,
) -> RenderReport:
    """Record what is not recorded yet, `at_once` lines at a time; `done` is told of each line.

    `voices` are tried in order until one has said the line; a voice that deserves several tries stands there several
    times. What one of them has recorded already is kept, and nobody behind it is asked. A line that all fail at is
    reported and does not stop the others. Cancelled, it leaves whole files only.
    """
    voices = list(voices) if isinstance(voices, Sequence) else [voices]
    rendered = Rendered(content_dir)
    have = frozenset(recording.key for recording in await asyncio.to_thread(rendered.recordings))
    rendering = _Rendering(voices, rendered, have)
    places = asyncio.Semaphore(at_once)

    async def one(line: Line) -> None:
        async with places:
            await rendering.record(line)
        done(line)

    async with asyncio.TaskGroup() as group:
        for line in lines_of(catalogue, narrators, only):
            group.create_task(one(line))
    return rendering.report


class _Rendering:
    """One run."""

    def __init__(self, voices: Sequence[Voice], rendered: Rendered, have: Collection[str]) -> None:
        self.report = RenderReport()
        self._voices = voices
        self._rendered = rendered
        self._have = have

    async def record(self, line: Line) -> None:
        reason = "there is no voice to say it"
        for voice in self._voices:
            if line.key(voice) in self._have:
                self.report.skipped.append(line.phrase)
                return
            try:
                await self._say(line, voice)
            except Exception as error:  # whatever a voice fails with, another may do better
                reason = f"{type(error).__name__}: {error}"
                self.report.attempts.append(Attempt(str(line), voice.engine, reason))
                continue
            self.report.rendered.append(line.phrase)
            if voice.engine != self._voices[0].engine:
                self.report.foreign[str(line)] = voice.engine
            return
        self.report.failed[str(line)] = reason

    async def _say(self, line: Line, voice: Voice) -> None:
        pcm = await voice.synth(line.text, line.narrator.voice, line.narrator.language, STUDIO_RATE)
        clip = await asyncio.to_thread(mastered, from_pcm(pcm, STUDIO_RATE))
        if clip.ms < SHORTEST_MS:
            raise ValueError(f"the voice gave {clip.ms} ms of sound")
        await asyncio.to_thread(self._rendered.add, _recording(line, voice, clip.ms), clip)


def mastered(clip: Clip) -> Clip:
    """The recipe: 8000 Hz, silence trimmed, loudness levelled. Raise `keys.RECIPE` with every change here."""
    return levelled(trimmed(resample(clip.mono(), 8_000)))


def _recording(line: Line, voice: Voice, ms: int) -> Recording:
    key = line.key(voice)
    return Recording(
        key=key,
        phrase=line.phrase,
        voice=line.narrator.voice,
        language=line.narrator.language,
        engine=voice.engine,
        model=voice.model,
        file=f"{line.phrase}.{line.narrator.language}.{key}.wav",
        ms=ms,
        text=line.text,
    )
