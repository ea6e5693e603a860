"""A tool that an MCP server offers, and what becomes of its answer.

What comes back is data: it reaches the model inside the JSON of a tool's result and nowhere else.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from app.tools.contract import Context, Declaration, ToolFailed
from app.tools.mcp_page import Offered
from app.tools.tool import LENIENT, checked

TYPES: Mapping[str, type] = {"string": str, "integer": int, "number": float, "boolean": bool}
MOST_TEXT = 4_000  # characters
WORDLESS = {"summary": "It was done, but the answer holds nothing that can be said."}


@dataclass(frozen=True, slots=True)
class McpTool:
    offered: Offered
    source: str
    arguments: type[BaseModel] = field(repr=False)

    @property
    def declaration(self) -> Declaration:
        return self.offered.declaration

    @property
    def effects(self) -> bool:
        return self.offered.effects

    @property
    def time_limit_s(self) -> float:
        return self.offered.page.time_limit_s

    @property
    def at_once(self) -> int:
        return self.offered.page.at_once

    def check(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """By the server's own names; what has no value is left out."""
        given = checked(self.arguments, sent)
        fields = self.arguments.model_fields
        return {fields[name].alias or name: value for name, value in given.items() if value is not None}

    async def call(self, given: Mapping[str, Any], context: Context) -> Any:
        if context.links is None:
            raise ToolFailed("it was given no connections")
        link = context.links.of(self.offered.server)
        return await link.call(self.offered.remote, given, context.key if self.effects else "")


def mcp_tool(offered: Offered, source: str) -> McpTool:
    return McpTool(offered, source, arguments_model(offered.declaration))


def arguments_model(declaration: Declaration) -> type[BaseModel]:
    """What a flat schema allows: kinds, choices and bounds. A stranger's pattern is left to the stranger."""
    required = declaration.schema.get("required", ())
    fields: dict[str, Any] = {}
    for at, (name, part) in enumerate(declaration.schema["properties"].items()):
        hint = _hint(part)
        limits = Field(alias=name, ge=part.get("minimum"), le=part.get("maximum"))
        if name in required:
            fields[f"field_{at}"] = (Annotated[hint, limits], ...)
        else:
            fields[f"field_{at}"] = (Annotated[hint | None, limits], None)
    return create_model(declaration.name, __config__=LENIENT, **fields)


def _hint(part: Mapping[str, Any]) -> Any:
    if choices := part.get("enum"):
        return Literal[tuple(choices)]
    if part["type"] == "array":
        return list[_hint(part["items"])]  # type: ignore[misc]
    return TYPES[part["type"]]


def answer_of(structured: Any, texts: Iterable[str]) -> Any:
    """One small document: what the server gave as JSON, else its text, which may be JSON too. Pictures, sounds and
    links cannot be said, and are dropped."""
    if structured is not None:
        return structured
    text = "\n".join(part.strip() for part in texts if part.strip())
    if not text:
        return WORDLESS
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
    return {"text": text[:MOST_TEXT]}
