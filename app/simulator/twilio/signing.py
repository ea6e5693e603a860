"""How Twilio signs: HMAC-SHA1 over the URL it was given and the sorted form fields. (twilio.md 2.1, 2.2)

Written from the description and kept apart from the server's checker on purpose.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit


def signature(url: str, fields: Iterable[tuple[str, str]], token: str) -> str:
    """`X-Twilio-Signature` for a request to `url` (see `signed_url`) with these form fields; none for GET and wss."""
    text = url + "".join(name + value for name, value in sorted(fields))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def signed_url(url: str) -> str:
    """What of a webhook's URL is signed: no fragment, no user, and for https no port either (http keeps it)."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https":
        host = without_port(host)
    return urlunsplit((parts.scheme, host, parts.path, parts.query, ""))


def signed_stream_url(url: str, slash: bool = False) -> str:
    """What of a stream's URL is signed: as the TwiML gives it; a bare host gets its slash.

    `slash` is the documented variant with a slash at the end. The port stays: for wss its handling is undocumented.
    """
    parts = urlsplit(url)
    path = parts.path or "/"
    if slash and not path.endswith("/"):
        path += "/"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, parts.query, ""))


def without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and not name.endswith(":") else host
