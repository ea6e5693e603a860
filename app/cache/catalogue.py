"""The phrases of the house as staff wrote them: `cache/phrases/*.yaml`, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator

from app.content.faults import ContentError, Fault
from app.content.page import Page, read_page, validated

PHRASES = Path("cache/phrases")

type Kind = Literal[
    "greeting",
    "disclosure",
    "hold",
    "wait",
    "sorry",
    "still_there",
    "repeat",
    "back_again",
    "transfer",
    "goodbye",
    "apology",
    "busy",
    "closed",
    "opening_hours",
    "address",
    "answer",
]
type PhraseId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
type Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]


class PhraseEntry(BaseModel):
    """One known line. `text` is its wording by language; `intents` and `examples` say what callers ask it answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    text: dict[Language, str]
    interruptible: bool = True
    intents: list[str] = []
    examples: list[str] = []

    @field_validator("text")
    @classmethod
    def _has_words(cls, text: dict[str, str]) -> dict[str, str]:
        if not text:
            raise ValueError("has no wording; Add a line such as `en-US: ...`")
        for language, words in text.items():
            if not words.strip():
                raise ValueError(f"says nothing in {language}; Write the words, or remove the language")
        return {language: " ".join(words.split()) for language, words in text.items()}

    def in_language(self, language: str) -> str | None:
        """The wording for `en-US`: its own, else that for `en`."""
        return self.text.get(language) or self.text.get(language.partition("-")[0])


class _PhrasePage(BaseModel):
    model_config = ConfigDict(extra="forbid")
    phrases: dict[PhraseId, PhraseEntry]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All phrases by id. `sources` is what was read, by file: an edition's hash is made from it."""

    phrases: Mapping[str, PhraseEntry]
    sources: Mapping[str, str]

    def wordings(self, language: str) -> dict[str, str]:
        """Id -> words, of those phrases that have words in this language."""
        found = {name: entry.in_language(language) for name, entry in self.phrases.items()}
        return {name: words for name, words in found.items() if words is not None}


def load_catalogue(content_dir: Path) -> Catalogue:
    """Read every page. Blocks on files. Raises `ContentError` with all that is wrong in all of them."""
    pages: list[tuple[Page, _PhrasePage]] = []
    sources: dict[str, str] = {}
    faults: list[Fault] = []
    for path in sorted((content_dir / PHRASES).glob("*.yaml")):
        name = str(path.relative_to(content_dir))
        sources[name] = path.read_text(encoding="utf-8")
        try:
            page = read_page(sources[name], name)
            pages.append((page, validated(_PhrasePage, page)))
        except ContentError as error:
            faults += error.faults
    phrases, twice = _together(pages)
    if faults or twice:
        raise ContentError([*faults, *twice])
    return Catalogue(phrases, sources)


def _together(pages: list[tuple[Page, _PhrasePage]]) -> tuple[dict[str, PhraseEntry], list[Fault]]:
    phrases: dict[str, PhraseEntry] = {}
    home: dict[str, str] = {}
    faults = []
    for page, content in pages:
        for name, entry in content.phrases.items():
            if name in phrases:
                problem = f"stands in {home[name]} too"
                faults.append(page.fault(("phrases", name), problem, "Keep one, or give this one another id"))
            phrases[name], home[name] = entry, page.file
    return phrases, faults
