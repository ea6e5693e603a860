"""Who may come in: the signature of every Twilio request, over the published address and never over headers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from app.legs.twilio.signature import WRONG_ON_PURPOSE, Fields, algorithm_of, is_genuine
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
        genuine = self._is_signed(scope, fields)
        if not genuine:
            self.on_bad_signature()
        return genuine

    def is_wrong_on_purpose(self, scope: Scope, fields: Fields) -> bool:
        """Wrongly signed by somebody who could sign rightly: to be refused, and not counted."""
        return self._is_signed(scope, [*fields, WRONG_ON_PURPOSE])

    def _is_signed(self, scope: Scope, fields: Fields) -> bool:
        headers = Headers(scope=scope)
        given = headers.get("x-twilio-signature", "")
        algorithm = algorithm_of(headers.get("x-twilio-webhooks-signature-settings", ""))
        return is_genuine(self.tokens, self._configured_url(scope), fields, given, algorithm)

    def _configured_url(self, scope: Scope) -> str:
        base = socket_base(self.public_url) if scope["type"] == "websocket" else self.public_url
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        return base + path.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")
