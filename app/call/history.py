"""What was said, as heard: the one account that transcripts, snapshots and every session's history are made from."""

from dataclasses import dataclass
from typing import Literal

type Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Line:
    """One block of conversation as a model session gets it."""

    role: Role
    text: str
