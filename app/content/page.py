"""YAML with line numbers, and without YAML's surprises.

Staff write telephone numbers, times and countries. Plain YAML 1.1 reads `+15550100` as a number without its plus,
`9:30` as 570 and `no` as false; here only whole numbers, decimals, `true`, `false` and `null` are anything but text,
and keys are always text. A key that stands twice is a fault, where YAML would quietly keep the last.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.content.faults import ContentError, Fault

type Path = tuple[str | int, ...]

MOST_NODES = 20_000  # of one page; the longest a person wrote has some hundreds
DEEPEST = 30
LONGEST_NUMBER = 30  # digits; more is no quantity


class _Plain(yaml.SafeLoader):
    """A loader that guesses little."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own shape)


_OURS = "tag:yaml.org,2002:"
_SPELT = {f"{_OURS}str": re.compile("(?s).*")}
for _tag, _pattern, _firsts in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", "-0123456789"),
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
):
    _SPELT[_OURS + _tag] = re.compile(_pattern)
    _Plain.add_implicit_resolver(_OURS + _tag, _SPELT[_OURS + _tag], list(_firsts))


@dataclass(frozen=True, slots=True)
class Page:
    """A page's data, and the line on which each part of it stands."""

    file: str
    data: Any
    lines: dict[Path, int]

    def line_of(self, path: Sequence[str | int]) -> int:
        """The line of `path`, or of the nearest thing around it that is there."""
        place = tuple(path)
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def fault(self, path: Sequence[str | int], problem: str, fix: str) -> Fault:
        return Fault(self.file, self.line_of(path), spell(path), problem, fix)


def spell(path: Sequence[str | int]) -> str:
    """`("text", "en-US")` -> `text.en-US`."""
    return ".".join(str(part) for part in path)


def read_page(text: str, file: str, first_line: int = 1) -> Page:
    """Parse YAML that begins on `first_line` of `file`. Raises `ContentError`.

    Nothing on a page can run, and none can swell: aliases (`*name`), by which a few lines make millions, are refused,
    and so is a page that is too large or too deep.
    """
    _bounded(text, file, first_line)
    loader = _Plain(text)
    try:
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise ContentError([_broken(error, file, first_line)]) from None
    finally:
        loader.dispose()
    lines: dict[Path, int] = {}
    faults: list[Fault] = []
    data = None if node is None else _value(node, (), file, first_line, lines, faults)
    if faults:
        raise ContentError(faults)
    return Page(file, data, lines)


def _bounded(text: str, file: str, first_line: int) -> None:
    """Look at the page's events, of which each is small, before anything is made of them."""
    depth = nodes = 0
    try:
        for event in yaml.parse(text, Loader=_Plain):
            problem = _out_of_bounds(event, depth, nodes)
            if problem is not None:
                line = event.start_mark.line if event.start_mark else 0
                raise ContentError([Fault(file, first_line + line, "", *problem)])
            nodes += isinstance(event, yaml.NodeEvent)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
    except yaml.YAMLError as error:
        raise ContentError([_broken(error, file, first_line)]) from None


def _out_of_bounds(event: yaml.Event, depth: int, nodes: int) -> tuple[str, str] | None:
    if isinstance(event, yaml.AliasEvent):
        return f"`*{event.anchor}` repeats another part of the page", "Write it out"
    if depth > DEEPEST:
        return f"is nested more than {DEEPEST} deep", "Write it flatter"
    if nodes > MOST_NODES:
        return f"has more than {MOST_NODES} entries", "Divide the page"
    return None


def _broken(error: yaml.YAMLError, file: str, first_line: int) -> Fault:
    mark = getattr(error, "problem_mark", None)
    line = first_line + mark.line if mark else first_line
    problem = getattr(error, "problem", None) or "this is not YAML"
    return Fault(
        file, line, "", problem, "Check the indentation, the colons and the quotes here and on the line before"
    )


def _value(
    node: yaml.Node, path: Path, file: str, first: int, lines: dict[Path, int], faults: list[Fault]
) -> dict[str, Any] | list[Any] | str | int | float | bool | None:
    lines[path] = first + node.start_mark.line
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, at), file, first, lines, faults) for at, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(node, path, file, first, faults)
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        line = first + key_node.start_mark.line
        if key in found:
            faults.append(Fault(file, line, spell((*path, key)), "stands twice", "Keep one of the two"))
        found[key] = _value(value_node, (*path, key), file, first, lines, faults)
        lines[(*path, key)] = line
    return found


def _scalar(node: yaml.Node, path: Path, file: str, first: int, faults: list[Fault]) -> str | int | float | bool | None:
    kind = node.tag.rpartition(":")[2]
    text = str(node.value)
    if node.tag in _SPELT and _SPELT[node.tag].fullmatch(text) is None:  # `!!int nine`
        fix = "Leave the tag out, and quote what is text"
        faults.append(
            Fault(file, first + node.start_mark.line, spell(path), f"{text[:40]!r} has a tag that does not fit it", fix)
        )
        return None
    match kind:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int" if len(text) < LONGEST_NUMBER:
            return int(text)
        case "float" if len(text) < LONGEST_NUMBER:
            return float(text)
        case _:
            return text


def validated[M: BaseModel](model: type[M], page: Page) -> M:
    """`page.data` as `model`. Raises `ContentError` with one fault for each wrong field."""
    try:
        return model.model_validate(page.data if page.data is not None else {})
    except ValidationError as error:
        raise ContentError(_faults(error, model, page)) from None


def _faults(error: ValidationError, model: type[BaseModel], page: Page) -> Iterator[Fault]:
    for detail in error.errors():
        path = _within(page, detail["loc"])
        yield page.fault(path, *_words(detail, model))


def _within(page: Page, loc: tuple[int | str, ...]) -> Path:
    """Drop the names pydantic adds for its own use (`[key]`, a union's branch) behind what is on the page."""
    kept = [part for part in loc if part != "[key]"]
    while len(kept) > 1 and tuple(kept) not in page.lines and tuple(kept[:-1]) not in page.lines:
        kept.pop()
    return tuple(kept)


def _words(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """Problem and fix of one of pydantic's errors."""
    name = str(detail["loc"][-1]) if detail["loc"] else "the page"
    expected = (detail.get("ctx") or {}).get("expected", "")
    match detail["type"]:
        case "missing":
            return "is missing", f"Add a line `{name}: ...`"
        case "extra_forbidden":
            return "is not known here", _nearest(name, model) or "Remove it"
        case "literal_error" | "enum":
            return f"{detail['input']!r} is not one of the choices", f"Choose {expected}"
        case "value_error":
            problem, _, fix = detail["msg"].removeprefix("Value error, ").partition("; ")
            return problem, fix or "Change it"
        case _:
            return f"{detail['input']!r} does not fit", detail["msg"]


def _nearest(name: str, model: type[BaseModel]) -> str:
    close = difflib.get_close_matches(name, list(model.model_fields), n=1)
    return f"Did you mean `{close[0]}`?" if close else ""
