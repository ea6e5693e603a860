"""`prompts/transfers.yaml`: whom callers may be given to. Only what stands here can be dialled."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from app.content.faults import ContentError
from app.content.page import Page, validated

FORMS = {
    "number": (re.compile(r"^\+[1-9]\d{6,14}$"), "a telephone number such as +15550142"),
    "sip": (re.compile(r"^sips?:[^\s@]+@[^\s@]+$"), "a SIP address such as sip:workshop@example.com"),
    "queue": (re.compile(r"^[A-Za-z0-9][\w .-]{0,63}$"), "a queue's name such as sales"),
    "workflow": (re.compile(r"^WW[0-9a-f]{32}$"), "a workflow's SID: WW and 32 hexadecimal digits"),
}
NUMBER = FORMS["number"][0]

type TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class TransferTarget(BaseModel):
    """Somebody a call may be given to. `to` has the form of its `kind`: E.164, a SIP address, a queue's name, or a
    workflow's SID. `describe` tells the model when to choose it. `caller_id` is a number you own (empty: the number
    that was called); `hours` names a table of routes.yaml (empty: always open)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["number", "sip", "queue", "workflow"]
    to: str
    describe: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    caller_id: str = ""
    hours: str = ""
    warm: bool = False
    ring_s: int = Field(default=25, ge=5, le=600)
    attributes: dict[str, str] = {}

    @field_validator("caller_id")
    @classmethod
    def _a_number(cls, caller_id: str) -> str:
        if caller_id and not NUMBER.match(caller_id):
            raise ValueError(f"{caller_id!r} is not a telephone number; Write it as +15550100, or leave it out")
        return caller_id

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        form, words = FORMS[self.kind]
        if not form.match(self.to):
            raise ValueError(f"`to` {self.to!r} is not {words}; Write {words}, or change `kind`")
        if self.warm and self.kind not in {"number", "sip"}:
            raise ValueError(f"a {self.kind} cannot be asked first; Remove `warm`, or name a number or a SIP address")
        if self.attributes and self.kind != "workflow":
            raise ValueError("`attributes` are for a workflow; Remove them, or choose `kind: workflow`")
        return self


class _TransfersPage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    targets: dict[TargetName, TransferTarget]


def read_transfers(page: Page, tables: Collection[str] | None) -> Mapping[str, TransferTarget]:
    """Targets by name. `tables` are the names of the hours there are, None where nobody knows. Raises
    `ContentError`."""
    targets = validated(_TransfersPage, page).targets
    fix = "There are: " + ", ".join(sorted(tables)) if tables else "Write it under `hours:` in prompts/routes.yaml"
    faults = [
        page.fault(("targets", name, "hours"), f"there are no hours {target.hours!r}", fix)
        for name, target in targets.items()
        if tables is not None and target.hours and target.hours not in tables
    ]
    if faults:
        raise ContentError(faults)
    return targets
