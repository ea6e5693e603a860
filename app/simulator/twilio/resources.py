"""The REST resources as JSON: calls, numbers, recordings, pages of them, errors. Pure. (twilio.md 5.1, 5.2)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from app.simulator.twilio.call import Call
from app.simulator.twilio.callbacks import rfc2822
from app.simulator.twilio.identity import API_VERSION
from app.simulator.twilio.recording import Recording

Json = dict[str, object]
PAGE_SIZE = 50
MOST_PER_PAGE = 1000

# code -> (HTTP status, message); {} is filled with what was asked for.
ERRORS = {
    20001: (400, "Invalid parameter: {}"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20404: (404, "The requested resource {} was not found"),
    20429: (429, "Too Many Requests"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "Url is not a valid URL: {}"),
    21210: (400, "The source phone number provided, {}, is not yet verified for your account."),
    21211: (400, "The phone number you are attempting to call, {}, is not valid."),
    21212: (400, "The 'From' number {} is not a valid phone number, shortcode, or alphanumeric sender ID."),
    21213: (400, "A 'From' phone number is required."),
    21214: (400, "'To' phone number {} cannot be reached"),
    21215: (403, "Account not authorized to call {}. Perhaps you need to enable some international permissions"),
    21216: (403, "Account not allowed to call {}"),
    21217: (400, "Phone number {} does not appear to be valid"),
    21218: (400, "Invalid ApplicationSid: {}"),
    21220: (400, "Call is not in-progress. Cannot {}."),
    21421: (400, "PhoneNumber {} is invalid"),
    21422: (400, "PhoneNumber {} is not available to buy"),
}


class ApiError(Exception):
    """A request that is answered with the error envelope."""

    def __init__(self, code: int, about: str = "") -> None:
        self.code = code
        self.status, text = ERRORS[code]
        super().__init__(text.format(about))

    def envelope(self) -> Json:
        return {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


NUMBER_URLS = ("voice_url", "voice_fallback_url", "status_callback", "sms_url", "sms_fallback_url")
SIDS = {"voice_application_sid": "AP", "sms_application_sid": "AP", "trunk_sid": "TK"}


@dataclass(slots=True)
class Number:
    """An owned number and where its calls go."""

    sid: str
    account_sid: str
    phone_number: str
    settings: dict[str, str] = field(default_factory=dict)  # voice_url, voice_method, ... as REST names them
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    def get(self, name: str, default: str = "") -> str:
        return self.settings.get(name, default)

    @property
    def answered_by_url(self) -> bool:
        """A trunk or an application takes a number's calls, and its own URL is ignored."""
        overridden = self.get("trunk_sid") or self.get("voice_application_sid")
        return bool(self.get("voice_url")) and not overridden

    def update(self, settings: Mapping[str, str]) -> None:
        """Change settings; an application and a trunk each clear the other, as the service does."""
        if settings.get("voice_application_sid"):
            self.settings.pop("trunk_sid", None)
        if settings.get("trunk_sid"):
            self.settings.pop("voice_application_sid", None)
        self.settings.update(settings)
        self.updated = datetime.now(UTC)


def number_json(number: Number) -> Json:
    get = number.get
    return {
        "sid": number.sid,
        "account_sid": number.account_sid,
        "friendly_name": get("friendly_name", formatted(number.phone_number)),
        "phone_number": number.phone_number,
        "voice_url": get("voice_url"),
        "voice_method": get("voice_method", "POST"),
        "voice_fallback_url": get("voice_fallback_url"),
        "voice_fallback_method": get("voice_fallback_method", "POST"),
        "status_callback": get("status_callback"),
        "status_callback_method": get("status_callback_method", "POST"),
        "voice_application_sid": get("voice_application_sid") or None,
        "trunk_sid": get("trunk_sid") or None,
        "voice_caller_id_lookup": get("voice_caller_id_lookup") == "true",
        "voice_receive_mode": get("voice_receive_mode", "voice"),
        "sms_url": get("sms_url"),
        "sms_method": get("sms_method", "POST"),
        "sms_fallback_url": get("sms_fallback_url"),
        "sms_fallback_method": get("sms_fallback_method", "POST"),
        "sms_application_sid": get("sms_application_sid") or None,
        "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
        "address_requirements": "none",
        "address_sid": None,
        "identity_sid": None,
        "bundle_sid": None,
        "emergency_status": "Inactive",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "beta": False,
        "origin": "twilio",
        "status": "in-use",
        "type": "local",
        "api_version": API_VERSION,
        "date_created": rfc2822(number.created),
        "date_updated": rfc2822(number.updated),
        "uri": f"{account_path(number.account_sid)}/IncomingPhoneNumbers/{number.sid}.json",
    }


