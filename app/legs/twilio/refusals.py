"""What Twilio's REST interface answers where it refuses, in one sentence with the fix. Pure.

The table holds the codes of reference material as of 2026-09; what is not in it is told with Twilio's own words.
"""

import json
from dataclasses import dataclass
from typing import Any

from twilio.base.exceptions import TwilioException

TOO_MANY = 429
# code -> what is wrong, and the fix
REFUSALS = {
    10004: ("the account may hold no more calls at once", "wait, or have its business profile approved in the Console"),
    20003: (
        "Twilio does not accept the credentials",
        "check TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, or TWILIO_API_KEY with TWILIO_API_SECRET",
    ),
    20404: ("Twilio does not know this in the account", "check the SID, or ask `offhook numbers list`"),
    20429: ("too many requests at once", "wait a moment and try again"),
    21201: ("there is nobody to call", "give a number such as +15550100"),
    21205: ("Twilio does not take the URL", "check PUBLIC_URL and FALLBACK_URL (no underscore in the host)"),
    21210: ("the caller's number is neither owned nor verified", "call from one of `offhook numbers list`"),
    21211: ("the called number is not valid", "write it as +15550100"),
    21212: ("the caller's number is not valid", "write it as +15550100"),
    21215: ("calls to that country are not allowed", "open it under Voice, Settings, Geo Permissions in the Console"),
    21216: ("Twilio does not let the account call that number", "ask its support"),
    21217: ("the number does not look valid", "write it as +15550100"),
    21218: ("there is no such application", "check the SID (AP...) in the Console"),
    21219: ("a trial account can only call verified numbers", "verify it in the Console, or upgrade the account"),
    21220: ("the call is not in progress any more", "nothing need be done"),
    21421: ("that is no telephone number", "write it as +15550100"),
    21422: ("the number is not to be had", "search again with `offhook numbers buy --area-code ...`"),
}


class CarrierError(Exception):
    """Twilio refused, or did not answer. The text is one sentence with the fix; it holds no secret."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}: {fix}")
        self.problem, self.fix = problem, fix


@dataclass(frozen=True, slots=True)
class Refusal:
    """The envelope of an error: HTTP status, Twilio's code (0 where there is none) and Twilio's own words."""

    status: int
    code: int
    said: str

    @property
    def is_unread(self) -> bool:
        """Too much at once: the request was not processed, and may be sent again."""
        return self.status == TOO_MANY

    @property
    def in_words(self) -> tuple[str, str]:
        """What is wrong, and the fix. Numbers stand in it only where the code is not in the table."""
        code = self.code or (20429 if self.is_unread else 0)
        if code in REFUSALS:
            problem, fix = REFUSALS[code]
            return f"{problem} (Twilio {code})", fix
        where = f"https://www.twilio.com/docs/errors/{code}" if code else "the Debugger in the Console"
        return f"Twilio refused with HTTP {self.status}, {self.said}", f"see {where}"


def refusal_of(error: TwilioException) -> Refusal:
    """What the library made an exception of: three kinds for three ways of Twilio's to say no."""
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    said = getattr(error, "msg", "") or getattr(error, "title", "")
    if status is None and len(error.args) == 2:  # a page of a list: the answer itself comes along
        answer = error.args[1]
        status, envelope = getattr(answer, "status_code", 0), _read(getattr(answer, "text", ""))
        code, said = envelope.get("code"), envelope.get("message", "")
    return Refusal(int(status or 0), int(code or 0), str(said) or type(error).__name__)


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
