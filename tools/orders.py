"""Orders of the shop. A real shop would ask its order system here; this one reads a small file."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Annotated

from app.tools.tool import tool

ORDERS = Path(__file__).parent / "data" / "orders.json"
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@cache
def _orders() -> dict[str, dict[str, str]]:
    orders: dict[str, dict[str, str]] = json.loads(ORDERS.read_text(encoding="utf-8"))
    return orders


def digits_of(spoken: str) -> str:
    """`four seven one two`, `47 12` and `order 4712` -> `4712`; `oh` is a zero."""
    found = []
    for word in re.findall(r"[a-z]+|\d", spoken.lower()):
        if word.isdigit():
            found.append(word)
        elif word in WORDS:
            found.append(str(WORDS.index(word)))
        elif word in {"oh", "o"}:
            found.append("0")
    return "".join(found)


@tool(time_limit_s=5)
def find_order(
    number: Annotated[str, "the order number the caller said, four digits such as 4712"],
) -> dict[str, object]:
    """Look up an order by its number: what it is, what state it is in, when it is ready."""
    digits = digits_of(number)
    order = _orders().get(digits)
    if order is None:
        return {"found": False, "summary": f"There is no order with the number {' '.join(digits) or number}."}
    return {"found": True, "number": digits, **order, "summary": _summary(digits, order)}


def _summary(digits: str, order: dict[str, str]) -> str:
    if order["state"] == "ready":
        return f"Order {' '.join(digits)} is {order['item']}. It is ready and can be collected {order['ready']}."
    return f"Order {' '.join(digits)} is {order['item']}. It is {order['state']} and will be ready {order['ready']}."
