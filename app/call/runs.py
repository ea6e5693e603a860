"""The tools the model has called and not yet had an answer for."""

import json
from dataclasses import dataclass

TOO_SLOW = json.dumps({"error": "The tool did not answer in time."})
NAME_TAKEN = json.dumps({"error": "Another call of a tool has this id."})
HUSHED = json.dumps(
    {"error": "not_done", "advice": "The caller has been answered by a recorded line. Do nothing more about it."}
)
ENDING = json.dumps({"status": "The call is ending. Say goodbye in one short sentence."})


@dataclass(frozen=True, slots=True)
class Run:
    run: str
    session: int
    name: str
    due_ms: int
    arguments: str = ""  # as the model gave them


class Runs:
    def __init__(self) -> None:
        self._open: dict[str, Run] = {}

    def __bool__(self) -> bool:
        return bool(self._open)

    def __contains__(self, run: str) -> bool:
        return run in self._open

    @property
    def names(self) -> list[str]:
        return [run.name for run in self._open.values()]

    def begin(self, run: Run) -> None:
        self._open[run.run] = run

    def open(self) -> list[Run]:
        return list(self._open.values())

    def take(self, run: str) -> Run | None:
        """The run, once: whoever takes it answers it."""
        return self._open.pop(run, None)

    def take_overdue(self, now: int) -> list[Run]:
        return [self._open.pop(run.run) for run in list(self._open.values()) if now >= run.due_ms]

    def take_all(self) -> list[Run]:
        runs = list(self._open.values())
        self._open.clear()
        return runs

    def pending_in(self, session: int) -> bool:
        return any(run.session == session for run in self._open.values())

    def asked_again(self, former: Run) -> bool:
        """Whether the same is being looked up for a later session."""
        what = (former.name, former.arguments)
        return any((run.name, run.arguments) == what and run.session > former.session for run in self._open.values())

    def deadline(self) -> int | None:
        return min((run.due_ms for run in self._open.values()), default=None)
