"""A tool that is an HTTP request, as a YAML file describes it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from app.content.page import Page
from app.tools.contract import Context, Declaration, Declined, ToolFailed
from app.tools.http_page import AnswerCase, HttpPage, at_place, read_http_page, variables_of
from app.tools.schema import flat_schema
from app.tools.template import NotFilled, fill_path, template
from app.tools.tool import checked
from app.tools.web import AGAIN, Answer, Request, Unreachable, Web

PAUSE_S = 0.2  # before it is sent again
NO = "The other system says no (HTTP {}). Check the details with the caller, or say that it cannot be done."


@dataclass(frozen=True, slots=True)
class HttpTool:
    declaration: Declaration
    page: Page = field(repr=False)
    spec: HttpPage
    arguments: type[BaseModel]

    @property
    def source(self) -> str:
        return self.page.file

    @property
    def effects(self) -> bool:
        return self.spec.has_effects

    @property
    def time_limit_s(self) -> float:
        return self.spec.time_limit_s

    @property
    def at_once(self) -> int:
        return self.spec.at_once

    @property
    def host(self) -> str:
        return str(urlsplit(self.spec.url).hostname)

    @property
    def variables(self) -> Mapping[str, tuple[str | int, ...]]:
        """The `TOOL_*` variables it sends, and where on the page."""
        return variables_of(self.spec)

    def check(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in checked(self.arguments, sent).items() if value is not None}

    async def call(self, given: Mapping[str, Any], context: Context) -> Any:
        if context.web is None:
            raise ToolFailed("it was given no way out")
        try:
            request = self._request(given, context.key, context.web)
            answer = await self._asked(request, context.web)
            return self._told(answer, given)
        except NotFilled as error:
            raise ToolFailed(f"{self.source}: {error}") from None

    def _request(self, given: Mapping[str, Any], key: str, web: Web) -> Request:
        spec = self.spec
        secret = {name: web.variable(name, self.host) for name in self.variables}
        headers = {name: str(value) for name, value in _filled(spec.headers, {**given, **secret}).items()}
        if spec.has_effects:
            headers["Idempotency-Key"] = key
        return Request(
            method=spec.method,
            url=fill_path(spec.url, given),
            headers=headers,
            query={name: _in_query(value) for name, value in _filled(spec.query, given).items()},
            body=_filled(spec.body, {**given, **secret}),
            limit_s=spec.time_limit_s,
        )

    async def _asked(self, request: Request, web: Web) -> Answer:
        left = self.spec.retries if self.spec.may_repeat else 0
        while True:
            try:
                answer = await web.send(request)
                if answer.status not in AGAIN or not left:
                    return answer
            except Unreachable:
                if not left:
                    raise
            left -= 1
            await asyncio.sleep(PAUSE_S)

    def _told(self, answer: Answer, given: Mapping[str, Any]) -> Any:
        for case in self.spec.answers:
            if _fits(case, answer):
                return _filled(case.result, {**given, "answer": answer.content, "status": answer.status})
        if answer.status >= 500 or answer.status in {401, 403, 429}:
            raise ToolFailed(f"HTTP {answer.status}")  # ours or theirs to mend, not the caller's
        if answer.status >= 400:
            raise Declined(NO.format(answer.status))
        return answer.content


def read_http_tool(page: Page) -> HttpTool:
    """Raises `ContentError`."""
    spec, arguments = read_http_page(page)
    schema = flat_schema(arguments.model_json_schema(), spec.name)
    return HttpTool(Declaration(spec.name, spec.description, schema), page, spec, arguments)


def _fits(case: AnswerCase, answer: Answer) -> bool:
    if answer.status != case.status and (case.status is not None or not 200 <= answer.status < 300):
        return False
    return all(
        template(at_place(place)).fill({"answer": answer.content}) == wanted for place, wanted in case.where.items()
    )


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """The same with every template filled; what has no value is left out of a mapping and of a list."""
    if isinstance(value, str):
        return template(value).fill(values)
    if isinstance(value, Mapping):
        parts = {name: _filled(part, values) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part is not None or value[name] is None}
    if isinstance(value, list):
        return [part for item in value if (part := _filled(item, values)) is not None]
    return value


def _in_query(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
