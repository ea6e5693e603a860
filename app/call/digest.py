"""What a session must know of the call besides the words of its history, in at most 1 KB.

A history tells what was said and heard, and of a long call only the latest part. It cannot tell what tools answered,
what was entered on the keypad, what was promised and what was tried: those are kept here as the machine met them, and
stand behind the call facts in the first USER block of every history. So any session can take over at any moment.

Plain facts of the machine, no summary: the latest of each kind, the newest results where there is not room for all. Of
a secret only its token is known here.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from app.call.events import Outcome
from app.call.onward import OnwardResult

MOST_BYTES = 1_024
MOST_OF_ONE = 240  # bytes of one fact
MOST_FACTS = 40
HEAD = "(What this call knows so far:"
TAIL = ")"

type Kind = Literal["entered", "promised", "tried", "tool"]
_ORDER: tuple[Kind, ...] = ("entered", "promised", "tried", "tool")  # where there is not room for all


@dataclass(frozen=True, slots=True)
class Fact:
    kind: Kind
    about: str  # one fact of a kind about each
    text: str

    def document(self) -> dict[str, str]:
        return {"kind": self.kind, "about": self.about, "text": self.text}

    @classmethod
    def of(cls, document: Mapping[str, str]) -> Self:
        """Raises KeyError for what is no fact."""
        if document["kind"] not in _ORDER:
            raise KeyError(document["kind"])
        return cls(document["kind"], document["about"], document["text"])


class Digest:
    def __init__(self) -> None:
        self._facts: list[Fact] = []  # oldest first

    # --- what is kept ---------------------------------------------------------------------------------------------

    def entered(self, name: str, outcome: Mapping[str, Any]) -> None:
        """Digits, or the token that stands for them, where any were entered."""
        if "token" in outcome:
            self._keep("entered", name, f"secret digits, as {outcome['token']}")
        elif "digits" in outcome:
            self._keep("entered", name, str(outcome["digits"]))

    def answered(self, tool: str, arguments: str, outcome: Outcome, result: str) -> None:
        asked = "" if arguments in ("", "{}") else f" {_clipped(arguments, MOST_OF_ONE // 3)}"
        said = result if outcome is Outcome.OK else f"{outcome}, {result}"
        self._keep("tool", f"{tool}{asked}", said)

    def promised(self, what: str, about: Mapping[str, str]) -> None:
        self._keep("promised", what, json.dumps(dict(about), ensure_ascii=False) if about else "yes")

    def tried(self, what: str, result: OnwardResult) -> None:
        self._keep("tried", what, str(result).replace("_", " "))

    def _keep(self, kind: Kind, about: str, text: str) -> None:
        about = _clipped(about, MOST_OF_ONE)
        fact = Fact(kind, about, _clipped(" ".join(text.split()), MOST_OF_ONE))
        others = [kept for kept in self._facts if (kept.kind, kept.about) != (kind, about)]
        self._facts = [*others, fact][-MOST_FACTS:]

    # --- what it comes to -----------------------------------------------------------------------------------------

    def text(self, language: str = "") -> str:
        """For the model; "" where there is nothing to tell. `language`: the one the call has changed to."""
        lines = [f"- The call is held in {language} now."] if language else []
        room = MOST_BYTES - len("\n".join((HEAD, *lines, TAIL)).encode())
        told: set[Fact] = set()
        for kind in _ORDER:
            for fact in reversed([fact for fact in self._facts if fact.kind == kind]):
                size = len(_line(fact).encode("utf-8", "replace")) + 1
                if size > room:
                    break
                room -= size
                told.add(fact)
        lines += [_line(fact) for fact in self._facts if fact in told]
        return "\n".join((HEAD, *lines)) + TAIL if lines else ""

    @property
    def facts(self) -> tuple[Fact, ...]:
        return tuple(self._facts)

    def restore(self, facts: Iterable[Fact]) -> None:
        self._facts = list(facts)


def _line(fact: Fact) -> str:
    match fact.kind:
        case "entered":
            return f"- The caller has entered {fact.about} on the keypad: {fact.text}"
        case "promised":
            return f"- Promised, {fact.about}: {fact.text}"
        case "tried":
            return f"- Tried, {fact.about}: {fact.text}"
        case "tool":
            return f"- The tool {fact.about} answered: {fact.text}"


def _clipped(text: str, most: int) -> str:
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= most else encoded[: most - 3].decode("utf-8", "ignore") + "…"
