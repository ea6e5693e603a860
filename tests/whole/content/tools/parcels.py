"""What the parcel desk can look up."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

from app.tools.tool import tool


@tool
def find_parcel(number: Annotated[str, "the parcel's number"]) -> dict[str, str]:
    """Say where a parcel is."""
    return {"number": number, "place": "on the pier"}


@tool(time_limit_s=1.6)
async def ask_the_harbour(ship: Annotated[str, "the ship's name"]) -> dict[str, str]:
    """Ask the harbour master where a ship is. He never picks up."""
    await asyncio.sleep(3600)
    return {"ship": ship}


@tool
def pay(card: Annotated[str, "the card's number, or the token that stands for it"]) -> dict[str, str]:
    """Charge a card. The till keeps the slip, and says the number back, as tills do."""
    Path(os.environ["PARCELS_TILL"]).write_text(card)
    grouped = " ".join(card[at : at + 4] for at in range(0, len(card), 4))
    return {"charged": card, "slip": f"Card {grouped} was charged."}


@tool
def weigh(grams: Annotated[int, "its weight"]) -> dict[str, int]:
    """Say what a weight costs."""
    return {"cents": grams // 10}


@tool
def open_the_safe() -> None:
    """Open the safe. It never opens."""
    raise RuntimeError("the combination is 11-22-33")


@tool
async def read_the_log() -> str:
    """Read the whole log."""
    return "x" * 1_000_000
