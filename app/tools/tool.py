"""A tool is a typed Python function with a docstring: what the model is told of it is read from the function itself.

    @tool(effects=True, time_limit_s=5)
    def book(slot: Annotated[str, "one of the slots that find_slots gave"], call: Context) -> dict[str, object]:
        '''Book an appointment.'''

Annotations become a flat JSON schema, `Annotated[..., "words"]` describes a parameter, a default makes it optional. A
parameter annotated `Context` or `CallFacts` is filled by the house and never shown to the model. `effects=True` says
that it changes something: then `Context.key` tells one deed from another. An ordinary function may block, an `async`
one must not.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import to_jsonable_python

from app.call.setup import CallFacts
from app.tools.contract import AT_ONCE, TIME_LIMIT_S, BadArguments, Context, Declaration
from app.tools.schema import flat_schema
from app.tools.threads import in_a_thread

type Function = Callable[..., Any]

NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_]{0,63}$")
HOUSE = (Context, CallFacts)  # what the house fills in

# What the model sends is rewritten speech: a number may come as text and text as a number, and something may be added.
LENIENT = ConfigDict(extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True)


class BadTool(Exception):
    """A function that cannot be a tool; whoever wrote it can mend it. `fix` says how."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}. {fix}")
        self.problem = problem
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Traits:
    """How a tool is run, as its decorator says it."""

    time_limit_s: float = TIME_LIMIT_S
    effects: bool = False
    at_once: int = AT_ONCE


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function and what was read from it. `arguments` validates what the model sends; `house` is the parameter that
    the house fills in, and with what."""

    declaration: Declaration
    function: Function
    arguments: type[BaseModel]
    house: tuple[str, type] | None
    traits: Traits
    source: str

    @property
    def name(self) -> str:
        return self.declaration.name

    @property
    def effects(self) -> bool:
        return self.traits.effects

    @property
    def time_limit_s(self) -> float:
        return self.traits.time_limit_s

    @property
    def at_once(self) -> int:
        return self.traits.at_once

    def check(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        return checked(self.arguments, sent)

    async def call(self, given: Mapping[str, Any], context: Context) -> Any:
        filled = dict(given)
        if self.house is not None:
            parameter, kind = self.house
            filled[parameter] = context if kind is Context else context.facts
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**filled)
        return await in_a_thread(lambda: to_jsonable_python(self.function(**filled)), self.name, context)


def checked(arguments: type[BaseModel], sent: Mapping[str, Any]) -> dict[str, Any]:
    """`sent` as the model's fields. Raises `BadArguments`, naming each field that is wrong."""
    try:
        model = arguments.model_validate(dict(sent))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise BadArguments(f"Call the tool again with correct arguments, or ask the caller. {wrong}") from None
    return {field: getattr(model, field) for field in arguments.model_fields}


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(
    *, effects: bool = False, time_limit_s: float = TIME_LIMIT_S, at_once: int = AT_ONCE
) -> Callable[[Function], Function]: ...
def tool(
    function: Function | None = None,
    /,
    *,
    effects: bool = False,
    time_limit_s: float = TIME_LIMIT_S,
    at_once: int = AT_ONCE,
) -> Function | Callable[[Function], Function]:
    """Offer a function to the agents that name it. It stays an ordinary function. Raises `BadTool`."""

    def offer(function: Function) -> Function:
        made = read_tool(function, Traits(time_limit_s, effects, at_once))
        function.offhook_tool = made  # type: ignore[attr-defined]
        return function

    return offer if function is None else offer(function)


def offered(value: object) -> FunctionTool | None:
    """The tool that `@tool` made of this function, if it did."""
    found = getattr(value, "offhook_tool", None)
    return found if isinstance(found, FunctionTool) else None


def read_tool(function: Function, traits: Traits | None = None) -> FunctionTool:
    """Raises `BadTool` when name, docstring or annotations will not do."""
    name = getattr(function, "__name__", "")
    if not NAME.match(name):
        raise BadTool(f"{name!r} is no name for a tool", "Use letters, digits and underscores, a letter first")
    description = inspect.cleandoc(function.__doc__ or "").strip()
    if not description:
        raise BadTool(f"{name} has no docstring", "Say in one sentence what it does: the model chooses by it")
    hints = get_type_hints(function, include_extras=True)
    house = next(((parameter, hint) for parameter, hint in hints.items() if hint in HOUSE), None)
    arguments = _arguments(function, hints, None if house is None else house[0])
    schema = flat_schema(arguments.model_json_schema(), name)
    source = inspect.getsourcefile(function) or ""
    return FunctionTool(Declaration(name, description, schema), function, arguments, house, traits or Traits(), source)


def _arguments(function: Function, hints: Mapping[str, Any], house: str | None) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == house:
            continue
        if parameter.name not in hints or parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise BadTool(
                f"{function.__name__}: {parameter.name} has no type", "Annotate it: str, int, float, bool or Literal"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (_described(hints[parameter.name]), default)
    try:
        return create_model(function.__name__, __config__=LENIENT, **fields)
    except PydanticUserError as error:
        raise BadTool(f"{function.__name__}: {error.message}", "Use str, int, float, bool or Literal") from None


def _described(hint: Any) -> Any:
    """`Annotated[str, "words"]` -> the same with the words as pydantic's description."""
    if get_origin(hint) is not Annotated:
        return hint
    kind, *notes = get_args(hint)
    fields = [Field(description=note) if isinstance(note, str) else note for note in notes]
    return Annotated[kind, *fields]
