"""What the parcel desk can look up."""

import asyncio
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
