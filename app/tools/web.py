"""The way out for tools that speak HTTP: to hosts that are allowed, at addresses that are public, a megabyte at most.

A name is resolved off the loop and every address it has is looked at; then the connection is made to one of these very
addresses, with the name in `Host` and in TLS, so that a name that means something else a moment later leads nowhere.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.tools.addresses import LOOPBACK, Hosts, host_problem, is_public
from app.tools.contract import ToolFailed

MOST_BYTES = 1_000_000
MOST_TEXT = 4_000  # characters of an answer that is no JSON
HOPS = 3
CONNECT_S = 3.0
LARGE = 50_000  # bytes of JSON that would hold up the loop
AGAIN = frozenset({502, 503, 504})  # nobody did anything: it may be tried again

type Resolve = Callable[[str, int], Awaitable[list[str]]]


class Unreachable(ToolFailed):
    """No answer came; whether the request did is not known."""


@dataclass(frozen=True, slots=True)
class Request:
    """`body` goes out as JSON; `limit_s` is for each wait for the other side."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    limit_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`content` is decoded JSON; `{"text": ...}` where plain text came, `{}` where nothing did."""

    status: int
    content: Any


class Web:
    """One for each process. `variables` are the `TOOL_*` of its environment."""

    def __init__(
        self,
        hosts: Hosts | None = None,
        variables: Mapping[str, str] | None = None,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = hosts or Hosts()
        self._variables = dict(variables or {})
        self._dns = ThreadPoolExecutor(4, "dns of tools")  # a name server that hangs must hang nobody else
        self._resolve = resolve or self._look_up
        self._tls = tls
        self._clients: dict[tuple[str, str, int | None], httpx.AsyncClient] = {}

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._dns.shutdown(wait=False, cancel_futures=True)

    # --- what the deployment says ---------------------------------------------------------------------------------

    def variable_problem(self, name: str, host: str) -> tuple[str, str] | None:
        """Problem and fix, where `host` cannot be sent this variable. A variable says itself whom it is for, so that
        no file can send it elsewhere."""
        if name not in self._variables:
            return f"{name} is not set", f"Set it, and {name}_HOST={host}, in the server's environment"
        if self._variables.get(f"{name}_HOST", "").lower() != host:
            return f"{name} is not for {host}", f"Set {name}_HOST={host} in the server's environment, if it is meant"
        return None

    def variable(self, name: str, host: str) -> str:
        """Raises `ToolFailed`."""
        if (problem := self.variable_problem(name, host)) is not None:
            raise ToolFailed(problem[0])
        return self._variables[name]

    def host_problem(self, url: str) -> tuple[str, str] | None:
        """Problem and fix, where this URL's host may not be reached."""
        parts = httpx.URL(url)
        if (problem := host_problem(parts.host)) is not None:
            return f"{parts.host} {problem}", "Name a public host"
        if not self._hosts.allows(parts.host, parts.port):
            entry = parts.host if parts.host != LOOPBACK else f"{LOOPBACK}:{parts.port or 80}"
            return f"{parts.host} is not allowed", f"Add {entry} to TOOL_HOSTS in the server's environment"
        if parts.scheme != "https" and parts.host != LOOPBACK:
            return "is not https", "Begin the URL with https://"
        return None

    def has(self, name: str) -> bool:
        return name in self._variables

    def given(self, name: str) -> str:
        """A variable for a program of this machine's, which needs no host. Raises `ToolFailed`."""
        if name not in self._variables:
            raise ToolFailed(f"{name} is not set")
        return self._variables[name]

    # --- requests -------------------------------------------------------------------------------------------------

    async def send(self, request: Request) -> Answer:
        """Raises `Unreachable` where nothing came back, `ToolFailed` for what may not be asked or cannot be read."""
        if (problem := self.host_problem(request.url)) is not None:
            raise ToolFailed(problem[0])
        client = await self._client(httpx.URL(request.url))
        sent = client.build_request(
            request.method,
            request.url,
            params=dict(request.query) or None,
            headers={**request.headers, "Accept-Encoding": "identity"},
            json=request.body,
            timeout=httpx.Timeout(request.limit_s, connect=min(CONNECT_S, request.limit_s)),
        )
        try:
            return await self._follow(client, sent)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise ToolFailed("its URL cannot be asked for") from None
        except httpx.TransportError as error:
            raise Unreachable(f"no answer: {type(error).__name__}") from None

    async def _follow(self, client: httpx.AsyncClient, sent: httpx.Request) -> Answer:
        for _ in range(HOPS + 1):
            response = await client.send(sent, stream=True)
            try:
                if not response.has_redirect_location:
                    return await _read(response)
            finally:
                await response.aclose()
            following = response.next_request
            if sent.method not in {"GET", "HEAD"} or following is None or not _same_place(sent.url, following.url):
                raise ToolFailed(f"HTTP {response.status_code}: it was sent elsewhere, and does not go")
            sent = following
        raise ToolFailed("it was sent round in circles")

    async def _client(self, url: httpx.URL) -> httpx.AsyncClient:
        """One for each host: a connection made in one name is never used in another."""
        place = (url.scheme, url.host, url.port)
        if place not in self._clients:
            # Made in a thread: certificates and, the first time, a quarter of a second of imports.
            client = await asyncio.to_thread(self._made, url.scheme == "https")
            self._clients.setdefault(place, client)  # two that came at once have both made one
        return self._clients[place]

    def _made(self, secure: bool) -> httpx.AsyncClient:
        import anyio._backends._asyncio  # noqa: F401 (httpx would import it in the middle of the first request)

        tls = (self._tls or ssl.create_default_context()) if secure else False
        return httpx.AsyncClient(transport=_Pinned(httpx.AsyncHTTPTransport(verify=tls), self._place), trust_env=False)

    async def _place(self, url: httpx.URL) -> list[httpx.URL]:
        """Where to connect for `url`, in the order in which to try. Raises `ToolFailed`."""
        if (port := self._hosts.stand_ins.get(url.host)) is not None:
            return [url.copy_with(scheme="http", host=LOOPBACK, port=port)]
        if url.host == LOOPBACK:
            return [url]
        return [url.copy_with(host=address) for address in await self.addresses(url.host, url.port or 443)]

    async def place(self, url: str) -> list[str]:
        """Where to connect for a URL, in the order in which to try, each as a URL too. Raises `ToolFailed`."""
        return [str(place) for place in await self._place(httpx.URL(url))]

    async def shake_hands(self, url: str) -> None:
        """Connect as `send` would, TLS and all, and leave. Raises `ToolFailed`, `OSError`."""
        asked = httpx.URL(url.partition("{{")[0])
        place = (await self._place(asked))[0]
        tls = await asyncio.to_thread(ssl.create_default_context) if place.scheme == "https" else None
        default = 443 if tls else 80
        named = asked.host if tls else None
        _, writer = await asyncio.open_connection(place.host, place.port or default, ssl=tls, server_hostname=named)
        writer.close()

    async def addresses(self, host: str, port: int) -> list[str]:
        """All of a host, each of them public. Raises `ToolFailed`, `Unreachable` where it has none."""
        try:
            found = await self._resolve(host, port)
        except OSError:
            raise Unreachable(f"{host} has no address") from None
        if not found:
            raise Unreachable(f"{host} has no address")
        if not all(map(is_public, found)):
            raise ToolFailed(f"{host} is at an address of a private network")
        return found

    async def _look_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._dns, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Pinned(httpx.AsyncBaseTransport):
    """Connects to an address that was looked at, in the name that was asked for."""

    def __init__(
        self, inner: httpx.AsyncHTTPTransport, place: Callable[[httpx.URL], Awaitable[list[httpx.URL]]]
    ) -> None:
        self._inner = inner
        self._place = place

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        places = await self._place(request.url)
        named = {**request.extensions, "sni_hostname": request.url.host}
        for left, url in reversed(list(enumerate(reversed(places)))):
            pinned = httpx.Request(
                request.method, url, headers=request.headers, stream=request.stream, extensions=named
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if not left:
                    raise
        raise httpx.ConnectError("no address")

    async def aclose(self) -> None:
        await self._inner.aclose()


def _same_place(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port) and not other.userinfo


async def _read(response: httpx.Response) -> Answer:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ToolFailed("its answer is compressed though that was declined")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MOST_BYTES:
            raise ToolFailed(f"its answer is longer than {MOST_BYTES} bytes")
    return Answer(response.status_code, await _content(response, bytes(body)))


async def _content(response: httpx.Response, body: bytes) -> Any:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body.strip():
        return {}
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return await asyncio.to_thread(json.loads, body) if len(body) > LARGE else json.loads(body)
        except (ValueError, RecursionError):
            raise ToolFailed(f"HTTP {response.status_code}: its answer says it is JSON and is not") from None
    if kind.startswith("text/plain"):
        return {"text": body[: MOST_TEXT * 4].decode(errors="replace")[:MOST_TEXT]}
    if response.is_success:
        raise ToolFailed(f"its answer is {kind or 'of no kind'}, not JSON")
    return {}  # an error page is for people
