"""A small order system over HTTP, for the demo and the tests: what the bicycle shop's own computer would answer.

    GET /orders/4712      200 and the order, or 404
    GET /health           200

It answers from a file of orders, one a number. With a `key` it lets in only who sends `Authorization: Bearer KEY`.
"""

import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HOST = "orders.spoke-and-chain.example"  # whose stand-in it is


class Shop:
    """Open it as a context; it listens on 127.0.0.1 in threads of its own. `asked` is every path, in order. It takes
    `takes_s` over an order, as old systems do."""

    def __init__(self, orders: Path, port: int = 0, key: str = "", takes_s: float = 0) -> None:
        """Raises `OSError` where the port is taken or the file cannot be read."""
        self.asked: list[str] = []
        self._orders: dict[str, Any] = json.loads(orders.read_text(encoding="utf-8"))
        self._key = key
        self._takes_s = takes_s
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="shop", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def tool_hosts(self) -> str:
        """How TOOL_HOSTS sends the shop's requests here."""
        return f"{HOST}=http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str, authorization: str) -> tuple[HTTPStatus, dict[str, Any]]:
        if self._key and authorization != f"Bearer {self._key}":
            return HTTPStatus.UNAUTHORIZED, {"error": "who asks?"}
        match path.strip("/").split("/"):
            case ["health"]:
                return HTTPStatus.OK, {"orders": len(self._orders)}
            case ["orders", number] if number in self._orders:
                time.sleep(self._takes_s)
                return HTTPStatus.OK, {"number": number, **self._orders[number]}
            case _:
                return HTTPStatus.NOT_FOUND, {"error": "there is no such thing"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes

            def do_GET(self) -> None:
                shop.asked.append(self.path)
                status, answer = shop._answer(self.path, self.headers.get("Authorization", ""))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Silent: a path names an order."""

        return Handler
