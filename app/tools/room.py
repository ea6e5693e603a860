"""How many tools may run at once: in the process, and of each tool. Pure counting."""

from collections import Counter

from app.tools.contract import Tool


class Room:
    def __init__(self, places: int) -> None:
        self._places = places
        self._busy: Counter[str] = Counter()

    def has_place(self, tool: Tool) -> bool:
        return self._busy.total() < self._places and self._busy[tool.declaration.name] < tool.at_once

    def enter(self, tool: Tool) -> None:
        self._busy[tool.declaration.name] += 1

    def leave(self, tool: Tool) -> None:
        self._busy[tool.declaration.name] -= 1
