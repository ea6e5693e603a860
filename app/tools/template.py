"""The templates of YAML tools: text with names in it, and nothing that could run. Pure.

`{{ number }}`, `{{ answer.customer.name }}`, `{{ answer.price | round(2) }}`: names, what lies in them, and filters of
a short list. No statements, no calls, no arithmetic, no loops; a name reaches data and never an attribute of an object.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import jinja2
from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 4_000  # characters, of a template and of what it makes
FILTERS = (
    *("capitalize", "default", "first", "int", "join", "last", "length", "lower", "replace"),
    *("round", "title", "trim", "truncate", "upper"),
)
ALLOWED = (nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Const)
ONE_HOLE = re.compile(r"\s*\{\{(.*)\}\}\s*", re.DOTALL)


class BadTemplate(Exception):
    """The writer's fault; `fix` says how to mend it."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}. {fix}")
        self.problem = problem
        self.fix = fix


class NotFilled(Exception):
    """The values do not fit the template. The text names a name, never a value."""


class _DataOnly(ImmutableSandboxedEnvironment):
    """A dot leads to an entry of a mapping or a list, and to nothing else: `answer.items` is the answer's own."""

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping) and argument in obj:
            return obj[argument]
        if isinstance(obj, list) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        name = getattr(obj, "_undefined_name", None) or argument
        return self.undefined(name=f"{name}.{argument}" if isinstance(obj, Undefined) else str(argument))

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)


def _spelt(value: object) -> str:
    """`4712` -> `4 7 1 2`, for a voice."""
    return " ".join(str(value))


def _environment(**more: Any) -> _DataOnly:
    environment = _DataOnly(undefined=StrictUndefined, autoescape=False, cache_size=0, **more)
    environment.filters = {name: environment.filters[name] for name in FILTERS} | {"spelt": _spelt}
    return environment


_TEXT = _environment()
_URL = _environment(finalize=lambda value: _segment(value))


def _segment(value: object) -> str:
    """Part of a path, which must not lead out of it."""
    text = str(value)
    if text in {"", ".", ".."}:
        raise NotFilled("a part of the path would be empty or lead upwards")
    return quote(text, safe="")


class Template:
    """`names` is what it asks for: the first name of each path."""

    def __init__(self, text: str) -> None:
        """Raises `BadTemplate`."""
        if len(text) > LONGEST:
            raise BadTemplate(f"is {len(text)} characters long", f"Keep it under {LONGEST}")
        try:
            tree = _TEXT.parse(text)
            holes = list(_checked(tree))
            self._template = _TEXT.from_string(text)
            hole = ONE_HOLE.fullmatch(text)
            whole = len(holes) == 1 and hole is not None and not isinstance(holes[0], nodes.TemplateData)
            expression = hole[1] if whole and hole is not None else None
            self._value = _TEXT.compile_expression(expression, undefined_to_none=False) if expression else None
        except TemplateError as error:
            raise BadTemplate(str(error.message or error).rstrip("."), "Write names as `{{ name }}`") from None
        except RecursionError:
            raise BadTemplate("is nested too deep", "Write names as `{{ name }}`") from None
        self.text = text
        self.names = frozenset(name.name for name in tree.find_all(nodes.Name))

    def fill(self, values: Mapping[str, Any]) -> Any:
        """Text; where the template is one `{{ name }}` and nothing else, the value itself, and `None` where there is
        none. Raises `NotFilled`."""
        try:
            if self._value is None:
                return _cut(self._template.render(values))
            value = self._value(**values)
            return None if isinstance(value, Undefined) else _cut(value) if isinstance(value, str) else value
        except NotFilled:
            raise
        except Exception as error:
            raise NotFilled(_reason(error)) from None


def fill_path(text: str, values: Mapping[str, Any]) -> str:
    """A URL's template filled, each value quoted so that it stays one part of the path. Raises `NotFilled`."""
    try:
        return _cut(_path_template(text).render(values))
    except NotFilled:
        raise
    except Exception as error:
        raise NotFilled(_reason(error)) from None


@lru_cache(maxsize=1_000)
def template(text: str) -> Template:
    """The same, made once. Raises `BadTemplate`."""
    return Template(text)


@lru_cache(maxsize=200)
def _path_template(text: str) -> jinja2.Template:
    return _URL.from_string(text)


def _checked(tree: nodes.Template) -> Iterator[nodes.Node]:
    """The pieces of the template. Raises `BadTemplate` for what may not stand in one."""
    for part in tree.body:
        if not isinstance(part, nodes.Output):
            raise BadTemplate("holds a statement", "Only `{{ name }}` may stand here: no loops, no conditions")
        for node in (part, *part.find_all(nodes.Node)):
            _allow(node)
        yield from part.nodes


def _allow(node: nodes.Node) -> None:
    if not isinstance(node, ALLOWED):
        raise BadTemplate(f"holds a {type(node).__name__.lower()}", "Only names, dots and filters may stand here")
    if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const):
        raise BadTemplate("looks up a name by another", "Write what is meant between the brackets")
    if isinstance(node, nodes.Filter):
        if node.name not in {*FILTERS, "spelt"}:
            raise BadTemplate(
                f"there is no filter {node.name!r}", f"There are: {', '.join(sorted((*FILTERS, 'spelt')))}"
            )
        if node.kwargs or not all(isinstance(arg, nodes.Const) for arg in node.args):
            raise BadTemplate(f"{node.name} is given more than plain values", "Give it text or numbers")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _reason(error: Exception) -> str:
    """jinja2 names what is missing; what any other error says may hold a value."""
    return str(error) if isinstance(error, TemplateError) else type(error).__name__
