"""A tool is a typed Python function with a docstring: what the model is told of it is read from the function itself.

    @tool
    def find_order(number: Annotated[str, "four digits"]) -> dict[str, object]:
        '''Look up an order by its number.'''

Annotations become a flat JSON schema, `Annotated[..., "words"]` describes a parameter, a default makes it optional. A
parameter annotated `CallFacts` is filled by the house and never shown to the model.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError

from app.call.setup import CallFacts
from app.tools.schema import flat_schema

type Function = Callable[..., Any]

NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_]{0,63}$")
TIME_LIMIT_S = 10.0  # below every limit of the call and of the service

# What the model sends is rewritten speech: a number may come as text and text as a number, and something may be added.
LENIENT = ConfigDict(extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True)


class BadTool(Exception):
    """A function that cannot be a tool; whoever wrote it can mend it. `fix` says how."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}. {fix}")
        self.problem = problem
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Declaration:
    """A tool as the model is told of it."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function and what was read from it. `arguments` validates what the model sends."""

    declaration: Declaration
    function: Function
    arguments: type[BaseModel]
    facts_parameter: str | None
    time_limit_s: float

    @property
    def name(self) -> str:
        return self.declaration.name


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(*, time_limit_s: float = TIME_LIMIT_S) -> Callable[[Function], Function]: ...
def tool(
    function: Function | None = None, /, *, time_limit_s: float = TIME_LIMIT_S
) -> Function | Callable[[Function], Function]:
    """Offer a function to the agents that name it. It stays an ordinary function. Raises `BadTool`."""

    def offer(function: Function) -> Function:
        function.offhook_tool = read_tool(function, time_limit_s)  # type: ignore[attr-defined]
        return function

    return offer if function is None else offer(function)


def offered(value: object) -> Tool | None:
    """The tool that `@tool` made of this function, if it did."""
    found = getattr(value, "offhook_tool", None)
    return found if isinstance(found, Tool) else None


def read_tool(function: Function, time_limit_s: float = TIME_LIMIT_S) -> Tool:
    """Raises `BadTool` when name, docstring or annotations will not do."""
    name = getattr(function, "__name__", "")
    if not NAME.match(name):
        raise BadTool(f"{name!r} is no name for a tool", "Use letters, digits and underscores, a letter first")
    description = inspect.cleandoc(function.__doc__ or "").strip()
    if not description:
        raise BadTool(f"{name} has no docstring", "Say in one sentence what it does: the model chooses by it")
    hints = get_type_hints(function, include_extras=True)
    facts = next((parameter for parameter, hint in hints.items() if hint is CallFacts), None)
    arguments = _arguments(function, hints, facts)
    schema = flat_schema(arguments.model_json_schema(), name)
    return Tool(Declaration(name, description, schema), function, arguments, facts, time_limit_s)


def _arguments(function: Function, hints: Mapping[str, Any], facts: str | None) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == facts:
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
