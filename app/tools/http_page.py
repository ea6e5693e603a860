"""A YAML file that describes an HTTP request as a tool. Pure: text in, a tool or faults out.

name: find_order
description: Look up an order by its number.
parameters:
  number: {type: string, description: the order number, pattern: "^[0-9]{4}$"}
method: GET
url: https://orders.example.com/orders/{{ number }}
headers: {Authorization: "Bearer {{ TOOL_ORDERS_KEY }}"}
answers:                                       # the first that fits; without one, the whole answer
  - status: 404
    result: {found: false, summary: "There is no order {{ number | spelt }}."}
  - result: {found: true, summary: "It is {{ answer.state }}."}
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model, model_validator
from pydantic_core import SchemaError

from app.content.faults import ContentError, Fault
from app.content.page import Page, Path, validated
from app.tools.addresses import LOOPBACK, host_problem
from app.tools.template import BadTemplate, Template
from app.tools.tool import LENIENT

VARIABLE = re.compile(r"TOOL_[A-Z0-9_]+")
URL = re.compile(r"(?P<scheme>https?)://(?P<host>[^/{}\s?#@:]+)(?::(?P<port>\d{1,5}))?(?P<path>/[^\s?#]*)?")
PLACE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
OURS = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "idempotency-key"}
LONGEST_WAIT_S = 19.0  # the call itself gives a tool up after twenty seconds
OF_ANSWER = ("answer", "status")
TYPES: Mapping[str, type] = {"string": str, "integer": int, "number": float, "boolean": bool}

type Plain = str | int | float | bool | None
type Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Parameter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["string", "integer", "number", "boolean"]
    description: Text
    enum: list[str | int] | None = None
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    required: bool = True


class AnswerCase(BaseModel):
    """Fits an answer with this status (any 2xx when not given) and these values at these places of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: int | None = Field(default=None, ge=200, le=599)
    where: dict[str, Plain] = {}
    result: dict[str, Plain] = Field(min_length=1)


class HttpPage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kind: Literal["http"] = "http"
    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_]{0,63}$")]
    description: Text
    parameters: dict[str, Parameter] = {}
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Text
    headers: dict[str, str] = {}
    query: dict[str, Plain] = {}
    body: Any = Field(default=None, alias="json")
    answers: list[AnswerCase] = []
    effects: bool | None = None  # by the method, where not given
    idempotent: bool | None = None  # ... and so is this: it may be sent again where no answer came
    retries: int = Field(default=1, ge=0, le=3)
    time_limit_s: float = Field(default=8.0, gt=0, le=LONGEST_WAIT_S)
    at_once: int = Field(default=8, ge=1, le=64)

    @model_validator(mode="after")
    def _a_body_goes_with_a_method_that_has_one(self) -> "HttpPage":
        if self.body is not None and self.method in {"GET", "HEAD"}:
            raise ValueError(f"{self.method} has no json; Use `query`, or another method")
        return self

    @property
    def has_effects(self) -> bool:
        return self.method not in {"GET", "HEAD"} if self.effects is None else self.effects

    @property
    def may_repeat(self) -> bool:
        return self.method not in {"POST", "PATCH"} if self.idempotent is None else self.idempotent


def read_http_page(page: Page) -> tuple[HttpPage, type[BaseModel]]:
    """The page, and the model of its arguments. Raises `ContentError` with every fault."""
    found = validated(HttpPage, page)
    faults = [*_url_faults(found, page), *_parameter_faults(found, page), *_template_faults(found, page)]
    faults += [
        page.fault(("headers", name), "is written by the house", "Remove it")
        for name in found.headers
        if name.lower() in OURS
    ]
    if faults:
        raise ContentError(faults)
    return found, arguments_model(found)


def arguments_model(page: HttpPage) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, parameter in page.parameters.items():
        hint: Any = Literal[tuple(parameter.enum)] if parameter.enum else TYPES[parameter.type]
        limits = Field(
            description=parameter.description,
            pattern=parameter.pattern or None,
            ge=parameter.minimum,
            le=parameter.maximum,
        )
        fields[name] = (Annotated[hint, limits], ...) if parameter.required else (Annotated[hint, limits] | None, None)
    return create_model(page.name, __config__=LENIENT, **fields)


