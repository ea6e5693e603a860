"""An edition: agents, phrases, tools and facts as staff left them at one moment, checked together, with a hash.

Immutable: calls, pool keys and records name the edition they belong to, and a changed file makes another one.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.cache.catalogue import PHRASES, Catalogue, phrase_texts, read_catalogue
from app.cache.examples import matcher_of
from app.cache.keys import Narrator
from app.cache.match import Matcher
from app.content.faults import ContentError, Fault
from app.prompts.check import House, faults
from app.prompts.library import PROMPTS, Prompts, prompt_texts, read_prompts
from app.tools.house import NAMES
from app.tools.library import TOOLS, Code, Toolbox, import_tools, read_tools, tool_texts


@dataclass(frozen=True, slots=True)
class Edition:
    hash: str
    prompts: Prompts
    catalogue: Catalogue
    toolbox: Toolbox
    matcher: Matcher  # of the catalogue's examples

    @property
    def texts(self) -> dict[str, str]:
        """The pages it was made of, by file: with the deployment's code they make it again."""
        pages = {**self.prompts.sources, **self.catalogue.sources, **self.toolbox.sources}
        return {name: text for name, text in pages.items() if name not in self.toolbox.code.sources}

    @property
    def house(self) -> House:
        """What agents may name."""
        return _house(self.catalogue, self.toolbox)

    @property
    def narrators(self) -> set[Narrator]:
        """Who has to say the phrases."""
        return narrators(self.prompts)


def narrators(prompts: Prompts) -> set[Narrator]:
    """Who has to say the phrases: every agent's voice, in each of its languages."""
    return {
        Narrator(voice, language)
        for agent in prompts.agents.values()
        for language, voice in agent.settings.voices.items()
    }


def load_edition(content_dir: Path, code: Code | None = None) -> Edition:
    """Read and check `prompts/`, `cache/phrases/` and `tools/`. Blocks on files, and runs staff's tool files unless
    they are given as `code`.

    Raises `ContentError` with every fault: file, line, field, problem and fix.
    """
    found: list[Fault] = []
    texts: dict[str, str] = {}
    for read in (prompt_texts, phrase_texts, tool_texts):
        texts |= _tried(partial(read, content_dir), found) or {}
    if code is None:
        code = _tried(partial(import_tools, content_dir), found)
    return _made(texts, code, found)


def edition_of(texts: Mapping[str, str], code: Code) -> Edition:
    """The edition these pages make with this code, as `Edition.texts` gave them. Raises `ContentError`."""
    return _made(texts, code, [])


def _made(texts: Mapping[str, str], code: Code | None, found: list[Fault]) -> Edition:
    """`found` are faults of the reading: one file that is not text must not hide what is wrong in the others."""
    prompts = _tried(partial(read_prompts, _under(PROMPTS, texts)), found)
    catalogue = _tried(partial(read_catalogue, _under(PHRASES, texts)), found)
    toolbox = None if code is None else _tried(partial(read_tools, _under(TOOLS, texts), code), found)
    if prompts is not None and catalogue is not None and toolbox is not None:
        found += faults(prompts, _house(catalogue, toolbox))
    if found or prompts is None or catalogue is None or toolbox is None:
        raise ContentError(found)
    name = _hash(prompts.sources, catalogue.sources, toolbox.sources)
    return Edition(name, prompts, catalogue, toolbox, matcher_of(catalogue))


def _tried[T](make: Callable[[], T], found: list[Fault]) -> T | None:
    try:
        return make()
    except ContentError as error:
        found += error.faults
        return None


def _under(folder: Path, texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name.startswith(f"{folder.as_posix()}/")}


def _house(catalogue: Catalogue, toolbox: Toolbox) -> House:
    leads = {name: entry.target for name, entry in catalogue.phrases.items() if entry.target}
    return House(toolbox.tools.keys() | NAMES, catalogue.phrases.keys(), catalogue.wordings, leads)


def _hash(*folders: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for sources in folders:
        for name, text in sorted(sources.items()):
            digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()[:12]
