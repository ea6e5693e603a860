"""An edition: agents, phrases, tools and facts as staff left them at one moment, checked together, with a hash.

Immutable: calls, pool keys and records name the edition they belong to, and a changed file makes another one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.cache.catalogue import Catalogue, load_catalogue
from app.content.faults import ContentError
from app.prompts.check import House, faults
from app.prompts.library import Prompts, load_prompts
from app.tools.house import NAMES
from app.tools.library import Toolbox, load_tools


@dataclass(frozen=True, slots=True)
class Edition:
    hash: str
    prompts: Prompts
    catalogue: Catalogue
    toolbox: Toolbox


def load_edition(content_dir: Path) -> Edition:
    """Read and check `prompts/`, `cache/phrases/` and `tools/`. Blocks on files and runs staff's tool files.

    Raises `ContentError` with every fault: file, line, field, problem and fix.
    """
    prompts, catalogue, toolbox = load_prompts(content_dir), load_catalogue(content_dir), load_tools(content_dir)
    if wrong := faults(prompts, house_of(catalogue, toolbox)):
        raise ContentError(wrong)
    return Edition(_hash(prompts.sources, catalogue.sources, toolbox.sources), prompts, catalogue, toolbox)


def house_of(catalogue: Catalogue, toolbox: Toolbox) -> House:
    """What agents may name."""
    leads = {name: entry.target for name, entry in catalogue.phrases.items() if entry.target}
    return House(toolbox.tools.keys() | NAMES, catalogue.phrases.keys(), catalogue.wordings, leads)


def _hash(*folders: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for sources in folders:
        for name, text in sorted(sources.items()):
            digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()[:12]
