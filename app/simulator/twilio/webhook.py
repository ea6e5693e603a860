"""Requests to the application: signed, with cookies, redirects, retries and a time limit. (twilio.md 1.3, 1.4, 2.1)

`Webhooks` serves one call: cookies are kept for its life. What the call does with a failure (the fallback URL, then
"application error") is the call's affair.
"""

import asyncio
import random
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit
from uuid import uuid4

import httpx

from app.simulator.twilio.signing import signature, signed_url

MOST_REDIRECTS = 10
CEILING_MS = 15_000
MOST_BYTES = 64 * 1024
WEB_OF_SOCKET = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a public address really is: a telephone beside the server signs the one and connects to the other."""

    public: str = ""
    actual: str = ""

    def address(self, url: str) -> str:
        """The URL to connect to for `url`; the same one unless it is under the public address."""
        if not self.public or not self.actual:
            return url
        asked, public, actual = urlsplit(url), urlsplit(self.public), urlsplit(self.actual)
        if asked.netloc.rpartition("@")[2] != public.netloc:
            return url
        secure = WEB_OF_SOCKET[actual.scheme] == "https"
        scheme = {"ws": ("ws", "wss"), "http": ("http", "https")}[asked.scheme.removesuffix("s")][secure]
        return urlunsplit((scheme, actual.netloc, asked.path, asked.query, ""))


@dataclass(frozen=True, slots=True)
class Limits:
    """A webhook's connection settings, in ms; the fragment of its URL may override them."""

    connect_ms: int = 5000
    read_ms: int = CEILING_MS
    total_ms: int = CEILING_MS
    retries: int = 1
    policy: frozenset[str] = frozenset({"ct"})

    def overridden(self, fragment: str) -> "Limits":
        """These limits with `ct=..&rt=..&tt=..&rc=..&rp=..` applied; what is out of range is ignored."""
        given = dict(parse_qsl(fragment))

        def number(name: str, default: int, low: int, high: int) -> int:
            text = given.get(name, "")
            return int(text) if text.isdigit() and low <= int(text) <= high else default

        return Limits(
            connect_ms=number("ct", self.connect_ms, 100, 10_000),
            read_ms=number("rt", self.read_ms, 100, CEILING_MS),
            total_ms=number("tt", self.total_ms, 100, CEILING_MS),
            retries=number("rc", self.retries, 0, 5),
            policy=frozenset(given["rp"].split(",")) if "rp" in given else self.policy,
        )


@dataclass(frozen=True, slots=True)
class Document:
    """What the application answered, with the URL it finally came from."""

    url: str
    status: int
    content_type: str
    body: bytes


class FetchFailed(Exception):
    """The application could not be asked or did not answer well; `code` is the Debugger's."""

    def __init__(self, code: int, text: str, url: str, retry: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.url = url
        self.retry = retry  # which retry policy covers it: ct, rt, 4xx, 5xx or "" for none


@cache
def trust() -> ssl.SSLContext:
    """The system's roots: only valid public certificates are accepted. Made once, it takes tens of ms."""
    return ssl.create_default_context()


def new_client() -> httpx.AsyncClient:
    """A client to be shared by all calls of a process. It keeps no cookies of its own: they belong to a call."""
    client = httpx.AsyncClient(verify=trust(), trust_env=False, follow_redirects=False)
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


class Webhooks:
    def __init__(
        self,
        client: httpx.AsyncClient,
        token: str,
        route: Route,
        limits: Limits,
        rng: random.Random,
        speed: float = 1.0,
    ) -> None:
        self._client = client
        self._token = token
        self._route = route
        self._limits = limits
        self._rng = rng
        self._speed = speed
        self._cookies: dict[str, dict[str, str]] = {}

    async def fetch(self, url: str, method: str, fields: Mapping[str, str], deliveries: int = 1) -> Document:
        """Ask the application. `deliveries` over 1 asks again as if the answer had been lost: same fields, same token.

        Raises `FetchFailed`.
        """
        pairs = list(fields.items())
        self._rng.shuffle(pairs)
        limits = self._limits.overridden(urlsplit(url).fragment)
        token = str(uuid4())
        attempts = limits.retries
        try:
            async with asyncio.timeout(limits.total_ms / 1000 / self._speed):
                while True:
                    try:
                        document = await self._browse(url, method, pairs, token, limits)
                        if deliveries <= 1:
                            return document
                        deliveries -= 1
                    except FetchFailed as failure:
                        if not attempts or not limits.policy & {failure.retry, "all"}:
                            raise
                        attempts -= 1
        except TimeoutError:
            raise FetchFailed(11205, f"no answer within {limits.total_ms} ms", url) from None

    async def _browse(
        self, url: str, method: str, pairs: Sequence[tuple[str, str]], token: str, limits: Limits
    ) -> Document:
        """One attempt, redirects followed. 301, 302 and 303 become a GET and lose the form."""
        method = method.upper()
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._ask(url, method, pairs, token, limits)
            location = response.headers.get("location")
            if response.status_code not in (301, 302, 303, 307, 308) or not location:
                return self._judged(url, response)
            url = urljoin(url, location)
            if response.status_code < 307:
                method, pairs = "GET", []
        raise FetchFailed(11215, f"more than {MOST_REDIRECTS} redirects", url)

    async def _ask(
        self, url: str, method: str, pairs: Sequence[tuple[str, str]], token: str, limits: Limits
    ) -> httpx.Response:
        if method == "GET" and pairs:
            url = with_query(url, pairs)
        body = urlencode(pairs, quote_via=quote).encode() if method != "GET" else b""
        signed = signed_url(url)
        address = urlsplit(self._route.address(url))
        headers = {
            "Host": urlsplit(signed).netloc,
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "X-Twilio-Signature": signature(signed, pairs if method != "GET" else (), self._token),
            "I-Twilio-Idempotency-Token": token,
            **self._cookie_header(url),
        }
        if body or method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        request = self._client.build_request(
            method,
            urlunsplit(address._replace(fragment="")),
            content=body,
            headers=headers,
            timeout=httpx.Timeout(limits.read_ms / 1000 / self._speed, connect=limits.connect_ms / 1000 / self._speed),
        )
        response = await self._send(request, url)
        self._keep_cookies(url, response)
        return response

    async def _send(self, request: httpx.Request, url: str) -> httpx.Response:
        try:
            return await self._client.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise FetchFailed(11205, f"cannot connect: {error or 'timed out'}", url, "ct") from None
        except httpx.TimeoutException:
            raise FetchFailed(11205, "the answer did not come in time", url, "rt") from None
        except httpx.HTTPError as error:
            raise FetchFailed(11200, f"broken answer: {error}", url) from None

    def _judged(self, url: str, response: httpx.Response) -> Document:
        status = response.status_code
        if status >= 400:
            raise FetchFailed(11200, f"the application answered {status}", url, f"{status // 100}xx")
        if len(response.content) > MOST_BYTES:
            raise FetchFailed(11750, f"{len(response.content)} bytes; 64 KB is the limit", url)
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Document(url, status, content_type, response.content)

    def _cookie_header(self, url: str) -> dict[str, str]:
        kept = self._cookies.get(urlsplit(url).hostname or "", {})
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())} if kept else {}

    def _keep_cookies(self, url: str, response: httpx.Response) -> None:
        kept = self._cookies.setdefault(urlsplit(url).hostname or "", {})
        for line in response.headers.get_list("set-cookie"):
            try:
                kept |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            except CookieError:
                continue


def with_query(url: str, pairs: Sequence[tuple[str, str]]) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(pairs, quote_via=quote))))
    return urlunsplit(parts._replace(query=query))
