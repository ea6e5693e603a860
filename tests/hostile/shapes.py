"""What nobody honest sends: wrong types anywhere, depth, length, numbers beyond all numbers, halves of characters."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

DEEP = 100_000

ODD_TEXTS = [
    "",
    "\x00",
    "\ud800",  # half a character: lawful in JSON, in no encoding
    "a\nb",
    "\u202e",
    "../../etc/passwd",
    "{{ 7 * 7 }}",
    "${jndi:x}",
    "\r\nX-Forged: 1",
    "9" * 5_000,
    "x" * 70_000,
]
ODD_NUMBERS = [float("inf"), float("-inf"), float("nan"), -1, 2**63, 10**400, 1e308, True]


def odd_values() -> st.SearchStrategy[Any]:
    """Any JSON value, the unlikely ones first."""
    leaves = st.one_of(
        st.none(), st.sampled_from(ODD_TEXTS), st.sampled_from(ODD_NUMBERS), st.integers(), st.text(max_size=20)
    )
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner))


def spoiled(document: Any) -> st.SearchStrategy[Any]:
    """`document` with one part of it, at any depth, changed, gone, or doubled in another place."""

    def spoil(given: tuple[list[Any], Any, bool]) -> Any:
        path, value, gone = given
        return _replaced(document, path, value, gone)

    return st.tuples(st.sampled_from(list(_paths(document))), odd_values(), st.booleans()).map(spoil)


def spoiled_json(document: Mapping[str, Any]) -> st.SearchStrategy[str]:
    """The same as text, and text that is cut, deep, or no JSON at all."""
    whole = json.dumps(document)
    return st.one_of(
        spoiled(document).map(json.dumps),
        st.integers(0, len(whole)).map(lambda end: whole[:end]),
        st.tuples(st.integers(0, len(whole)), st.text(max_size=5)).map(
            lambda at: whole[: at[0]] + at[1] + whole[at[0] :]
        ),
        st.sampled_from(["[" * DEEP, '{"a":' * DEEP, '{"event":' + "[" * DEEP, "null", "1", '"x"', "[]", "{}"]),
        odd_values().map(json.dumps),
        st.text(max_size=50),
    )


def _paths(document: Any, at: tuple[Any, ...] = ()) -> list[list[Any]]:
    inner: list[list[Any]] = []
    children = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in children:
        inner += _paths(value, (*at, key))
    return [list(at), *inner] if at else inner or [[]]


def _replaced(document: Any, path: list[Any], value: Any, gone: bool) -> Any:
    if not path:
        return value
    key, *rest = path
    copy = dict(document) if isinstance(document, dict) else list(document)
    if gone and not rest:
        del copy[key]
    else:
        copy[key] = _replaced(copy[key], rest, value, gone)
    return copy


def only(errors: type[Exception], work: Callable[[], object]) -> None:
    """Do it: nothing but `errors` may come out."""
    with suppress(errors):
        work()
