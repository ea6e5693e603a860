"""Makes the recordings: text through a voice, cut to its speech, levelled, as the telephone will carry it."""

import asyncio
from collections.abc import Callable, Iterable
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
    key: str


@dataclass(slots=True)
class RenderReport:
    rendered: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # phrase and narrator -> why


def lines_of(catalogue: Catalogue, narrators: Iterable[Narrator], voice: Voice) -> list[Line]:
    return [
        Line(name, text, narrator, phrase_key(text, Making(narrator, voice.engine, voice.model)))
        for narrator in sorted(set(narrators), key=lambda narrator: (narrator.language, narrator.voice))
        for name, text in catalogue.wordings(narrator.language).items()
    ]


async def render(
    catalogue: Catalogue,
    narrators: Iterable[Narrator],
    voice: Voice,
    content_dir: Path,
    done: Callable[[Line], None] = lambda line: None,
    only: str | None = None,
) -> RenderReport:
    """Record what is not recorded yet, one after another; `done` is told of each line, `only` names a single phrase.
    A line that fails is reported and does not stop the others."""
    rendered = Rendered(content_dir)
    have = {recording.key for recording in await asyncio.to_thread(rendered.recordings)}
    report = RenderReport()
    for line in lines_of(catalogue, narrators, voice):
        if only is not None and line.phrase != only:
            continue
        if line.key in have:
            report.skipped.append(line.phrase)
        else:
            await _record(line, voice, rendered, report)
        done(line)
    return report


async def _record(line: Line, voice: Voice, rendered: Rendered, report: RenderReport) -> None:
    try:
        pcm = await voice.synth(line.text, line.narrator.voice, line.narrator.language, STUDIO_RATE)
        clip = await asyncio.to_thread(mastered, from_pcm(pcm, STUDIO_RATE))
        if clip.ms < SHORTEST_MS:
            raise ValueError(f"the voice gave {clip.ms} ms of sound")
        await asyncio.to_thread(rendered.add, _recording(line, voice, clip.ms), clip)
    except Exception as error:
        report.failed[f"{line.phrase} ({line.narrator.language}, {line.narrator.voice})"] = (
            f"{type(error).__name__}: {error}"
        )
    else:
        report.rendered.append(line.phrase)


def mastered(clip: Clip) -> Clip:
    """The recipe: 8000 Hz, silence trimmed, loudness levelled. Raise `keys.RECIPE` with every change here."""
    return levelled(trimmed(resample(clip.mono(), 8_000)))


def _recording(line: Line, voice: Voice, ms: int) -> Recording:
    file = f"{line.phrase}.{line.narrator.language}.{line.key}.wav"
    return Recording(
        key=line.key,
        phrase=line.phrase,
        voice=line.narrator.voice,
        language=line.narrator.language,
        engine=voice.engine,
        model=voice.model,
        file=file,
        ms=ms,
        text=line.text,
    )
