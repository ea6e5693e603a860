"""Who may come in: the signature of every Twilio request, over the published address and never over headers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from app.legs.twilio.signature import Fields, algorithm_of, is_genuine
from app.legs.twilio.twiml import socket_base


@dataclass(frozen=True, slots=True)
class Gate:
    """`tokens`: the account's auth tokens, several while one is rotated. Without any, nothing is genuine, unless
    `allow_unsigned` says that this is a local server and nobody has a token to sign with."""

    public_url: str
    tokens: Sequence[str]
    allow_unsigned: bool = False
    on_bad_signature: Callable[[], None] = lambda: None

    def admits(self, scope: Scope, fields: Fields = ()) -> bool:
        """Is this request (`http` or `websocket`) signed by Twilio? A no is counted."""
        if self.allow_unsigned and not self.tokens:
            return True
        headers = Headers(scope=scope)
        given = headers.get("x-twilio-signature", "")
        algorithm = algorithm_of(headers.get("x-twilio-webhooks-signature-settings", ""))
        genuine = is_genuine(self.tokens, self._configured_url(scope), fields, given, algorithm)
        if not genuine:
            self.on_bad_signature()
        return genuine

    def _configured_url(self, scope: Scope) -> str:
        base = socket_base(self.public_url) if scope["type"] == "websocket" else self.public_url
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        return base + path.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")
