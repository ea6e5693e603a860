"""JSON Schema as speech models take it best: one flat object, nothing that is not needed. Pure."""

from collections.abc import Mapping
from typing import Any

SIMPLE = {"string", "integer", "number", "boolean"}
KEPT = ("type", "description", "enum", "items", "minimum", "maximum", "pattern")


class NotFlat(ValueError):
    """A parameter that is an object of its own: models fill such schemas badly."""


def flat_schema(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Reduce what pydantic says to `type`, `properties` and `required`. Raises `NotFlat`."""
    defs = schema.get("$defs") or schema.get("definitions") or {}
    properties = {
        field: _property(part, defs, f"{name}: {field}") for field, part in schema.get("properties", {}).items()
    }
    flat: dict[str, Any] = {"type": "object", "properties": properties}
    if required := schema.get("required"):
        flat["required"] = list(required)
    return flat


def _property(part: Mapping[str, Any], defs: Mapping[str, Any], place: str) -> dict[str, Any]:
    whole = {**_resolved(part, defs), **{key: part[key] for key in ("description",) if key in part}}
    if "const" in whole:  # a Literal of one choice
        whole["enum"] = [whole["const"]]
    if whole.get("type") == "array":
        whole["items"] = _property(whole.get("items", {}), defs, place)
    elif whole.get("type") not in SIMPLE:
        raise NotFlat(f"{place} is not plain")
    return {key: whole[key] for key in KEPT if key in whole}


def _resolved(part: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    """Follow a reference (an enum), and take `X | None` for X: what may be missing need not be null."""
    if "$ref" in part:
        return dict(defs[part["$ref"].rpartition("/")[2]])
    if isinstance(part.get("type"), list):  # another way to say that it may be null
        kinds = [kind for kind in part["type"] if kind != "null"]
        return {**part, "type": kinds[0] if len(kinds) == 1 else ""}
    if "anyOf" in part:
        branches = [branch for branch in part["anyOf"] if branch.get("type") != "null"]
        if len(branches) == 1:
            return _resolved(branches[0], defs)
    return dict(part)
