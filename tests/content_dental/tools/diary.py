"""The diary of the practice: one page a day, in a file."""

from typing import Annotated

from app.tools.contract import Context
from app.tools.tool import tool


@tool(effects=True)
def make_appointment(
    day: Annotated[str, "the day of the appointment, such as Tuesday"], call: Context
) -> dict[str, str]:
    """Make an appointment with the dentist."""
    call.data_dir.mkdir(parents=True, exist_ok=True)
    with (call.data_dir / "diary.txt").open("a", encoding="utf-8") as diary:
        diary.write(f"{day}\n")
    return {"summary": f"You are down for {day.title()} at ten."}
