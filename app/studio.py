"""Who reads the phrases aloud: the voices that the settings give, in the order in which they are tried.

`auto` reads with the agents' own engine where AWS credentials are found: three tries a line, then Polly's voice of that
name, then the voice that needs no network. Without credentials that last voice reads everything. What another voice
than the agents' has said is foreign audio: it is kept, and plays only where FOREIGN_AUDIO allows it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.cache.catalogue import Catalogue
from app.cache.keys import Narrator
from app.cache.render import Line, RenderReport, Voice, render
from app.engines.engine import Engine
from app.engines.offline.speak import OfflineVoice
from app.engines.polly import PollyVoice
from app.engines.reading import ReadingVoice
from app.settings import Settings

type Way = Literal["auto", "nova", "polly", "offline"]

TRIES = 3  # of a model, which may read well the next time
MOST_AT_ONCE = 3  # each line takes a stream of the account's quota
OFFLINE_AT_ONCE = 2  # each takes a core
WITHOUT_KEYS = (
    "No AWS credentials were found, so the offline voice reads. What it says is not the agents' voice: "
    "`offhook serve` plays it only with --local or FOREIGN_AUDIO=true."
)


@dataclass(frozen=True, slots=True)
class Studio:
    """Voices, and where their recordings go. `notice` is for a person, "" where all is as they asked."""

    voices: Sequence[Voice]
    content_dir: Path
    at_once: int = 1
    notice: str = ""

    async def render(
        self,
        catalogue: Catalogue,
        narrators: Iterable[Narrator],
        done: Callable[[Line], None] = lambda line: None,
        only: str | None = None,
    ) -> RenderReport:
        """Record what these narrators lack. Files and arithmetic run in threads; the event loop carries the streams."""
        return await render(catalogue, narrators, self.voices, self.content_dir, done, only, self.at_once)


async def open_studio(settings: Settings, engine: Engine, way: Way = "auto", at_once: int = MOST_AT_ONCE) -> Studio:
    """`engine` is the agents' own; whoever opened it closes it."""
    if way == "offline":
        return offline_studio(settings.content_dir)
    if way == "auto" and not await asyncio.to_thread(_has_credentials):
        return offline_studio(settings.content_dir, WITHOUT_KEYS)
    nova = ReadingVoice(engine, "nova_sonic", settings.nova_sonic_model_id, settings.aws_region)
    polly = PollyVoice(settings.aws_region)
    voices: dict[Way, list[Voice]] = {
        "auto": [*[nova] * TRIES, polly, OfflineVoice()],
        "nova": [nova] * TRIES,
        "polly": [polly],
    }
    return Studio(voices[way], settings.content_dir, min(at_once, settings.nova_sonic_max_streams))


def offline_studio(content_dir: Path, notice: str = "") -> Studio:
    return Studio([OfflineVoice()], content_dir, OFFLINE_AT_ONCE, notice)


def _has_credentials() -> bool:
    """Asks the chain, which may ask the machine's role: up to a second."""
    import boto3  # not at every start of a server

    return boto3.Session().get_credentials() is not None
