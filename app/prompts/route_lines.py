"""One number's route written into the text of routes.yaml, every other character left as staff wrote it. Pure.

The page's nodes say where each value stands in the text; only that place is changed. Whoever writes the text checks it
as an edition before it takes the place of the old one.
"""

from typing import Any

import yaml

from app.content.faults import ContentError, Fault

FILE = "prompts/routes.yaml"


def with_route(text: str, number: str, agent: str) -> str:
    """The text in which `number` (+15550100) is answered by `agent`. The rule of a number that is listed keeps its
    hours and all else; a new one is answered like the default where that names the same agent. Raises `ContentError`
    where the page is not written as lines, which a person has to change."""
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    entries = _entries(root)
    if entries is None or root.flow_style or "default" not in entries:
        raise ContentError([Fault(FILE, 1, "numbers", "is not written as lines", f"Add the route of {number} by hand")])
    numbers = entries.get("numbers")
    listed = _entries(numbers) or {}
    if number in listed:
        return _renamed(text, listed[number], agent)
    return _added(text, entries, f"{number}: {_rule(text, entries['default'], agent)}")


def _entries(node: Any) -> dict[str, Any] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return {str(key.value): value for key, value in node.value}


def _renamed(text: str, rule: Any, agent: str) -> str:
    """`+1...: agent` or `+1...: {agent: name, ...}`: only the name is another."""
    within = _entries(rule)
    name = rule if within is None else within["agent"]
    return text if name.value == agent else _put(text, name.start_mark.index, agent, name.end_mark.index)


def _rule(text: str, default: Any, agent: str) -> str:
    within = _entries(default)
    same = within is not None and within["agent"].value == agent
    if within is None or not same:
        return f"{{agent: {agent}}}"
    parts = [f"{name}: {text[value.start_mark.index : value.end_mark.index]}" for name, value in within.items()]
    return f"{{{', '.join(parts)}}}"


def _added(text: str, entries: dict[str, Any], route: str) -> str:
    numbers = entries.get("numbers")
    if isinstance(numbers, yaml.MappingNode) and numbers.flow_style:
        if not numbers.value:
            return _put(text, numbers.start_mark.index, f"{{{route}}}", numbers.end_mark.index)
        return _put(text, _end(numbers.value[-1][1]), f", {route}")
    newline = "\r\n" if "\r\n" in text else "\n"
    if isinstance(numbers, yaml.MappingNode):
        indent = " " * numbers.value[0][0].start_mark.column
        return _put(text, _line_end(text, _end(numbers)), f"{newline}{indent}{route}")
    if numbers is not None:  # `numbers:` with nothing behind it
        return _put(text, _line_end(text, numbers.start_mark.index), f"{newline}  {route}")
    after = _line_end(text, _end(entries["default"]))
    return _put(text, after, f"{newline}{newline}numbers:{newline}  {route}")


def _end(node: Any) -> int:
    """Where what stands in a node ends: a block's own end lies behind the comments that follow it."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _end(node.value[-1][1])
    return int(node.end_mark.index)


def _line_end(text: str, at: int) -> int:
    """The end of the line on which `at` stands, its comment included."""
    found = text.find("\n", at)
    if found < 0:
        return len(text)
    return found - 1 if text[found - 1] == "\r" else found


def _put(text: str, at: int, new: str, until: int | None = None) -> str:
    return text[:at] + new + text[at if until is None else until :]
