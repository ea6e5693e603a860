"""The way out to an MCP server over HTTP: the SDK's client, bound by the rules for every tool's host (`web.py`).

The SDK brings an HTTP library of its own, so that only this module and the SDK import it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2

from app.tools.contract import ToolFailed
from app.tools.web import CONNECT_S, MOST_BYTES, Web


@asynccontextmanager
async def client_for(
    url: str, web: Web, headers: Mapping[str, str], limit_s: float
) -> AsyncIterator[httpx2.AsyncClient]:
    """Follows no redirect, asks no proxy, takes no compressed answer. Raises `ToolFailed` for a host that may not be
    reached."""
    if (problem := web.host_problem(url)) is not None:
        raise ToolFailed(problem[0])
    await web.place(url)  # to say why, where it may not be: the SDK would not
    tls = await asyncio.to_thread(ssl.create_default_context)
    inner = httpx2.AsyncHTTPTransport(verify=tls, trust_env=False)
    async with httpx2.AsyncClient(
        transport=_Pinned(inner, web),
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(limit_s, connect=CONNECT_S, read=None),  # the SDK keeps one answer open for news
        trust_env=False,
    ) as client:
        yield client


class _Pinned(httpx2.AsyncBaseTransport):
    """Connects to an address that was looked at, in the name that was asked for, and reads a megabyte at most."""

    def __init__(self, inner: httpx2.AsyncHTTPTransport, web: Web) -> None:
        self._inner = inner
        self._web = web

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            places = await self._web.place(str(request.url))
        except ToolFailed as error:
            raise httpx2.ConnectError(str(error)) from None
        pinned = httpx2.Request(
            request.method,
            places[0],
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        response = await self._inner.handle_async_request(pinned)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.ReadError("its answer is compressed though that was declined")
        if request.method == "POST" and isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Bounded(response.stream)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in self._stream:
            length += len(chunk)
            if length > MOST_BYTES:
                raise httpx2.ReadError(f"its answer is longer than {MOST_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
