"""What the telephone's keys do, as an agent's front matter says it (`keypad:`, `collect:`)."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from app.call.setup import Choice, Collection, Doing, Keypad, Menu

TELEPHONE = "0123456789*#"
type Place = tuple[str | int, ...]
type Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


type Word = Annotated[str, StringConstraints(pattern=r"^[a-z']+( [a-z']+){0,3}$")]
MOST_WORDS = 30  # a recogniser of few words can be sure of them
ALONE = {"say", "menu", "transfer", "hang_up"}  # what a key can do without a model


class ChoiceEntry(BaseModel):
    """What one key does: exactly one of these."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    say: str | None = None  # a phrase
    menu: str | None = None
    collect: str | None = None
    transfer: str | None = None  # a target
    language: str | None = None
    tell_model: str | None = None  # text the model answers
    hang_up: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1 or self.hang_up is False:
            choices = ", ".join(ChoiceEntry.model_fields)
            raise ValueError(f"a key does exactly one thing; Choose one of {choices}")
        return self

    def choice(self) -> Choice:
        (do,) = self.model_fields_set
        doing: Doing = do  # type: ignore[assignment]  # the fields are named after what can be done
        value = getattr(self, do)
        return Choice(doing, "" if value is True else str(value))


class MenuEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    say: str
    keys: dict[str, ChoiceEntry]
    wait_s: float = Field(default=6, ge=1, le=60)
    retries: int = Field(default=1, ge=0, le=5)
    words: dict[str, list[Word]] = {}  # by key: what may be said instead, where no model listens

    @field_validator("keys")
    @classmethod
    def _on_a_telephone(cls, keys: dict[str, ChoiceEntry]) -> dict[str, ChoiceEntry]:
        if not keys:
            raise ValueError('has no keys; Write one such as `"1": {say: opening_hours}`')
        for key in keys:
            if len(key) != 1 or key not in TELEPHONE:
                raise ValueError(f"{key!r} is not a key of a telephone; Use one of 0 to 9, * and #, in quotes")
        return keys


class CollectEntry(BaseModel):
    """Digits to be entered. `describe` tells the model when to ask for them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    say: str = ""
    describe: str = ""
    length: Annotated[int, Field(ge=1, le=40)] | list[Annotated[int, Field(ge=1, le=40)]]
    terminator: str = "#"
    first_s: float = Field(default=8, ge=1, le=60)
    gap_s: float = Field(default=4, ge=1, le=60)
    retries: int = Field(default=2, ge=0, le=5)
    sensitive: bool = False

    @field_validator("length")
    @classmethod
    def _from_to(cls, length: int | list[int]) -> int | list[int]:
        if isinstance(length, list) and (len(length) != 2 or length[0] > length[1]):
            raise ValueError("is not a length; Write one number, or two such as [12, 19]")
        return length

    @field_validator("terminator")
    @classmethod
    def _one_key(cls, terminator: str) -> str:
        if terminator and (len(terminator) != 1 or terminator not in TELEPHONE):
            raise ValueError(f'{terminator!r} does not end digits; Use "#", "*", or "" for none')
        return terminator

    def collection(self, name: str) -> Collection:
        shortest, longest = self.length if isinstance(self.length, list) else (self.length, self.length)
        return Collection(
            name=name,
            say=self.say,
            shortest=shortest,
            longest=longest,
            terminator=self.terminator,
            first_ms=round(self.first_s * 1000),
            gap_ms=round(self.gap_s * 1000),
            retries=self.retries,
            sensitive=self.sensitive,
        )


class WithoutModelEntry(BaseModel):
    """What is left of a call where no model can be had: a menu, and a target of transfers.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    menu: str = ""
    person: str = ""


class KeypadEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    start: str = ""
    zero: ChoiceEntry | None = None
    menus: dict[Name, MenuEntry] = {}

    def choices(self) -> Iterator[tuple[Place, ChoiceEntry]]:
        """Every choice, and where it stands under `keypad`."""
        if self.zero is not None:
            yield ("zero",), self.zero
        for name, menu in self.menus.items():
            for key, choice in menu.keys.items():
                yield ("menus", name, "keys", key), choice


def keypad_of(entry: KeypadEntry, collect: Mapping[str, CollectEntry]) -> Keypad:
    """As a call takes it."""
    return Keypad(
        start=entry.start,
        zero=entry.zero.choice() if entry.zero is not None else None,
        menus={
            name: Menu(
                name=name,
                say=menu.say,
                keys={key: choice.choice() for key, choice in menu.keys.items()},
                wait_ms=round(menu.wait_s * 1000),
                retries=menu.retries,
                words=menu.words,
            )
            for name, menu in entry.menus.items()
        },
        collections={name: asked.collection(name) for name, asked in collect.items()},
    )


def unknown_names(entry: KeypadEntry, collect: Mapping[str, CollectEntry]) -> Iterator[tuple[Place, str, str]]:
    """Menus and collections the keypad names and nobody wrote: place, problem, fix."""
    known = {"menu": list(entry.menus), "collect": list(collect)}
    if entry.start and entry.start not in entry.menus:
        yield ("keypad", "start"), f"there is no menu {entry.start!r}", _there_are("menu", known["menu"])
    for place, choice in entry.choices():
        for what, name in (("menu", choice.menu), ("collect", choice.collect)):
            if name is not None and name not in known[what]:
                word = "collection" if what == "collect" else what
                yield ("keypad", *place, what), f"there is no {word} {name!r}", _there_are(what, known[what])


def unfit_alone(entry: KeypadEntry, without_model: WithoutModelEntry) -> Iterator[tuple[Place, str, str]]:
    """What would not serve callers where no model does: place, problem, fix."""
    if without_model.menu and without_model.menu not in entry.menus:
        problem = f"there is no menu {without_model.menu!r}"
        yield ("without_model", "menu"), problem, _there_are("menu", list(entry.menus))
    for name, menu in entry.menus.items():
        for key in menu.words.keys() - menu.keys.keys():
            problem = f"the key {key!r} is not one of this menu's"
            yield ("keypad", "menus", name, "words", key), problem, "Give it to a key under `keys:`, or remove it"
    words = sum(len(said) for menu in entry.menus.values() for said in menu.words.values())
    if words > MOST_WORDS:
        problem = f"the menus have {words} words, and {MOST_WORDS} are the most that can be told apart surely"
        yield ("keypad", "menus"), problem, "Leave the less likely ones out: every key can still be pressed"
    for name in _reached_from(entry, without_model.menu):
        for key, choice in entry.menus[name].keys.items():
            (do,) = choice.model_fields_set
            if do not in ALONE:
                problem = f"`{do}` needs a model, and this menu is offered where there is none"
                yield ("keypad", "menus", name, "keys", key, do), problem, "Choose one of " + ", ".join(sorted(ALONE))


def _reached_from(entry: KeypadEntry, name: str) -> set[str]:
    """This menu, and all that its keys lead to."""
    reached: set[str] = set()
    ahead = [name]
    while ahead:
        menu = ahead.pop()
        if menu in entry.menus and menu not in reached:
            reached.add(menu)
            ahead += [choice.menu for choice in entry.menus[menu].keys.values() if choice.menu is not None]
    return reached


def _there_are(what: str, names: list[str]) -> str:
    where = "collect:" if what == "collect" else "keypad: menus:"
    return "There are: " + ", ".join(sorted(names)) if names else f"Write it under `{where}`"
