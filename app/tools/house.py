"""Tools the house itself offers. The call machine carries them out; only their declarations are here."""

from app.call.disposition import END_REASONS
from app.tools.tool import Declaration

END_CALL = Declaration(
    name="end_call",
    description=(
        "End the telephone call. Use it when the caller says goodbye or wants nothing more. "
        "A recorded goodbye is played to the caller, so say none yourself."
    ),
    schema={
        "type": "object",
        "properties": {"reason": {"type": "string", "enum": list(END_REASONS), "description": "why the call ends"}},
    },
)

HOUSE_TOOLS = {END_CALL.name: END_CALL}
