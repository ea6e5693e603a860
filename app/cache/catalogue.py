"""The phrases of the house as staff wrote them: `cache/phrases/*.yaml`, read and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from app.call.setup import Follows
from app.content.faults import ContentError, Fault
from app.content.page import Page, read_page, validated
from app.content.texts import read_texts

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
    "menu",  # offers keys
    "ask",  # asks for digits
    "try_again",  # ... which were wrong
    "nobody_answered",
    "leave_message",
    "message_taken",
    "voicemail",
    "language_changed",
    "offline_notice",
    "press_a_key",
]
type Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
type Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]


class PhraseEntry(BaseModel):
    """One known line. `text` is its wording by language; `intents` name what callers ask that it answers, `examples`
    how they ask it, by language. `then` is what follows it as an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    text: dict[Language, str]
    intents: list[Name] = []
    examples: dict[Language, list[str]] = {}
    then: Follows = "nothing"
    target: str = Field(default="", validate_default=True)  # of a transfer, by its name in prompts/transfers.yaml
    interruptible: bool = True  # unless the call ends after it

    @model_validator(mode="before")
    @classmethod
    def _what_staff_may_leave_out(cls, data: Any) -> Any:
        """Examples in a plain list are of the first language; last words are not interruptible."""
        match data:
            case {"text": {**words}, "examples": [*examples]} if words:
                data = {**data, "examples": {next(iter(words)): examples}}
        match data:
            case {"then": "hang_up"} if "interruptible" not in data:
                data = {**data, "interruptible": False}
        return data

    @field_validator("text")
    @classmethod
    def _has_words(cls, text: dict[str, str]) -> dict[str, str]:
        if not text:
            raise ValueError("has no wording; Add a line such as `en-US: ...`")
        for language, words in text.items():
            if not words.strip():
                raise ValueError(f"says nothing in {language}; Write the words, or remove the language")
        return {language: " ".join(words.split()) for language, words in text.items()}

    @field_validator("examples")
    @classmethod
    def _has_an_answer(cls, examples: dict[str, list[str]], others: ValidationInfo) -> dict[str, list[str]]:
        if any(examples.values()) and others.data.get("intents") == []:
            raise ValueError("are of no intent; Name what they ask for: `intents: [opening_hours]`")
        spoken = {language.partition("-")[0] for language in others.data.get("text", examples)}
        for language in examples:
            if language.partition("-")[0] not in spoken:
                raise ValueError(f"are in {language}, but it has no words in {language}; Add them under `text:`")
        return {language: [" ".join(line.split()) for line in lines] for language, lines in examples.items()}

    @field_validator("target")
    @classmethod
    def _goes_with_a_transfer(cls, target: str, others: ValidationInfo) -> str:
        then = others.data.get("then")
        if then == "transfer" and not target:
            raise ValueError("is missing; Name whom the call goes to, as in prompts/transfers.yaml")
        if then in {"nothing", "hang_up", "ask_model"} and target:
            raise ValueError(f"is {target}, but nobody is called; Write `then: transfer`, or remove it")
        return target

    @field_validator("interruptible")
    @classmethod
    def _last_words_are_heard(cls, interruptible: bool, others: ValidationInfo) -> bool:
        if interruptible and others.data.get("then") == "hang_up":
            raise ValueError("is true, but the call ends after it; Remove the line, or change `then`")
        return interruptible

    def in_language(self, language: str) -> str | None:
        """The wording for `en-US`: its own, else that for `en`."""
        return self.text.get(language) or self.text.get(language.partition("-")[0])


class _PhrasePage(BaseModel):
    model_config = ConfigDict(extra="forbid")
    phrases: dict[Name, PhraseEntry]


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
    return read_catalogue(phrase_texts(content_dir))


def phrase_texts(content_dir: Path) -> dict[str, str]:
    """The pages, by file. Blocks on files. Raises `ContentError`."""
    return read_texts(content_dir, sorted((content_dir / PHRASES).glob("*.yaml")))


def read_catalogue(sources: Mapping[str, str]) -> Catalogue:
    """The phrases of these pages. Raises `ContentError`."""
    pages: list[tuple[Page, _PhrasePage]] = []
    faults: list[Fault] = []
    for name, text in sources.items():
        try:
            page = read_page(text, name)
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
    asked: dict[tuple[str, str], str] = {}  # language and example -> whose it is
    faults = []
    for page, content in pages:
        for name, entry in content.phrases.items():
            if name in phrases:
                problem = f"stands in {home[name]} too"
                faults.append(page.fault(("phrases", name), problem, "Keep one, or give this one another id"))
            phrases[name], home[name] = entry, page.file
            faults += _ambiguous(page, name, entry, asked)
    return phrases, faults


def _ambiguous(page: Page, name: str, entry: PhraseEntry, asked: dict[tuple[str, str], str]) -> list[Fault]:
    """Words of a caller can have one answer only. What is looked at enters `asked`."""
    faults = []
    for language, lines in entry.examples.items():
        for line in lines:
            words = language.partition("-")[0], " ".join(re.findall(r"\w+", line.casefold()))
            if (other := asked.setdefault(words, name)) != name:
                problem = f"{line!r} is an example of {other} too"
                faults.append(
                    page.fault(("phrases", name, "examples"), problem, "Keep it with the one that answers it")
                )
    return faults
