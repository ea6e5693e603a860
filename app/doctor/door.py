"""Our door as Twilio finds it: through the public address, its certificate and proxy, with a signature of our own."""

import asyncio
import os
import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import certifi
import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from app.content.faults import ContentError
from app.doctor.findings import Finding, right, warning, wrong
from app.edition import load_edition
from app.legs.twilio.signature import WRONG_ON_PURPOSE, Fields, signature
from app.legs.twilio.twiml import LOOP_PATH, MEDIA_PATH, socket_base
from app.settings import Settings

REQUEST_S = 8.0
FEW_DAYS = 14
REFUSED = 403
DOWN = {502, 503, 504}
# OpenSSL's X509_V_ERR_ codes.
CERTIFICATE_FIXES = {
    10: ("the certificate has run out", "renew it"),
    18: ("the certificate is self-signed, which Twilio refuses", "get one from a public authority"),
    19: ("the certificate's chain ends in an authority nobody knows", "get one from a public authority"),
    20: ("the certificate's chain is not complete", "serve it with the intermediate certificates (fullchain)"),
    62: ("the certificate is for another host", "get one for the host of PUBLIC_URL"),
}


def trust() -> ssl.SSLContext:
    """The public authorities, as Twilio has them, and not this machine's own list; SSL_CERT_FILE takes their place."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())


async def certificate(settings: Settings) -> Finding:
    parts = urlsplit(settings.public_url)
    if parts.scheme != "https":
        return wrong("PUBLIC_URL is not https", "put TLS in front of the server, and give its address")
    host, port = parts.hostname or "", parts.port or 443
    try:
        context = await asyncio.to_thread(trust)
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    except OSError as error:
        return _unreached(host, error)
    told = writer.get_extra_info("peercert")
    writer.close()
    return certificate_finding(host, ssl.cert_time_to_seconds(told["notAfter"]) - time.time())


def certificate_finding(host: str, left_s: float) -> Finding:
    days = int(left_s // 86_400)
    said = f"the certificate of {host} is good for {days} days"
    if days < FEW_DAYS:
        return warning(said, "renew it now, and see why that did not happen by itself", days=days)
    return right(said, days=days)


async def webhook(settings: Settings) -> Finding:
    """A signed request that is about no call, and the same with a wrong signature, which must be refused."""
    url, nonce = settings.public_url + LOOP_PATH, secrets.token_hex(16)
    try:
        context = await asyncio.to_thread(trust)
        async with httpx.AsyncClient(verify=context, timeout=REQUEST_S) as http:
            began = time.monotonic()
            answer = await _posted(http, settings, url, nonce)
            ms = round((time.monotonic() - began) * 1000)
            problem = answer_problem(answer, nonce)
            if problem is not None:
                return wrong(*problem)
            unsigned = await _posted(http, settings, url, nonce, [WRONG_ON_PURPOSE])
    except httpx.HTTPError as error:
        return _unreached(urlsplit(url).hostname or "", error)
    if unsigned.status_code != REFUSED:
        fix = "start the server with TWILIO_AUTH_TOKEN and without --local: anybody could place calls"
        return wrong("the server takes a request with a wrong signature", fix)
    served, here = str(answer.json().get("edition", "")), await asyncio.to_thread(_edition_here, settings)
    if here and served != here:
        said = f"signed requests arrive in {ms} ms, but the server has edition {served} and this directory {here}"
        return warning(said, "deploy this content, or run the doctor where the server runs", ms=ms)
    return right(f"signed requests arrive in {ms} ms, edition {served}", ms=ms)


async def _posted(
    http: httpx.AsyncClient, settings: Settings, url: str, nonce: str, signed_too: Fields = ()
) -> httpx.Response:
    """`signed_too` is signed and not sent, which makes the signature wrong."""
    fields = [("Nonce", nonce)]
    signed = signature(settings.auth_tokens[0], _as_twilio_signs(url), [*fields, *signed_too])
    headers = {"X-Twilio-Signature": signed}
    return await http.post(url, data=dict(fields), headers=headers)


def _as_twilio_signs(url: str) -> str:
    """HTTPS webhooks of voice are signed without the port."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https" and parts.port:
        host = host.removesuffix(f":{parts.port}")
    return f"{parts.scheme}://{host}{parts.path}"


def answer_problem(answer: httpx.Response, nonce: str) -> tuple[str, str] | None:
    """What is wrong with the loop's answer, and the fix."""
    status = answer.status_code
    if status == REFUSED:
        fix = "give server and doctor the same TWILIO_AUTH_TOKEN and PUBLIC_URL"
        return "the server does not take our signature", fix
    if status in DOWN:
        return f"the proxy answers {status}: nobody is behind it", "start `offhook serve`, and let the proxy find it"
    if answer.is_redirect:
        fix = "set PUBLIC_URL to the address it redirects to: Twilio would come back without the form"
        return f"PUBLIC_URL redirects ({status})", fix
    try:
        came_back = answer.is_success and answer.json().get("nonce") == nonce
    except (ValueError, AttributeError):
        came_back = False
    if came_back:
        return None
    fix = "let the proxy pass /twilio/ unchanged to `offhook serve` of this version"
    return f"what answers at {LOOP_PATH} is not this server (HTTP {status})", fix


def _edition_here(settings: Settings) -> str:
    try:
        return load_edition(settings.content_dir).hash
    except ContentError:
        return ""


async def media(settings: Settings) -> Finding:
    """A signed WebSocket handshake through the proxy; closed before any call could begin."""
    url = socket_base(settings.public_url) + MEDIA_PATH
    context = await asyncio.to_thread(trust) if url.startswith("wss:") else None
    headers = {"X-Twilio-Signature": signature(settings.auth_tokens[0], url)}
    began = time.monotonic()
    try:
        async with connect(url, additional_headers=headers, ssl=context, open_timeout=REQUEST_S, compression=None):
            ms = round((time.monotonic() - began) * 1000)
    except InvalidStatus as refused:
        return _no_socket(refused.response.status_code)
    except InvalidHandshake:
        return _no_socket(0)
    except (OSError, TimeoutError) as error:
        return _unreached(urlsplit(url).hostname or "", error)
    return right(f"the media socket opens in {ms} ms", ms=ms)


def _no_socket(status: int) -> Finding:
    if status == REFUSED:
        return wrong("the server does not take our signature of the media socket", "see the check `webhook`")
    if status in DOWN:
        return wrong(f"the proxy answers {status}: nobody is behind it", "start `offhook serve`")
    fix = "let the proxy pass WebSockets: HTTP/1.1 with the headers Upgrade and Connection (see deploy/)"
    return wrong(f"the media socket does not open (HTTP {status})", fix)


def _unreached(host: str, error: Exception) -> Finding:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            said, fix = CERTIFICATE_FIXES.get(
                cause.verify_code, (f"the certificate is not trusted ({cause.verify_message})", "get a public one")
            )
            return wrong(said, fix)
        if isinstance(cause, socket.gaierror):
            return wrong(f"{host} is not known to the DNS", "enter it there, or correct PUBLIC_URL")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return wrong(f"{host} does not speak TLS", "put TLS in front of the server, on the port of PUBLIC_URL")
    fix = "see that the server or tunnel runs, and that the port of PUBLIC_URL is open (also from this machine)"
    return wrong(f"{host} is not reached ({type(error).__name__})", fix)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
