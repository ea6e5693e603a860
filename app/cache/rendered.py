"""The folder `cache/rendered/`: one WAV a recording, its key in its name, and a manifest that says how each was made.

The files are the truth; the store and the copies in memory are filled from them. Everything here blocks on files.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from app.audio.clip import BadWav, Clip, parse_wav, to_mulaw, wav_bytes
from app.audio.framing import pad
from app.cache.catalogue import Catalogue
from app.cache.keys import RECIPE, Making, Narrator, phrase_key
from app.content.texts import write_whole

RENDERED = Path("cache/rendered")
SCHEMA = 1
OWN_ENGINES = ("nova_sonic",)  # that agents speak with
FOREIGN_ENGINES = ("polly", "offline")  # the better first


@dataclass(frozen=True, slots=True)
class Recording:
    """One line of the manifest."""

    key: str
    phrase: str
    voice: str
    language: str
    engine: str
    model: str
    file: str
    ms: int
    text: str
    recipe: int = RECIPE

    def says(self, text: str, narrator: Narrator) -> bool:
        """Whether this is a recording of `text` by `narrator`, made as we make them today."""
        return self.key == phrase_key(text, Making(narrator, self.engine, self.model))


class Rendered:
    """What has been recorded so far."""

    def __init__(self, content_dir: Path) -> None:
        self.folder = content_dir / RENDERED
        self._manifest = self.folder / "manifest.json"

    def recordings(self) -> list[Recording]:
        """Those whose files are there. A manifest that cannot be read counts as empty: render again."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            lines = json.loads(self._manifest.read_text(encoding="utf-8"))["recordings"]
            return [recording for recording in (Recording(**line) for line in lines) if self.path(recording).is_file()]
        return []

    def path(self, recording: Recording) -> Path:
        return self.folder / Path(recording.file).name

    def frames(self, recording: Recording) -> bytes | None:
        """Whole 20 ms frames of 8 kHz mu-law, or None when the file cannot be read."""
        try:
            return pad(to_mulaw(parse_wav(self.path(recording).read_bytes())))
        except (OSError, BadWav):
            return None

    def add(self, recording: Recording, clip: Clip) -> None:
        """Write the file, then the manifest; each is there wholly or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.path(recording), wav_bytes(clip, mulaw=True))
        with self._alone():
            self._write_manifest([*(other for other in self.recordings() if other.key != recording.key), recording])

    def remove(self, recordings: Iterable[Recording]) -> None:
        """Take them off the manifest, then delete their files."""
        gone = {recording.key: recording for recording in recordings}
        if not gone:
            return
        with self._alone():
            self._write_manifest([other for other in self.recordings() if other.key not in gone])
        for recording in gone.values():
            self.path(recording).unlink(missing_ok=True)

    def _write_manifest(self, recordings: Iterable[Recording]) -> None:
        lines = [asdict(one) for one in sorted(recordings, key=lambda one: (one.phrase, one.key))]
        text = json.dumps({"schema": SCHEMA, "recordings": lines}, indent=1, ensure_ascii=False)
        write_whole(self._manifest, text.encode())

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """The manifest is read and written by one at a time, of all threads and processes."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


type State = Literal["ready", "foreign", "missing", "stale", "orphaned"]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of `offhook cache status`. `foreign`: these words by this narrator, but another engine than the agent's
    has spoken them; `stale`: recorded, but not these words; `orphaned`: wanted by nobody."""

    state: State
    phrase: str
    voice: str
    language: str
    recording: Recording | None = None


def inventory(
    catalogue: Catalogue,
    narrators: Iterable[Narrator],
    recordings: Iterable[Recording],
    own: Collection[str] = OWN_ENGINES,
) -> list[Item]:
    """What each narrator should have, and what it has. `own` are the engines that speak as the agents do."""
    recordings = list(recordings)
    items, wanted = [], set()
    for narrator in sorted(set(narrators), key=lambda narrator: (narrator.language, narrator.voice)):
        for name, text in catalogue.wordings(narrator.language).items():
            same = [
                r for r in recordings if (r.phrase, r.voice, r.language) == (name, narrator.voice, narrator.language)
            ]
            today = sorted((r for r in same if r.says(text, narrator)), key=lambda r: r.engine not in own)
            wanted |= {r.key for r in today or same}
            found = next(iter(today or same), None)
            items.append(Item(_state(found, bool(today), own), name, narrator.voice, narrator.language, found))
    orphans = [r for r in recordings if r.key not in wanted]
    return items + [Item("orphaned", r.phrase, r.voice, r.language, r) for r in orphans]


def _state(found: Recording | None, says_it: bool, own: Collection[str]) -> State:
    if found is None:
        return "missing"
    if not says_it:
        return "stale"
    return "ready" if found.engine in own else "foreign"
