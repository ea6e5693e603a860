"""Recorded phrases within arm's reach: framed, in memory, so that a first word waits for nobody.

Filled once, from `cache/rendered/`, and from there into the store; what has no file here is looked for in the store,
where another node may have put it. What is found nowhere is missing: the call goes on without.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import structlog

from app.cache.catalogue import Catalogue
from app.cache.keys import Narrator, wording_key
from app.cache.rendered import FOREIGN_ENGINES, OWN_ENGINES, Recording, Rendered
from app.cache.store import Store, StoreGone
from app.call.setup import Phrase

log = structlog.get_logger()

KEPT_S = 30 * 24 * 3600  # in the store; every start says it again
ENGINES = (*OWN_ENGINES, *FOREIGN_ENGINES)


def engines_allowed(foreign: bool) -> Sequence[str]:
    """Whose recordings may play: the agents' own engine's, and with `foreign` every other's."""
    return ENGINES if foreign else OWN_ENGINES


class AudioShelf:
    """Audio by key, and the phrases of a narrator as a call takes them."""

    def __init__(self) -> None:
        self._audio: dict[str, bytes] = {}
        self._keys: dict[tuple[str, Narrator], str] = {}

    def phrase_audio(self, key: str) -> bytes | None:
        """Whole 20 ms frames in the leg's format (8 kHz mu-law), or None."""
        return self._audio.get(key)

    def phrases(self, catalogue: Catalogue, narrator: Narrator) -> Mapping[str, Phrase]:
        """Every phrase that has words in the narrator's language, with its audio where there is any."""
        entries = catalogue.phrases
        return {
            name: Phrase(
                name,
                text,
                self._of(name, narrator),
                entries[name].interruptible,
                entries[name].then,
                entries[name].target,
            )
            for name, text in catalogue.wordings(narrator.language).items()
        }

    def _of(self, phrase: str, narrator: Narrator) -> bytes | None:
        key = self._keys.get((phrase, narrator))
        return self._audio.get(key) if key is not None else None

    def put(self, phrase: str, narrator: Narrator, key: str, audio: bytes) -> None:
        self._audio[key] = audio
        self._keys[phrase, narrator] = key


async def fill_shelf(
    catalogue: Catalogue,
    narrators: Iterable[Narrator],
    content_dir: Path,
    store: Store | None = None,
    engines: Sequence[str] = ENGINES,
) -> AudioShelf:
    """Take up what there is for `narrators`, made by one of `engines` (the first that has it). Raises nothing: what is
    missing is named in one warning."""
    filling = _Filling(Rendered(content_dir), store, engines)
    await filling.look_at_files()
    missing = []
    for narrator in sorted(set(narrators), key=lambda narrator: (narrator.language, narrator.voice)):
        for phrase, text in catalogue.wordings(narrator.language).items():
            if not await filling.take_up(phrase, text, narrator):
                missing.append(f"{phrase} ({narrator.language}, {narrator.voice})")
    if missing:
        log.warning("! phrases without audio: the model speaks them, or nobody", missing=missing, **filling.advice())
    return filling.shelf


class _Filling:
    """One filling of the shelf."""

    def __init__(self, rendered: Rendered, store: Store | None, engines: Sequence[str]) -> None:
        self.shelf = AudioShelf()
        self._rendered = rendered
        self._store = store
        self._engines = engines
        self._recordings: list[Recording] = []

    async def look_at_files(self) -> None:
        self._recordings = await asyncio.to_thread(self._rendered.recordings)

    async def take_up(self, phrase: str, text: str, narrator: Narrator) -> bool:
        for engine in self._engines:
            found = await self._from_file(text, narrator, engine) or await self._from_store(text, narrator, engine)
            if found is not None:
                self.shelf.put(phrase, narrator, *found)
                return True
        return False

    async def _from_file(self, text: str, narrator: Narrator, engine: str) -> tuple[str, bytes] | None:
        for recording in self._recordings:
            if recording.engine == engine and recording.says(text, narrator):
                audio = await asyncio.to_thread(self._rendered.frames, recording)
                if audio:
                    await self._to_store(text, narrator, recording, audio)
                    return recording.key, audio
        return None

    def advice(self) -> dict[str, str]:
        """What would help, where something is there that may not play."""
        if any(recording.engine not in self._engines for recording in self._recordings):
            return {"hint": "there is audio of another engine than the agents': FOREIGN_AUDIO=true plays it"}
        return {"hint": "offhook cache render"}

    # --- the store: asked as long as it answers --------------------------------------------------------------------

    async def _to_store(self, text: str, narrator: Narrator, recording: Recording, audio: bytes) -> None:
        if self._store is None:
            return
        try:
            await self._store.put_audio(recording.key, audio, KEPT_S)
            name = f"{wording_key(text, narrator)}:{recording.engine}"
            await self._store.put("recording", name, {"key": recording.key}, KEPT_S)
        except StoreGone as gone:
            self._go_on_without_store(gone)

    async def _from_store(self, text: str, narrator: Narrator, engine: str) -> tuple[str, bytes] | None:
        if self._store is None:
            return None
        try:
            known = await self._store.get("recording", f"{wording_key(text, narrator)}:{engine}")
            audio = await self._store.get_audio(known["key"]) if known else None
        except StoreGone as gone:
            self._go_on_without_store(gone)
            return None
        return (known["key"], audio) if known and audio else None

    def _go_on_without_store(self, gone: StoreGone) -> None:
        log.warning("! the store is gone: phrases come from files alone", error=str(gone))
        self._store = None
