"""Two businesses that have nothing in common: what is understood comes from their prompts and tools alone."""

from app.engines.engine import ToolSpec

SHOP_PROMPT = """You are Ada, the voice of the front desk of a bicycle shop. Keep answers short.
Greet callers with "Good day, this is the bicycle shop. How can I help you?"

## Facts
- Opening hours: Monday to Friday nine to six, Saturday ten to four, closed on Sunday.
- Address: 12 Mill Lane, next to the station.
- A flat tyre repair costs 15 euros and takes one hour.
- We sell and repair **electric** bikes.
- You can pay with cash or card.

If the caller asks about parking, say "You can park behind the shop for free."
Use look_up_order when a caller asks about an order. Never invent prices.
"""
LIBRARY_PROMPT = """You are the desk of a town library. Be friendly.

## Opening hours

- Tuesday to Friday: 10 to 19
- Saturday: 10 to 14
- Sunday and Monday: closed

## Lending

Books are lent for four weeks. Films are lent for one week. A library card costs nothing.
Late books cost ten cents a day.
"""


def tool(name: str, description: str, **properties: dict[str, object]) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ToolSpec(name, description, schema)


LOOK_UP_ORDER = tool(
    "look_up_order",
    "Look up an order by its number and tell its status.",
    number={"type": "string", "description": "The order number, four digits."},
)
END_CALL = tool("end_call", "End the call once the caller has said goodbye.", reason={"type": "string"})
TRANSFER = tool("transfer_to_person", "Transfer the caller to a person.", reason={"type": "string"})
SHOP_TOOLS = (LOOK_UP_ORDER, END_CALL, TRANSFER)

FIND_BOOK = tool(
    "find_book",
    "Find a book in the catalogue.",
    title={"type": "string", "description": "Title or subject of the book"},
)
RENEW_LOAN = tool(
    "renew_loan",
    "Renew the loan of a book.",
    card_number={"type": "string", "description": "Library card number"},
    weeks={"type": "string", "enum": ["one", "two"], "description": "How many weeks"},
)
LIBRARY_TOOLS = (FIND_BOOK, RENEW_LOAN)