def available_json(phone_number: str, country: str) -> Json:
    return {
        "friendly_name": formatted(phone_number),
        "phone_number": phone_number,
        "lata": None,
        "locality": None,
        "rate_center": None,
        "latitude": None,
        "longitude": None,
        "region": None,
        "postal_code": None,
        "iso_country": country,
        "address_requirements": "none",
        "beta": False,
        "capabilities": {"voice": True, "SMS": True, "MMS": True, "fax": False},
    }


def call_json(call: Call) -> Json:
    party, over = call.party, call.ended
    uri = f"{account_path(party.account.sid)}/Calls/{party.call_sid}"
    return {
        "sid": party.call_sid,
        "date_created": rfc2822(call.created),
        "date_updated": rfc2822(over or call.started or call.created),
        "parent_call_sid": party.parent_call_sid or None,
        "account_sid": party.account.sid,
        "to": party.called,
        "to_formatted": formatted(party.called),
        "from": party.caller,
        "from_formatted": formatted(party.caller),
        "phone_number_sid": None,
        "status": call.status,
        "start_time": rfc2822(call.started) if call.started else None,
        "end_time": rfc2822(over) if over else None,
        "duration": str(call.seconds) if over else None,
        "price": None,
        "price_unit": "USD",
        "direction": party.direction,
        "answered_by": call.answered_by or None,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": str(call.queue_ms),
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": {"recordings": f"{uri}/Recordings.json", "streams": f"{uri}/Streams.json"},
    }


def recording_json(call: Call, recording: Recording) -> Json:
    account, over = call.party.account.sid, recording.over
    return {
        "sid": recording.sid,
        "account_sid": account,
        "call_sid": call.party.call_sid,
        "conference_sid": None,
        "api_version": API_VERSION,
        "channels": recording.channels,
        "date_created": rfc2822(recording.started),
        "date_updated": rfc2822(recording.started),
        "start_time": rfc2822(recording.started),
        "duration": str(recording.seconds) if over else None,
        "encryption_details": None,
        "error_code": None,
        "price": None,
        "price_unit": "USD",
        "source": recording.source,
        "status": recording.status,
        "track": recording.track,
        "uri": f"{account_path(account)}/Calls/{call.party.call_sid}/Recordings/{recording.sid}.json",
    }


def page_json(path: str, plural: str, items: Sequence[Json], query: Mapping[str, str]) -> Json:
    """One page of a list. Raises `ApiError` 20001 for a page that is no number."""
    size = min(max(1, _whole(query, "PageSize", PAGE_SIZE)), MOST_PER_PAGE)
    page = max(0, _whole(query, "Page", 0))
    begin = page * size
    chosen = list(items[begin : begin + size])

    def uri(number: int, token: str = "") -> str:
        kept = {name: value for name, value in query.items() if name not in ("Page", "PageSize", "PageToken")}
        more = {"PageToken": token} if token else {}
        return f"{path}?{urlencode(kept | {'PageSize': str(size), 'Page': str(number)} | more)}"

    last = f"PA{chosen[-1]['sid']}" if chosen and "sid" in chosen[-1] else "PA"
    return {
        plural: chosen,
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1, last) if begin + size < len(items) else None,
        "previous_page_uri": uri(page - 1, "PB") if page else None,
        "uri": uri(page),
        "page": page,
        "page_size": size,
        "start": begin,
        "end": begin + max(0, len(chosen) - 1),
    }


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit():
        raise ApiError(20001, name)
    return int(text)


def account_path(account_sid: str) -> str:
    return f"/{API_VERSION}/Accounts/{account_sid}"


def formatted(number: str) -> str:
    """American numbers as people write them, all others as they are."""
    if number.startswith("+1") and len(number) == 12 and number[1:].isdigit():
        return f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    return number