def _url_faults(found: HttpPage, page: Page) -> Iterator[Fault]:
    parts = URL.fullmatch(re.sub(r"\{\{.*?\}\}", "x", found.url) if "{{" in found.url else found.url)
    written = URL.match(found.url)
    if parts is None or written is None or written["host"] != parts["host"]:
        yield page.fault(
            ("url",), "is no address", "Write https://host/path; names may stand in the path only, the rest in `query`"
        )
        return
    if (problem := host_problem(parts["host"].lower())) is not None:
        yield page.fault(("url",), f"{parts['host']} {problem}", "Name a public host, such as api.example.com")
    elif parts["scheme"] != "https" and parts["host"] != LOOPBACK:
        yield page.fault(("url",), "is not https", "Begin it with https://")


def _parameter_faults(found: HttpPage, page: Page) -> Iterator[Fault]:
    for name, parameter in found.parameters.items():
        path: Path = ("parameters", name)
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) or name in OF_ANSWER:
            yield page.fault(path, "is no name for a parameter", "Use small letters, digits and underscores")
            continue
        if parameter.enum and any(type(choice) is not TYPES[parameter.type] for choice in parameter.enum):
            yield page.fault((*path, "enum"), f"not every choice is of type {parameter.type}", "Make them so")
            continue
        if parameter.pattern and parameter.type != "string":
            yield page.fault((*path, "pattern"), "is for text only", "Use `minimum` and `maximum`, or type: string")
            continue
        try:
            one = found.model_copy(update={"parameters": {name: parameter}})
            arguments_model(one)
            re.compile(parameter.pattern)
        except (SchemaError, re.error):
            yield page.fault((*path, "pattern"), "is no regular expression that works here", "Write a plainer one")


def _template_faults(found: HttpPage, page: Page) -> Iterator[Fault]:
    parameters = set(found.parameters)
    optional = {name for name, parameter in found.parameters.items() if not parameter.required}
    url = [(("url",), found.url)]
    yield from _name_faults(page, url, parameters, "")
    for path, template in _read(url):
        if missing := sorted(template.names & optional):
            yield page.fault(path, f"{missing[0]} may be missing", f"Make parameters.{missing[0]} required")
    yield from _name_faults(page, _texts(found.query, ("query",)), parameters, "")
    sent = [*_texts(found.headers, ("headers",)), *_texts(found.body, ("json",))]
    yield from _name_faults(page, sent, parameters, "TOOL_")
    for at, case in enumerate(found.answers):
        for place in case.where:
            if not PLACE.fullmatch(place):
                fault = "is no place in an answer", "Write names and dots, such as order.state"
                yield page.fault(("answers", at, "where", place), *fault)
    told = [text for at, case in enumerate(found.answers) for text in _texts(case.result, ("answers", at, "result"))]
    yield from _name_faults(page, told, parameters | set(OF_ANSWER), "")


def _name_faults(page: Page, texts: Iterable[tuple[Path, str]], known: set[str], prefix: str) -> Iterator[Fault]:
    for path, text in texts:
        try:
            template = Template(text)
        except BadTemplate as bad:
            yield page.fault(path, bad.problem, bad.fix)
            continue
        for name in sorted(template.names - known):
            if VARIABLE.fullmatch(name) and prefix:
                continue
            if VARIABLE.fullmatch(name):
                yield page.fault(path, f"{name} may not stand here", "Variables go into `headers` or `json` only")
            else:
                names = ", ".join(sorted(known)) or "none yet: list them under `parameters`"
                yield page.fault(path, f"there is no {name!r}", f"Names that can stand here: {names}")


def _read(texts: Iterable[tuple[Path, str]]) -> Iterator[tuple[Path, Template]]:
    for path, text in texts:
        try:
            yield path, Template(text)
        except BadTemplate:
            continue  # told already


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text in it, with its place on the page."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _texts(part, (*path, name))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from _texts(part, (*path, at))


def at_place(place: str) -> str:
    """`order.state` as a template."""
    return "{{ answer." + place + " }}"


def variables_of(found: HttpPage) -> dict[str, Path]:
    """The `TOOL_*` variables it needs, and where."""
    sent = [*_texts(found.headers, ("headers",)), *_texts(found.body, ("json",))]
    return {name: path for path, template in _read(sent) for name in template.names if VARIABLE.fullmatch(name)}
