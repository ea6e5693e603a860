"""A small, strict stand-in for Amazon Polly's SynthesizeSpeech: real HTTP, signatures recomputed, refusals named as in
the service's model. The real service was never reached from here."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from app.simulator.prepared_audio import babble, speaking_time

KEY, SECRET, REGION = "AKIAPOLLY", "polly-secret", "us-east-1"
MEMBERS = {"Engine", "LanguageCode", "OutputFormat", "SampleRate", "Text", "TextType", "VoiceId"}
ENGINES = {"Matthew": "neural", "Lupe": "neural", "Tiffany": "generative"}


class Refusal(Exception):
    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class PollyDesk:
    """What it was asked, and what it shall do wrong: `throttle` so many requests, or `cut` its answers short."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.throttle = 0
        self.cut = False
        self.url = ""

    def answer(self, path: str, headers: Message, body: bytes) -> bytes:
        if path != "/v1/speech":
            raise Refusal("UnknownOperationException", 404)
        _check_signature(path, headers, body)
        if self.throttle:
            self.throttle -= 1
            raise Refusal("ThrottlingException")
        asked = json.loads(body)
        self.asked.append(asked)
        if asked.keys() - MEMBERS or headers["Content-Type"] != "application/json":
            raise Refusal("ValidationException")
        if asked["OutputFormat"] != "pcm" or asked["SampleRate"] not in {"8000", "16000"}:
            raise Refusal("InvalidSampleRateException")
        if asked["VoiceId"] not in ENGINES:
            raise Refusal("ValidationException")
        if asked["Engine"] != ENGINES[asked["VoiceId"]]:
            raise Refusal("EngineNotSupportedException")
        return babble(speaking_time(asked["Text"]), int(asked["SampleRate"]))


@contextmanager
def polly_desk() -> Iterator[PollyDesk]:
    desk = PollyDesk()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                answer = desk.answer(self.path, self.headers, body)
            except Refusal as refusal:
                self._send(
                    refusal.status, {"x-amzn-ErrorType": refusal.code}, json.dumps({"message": refusal.code}).encode()
                )
            else:
                length = {"Content-Type": "audio/pcm", "x-amzn-RequestCharacters": str(len(body))}
                self._send(200, length, answer[: len(answer) // 2] if desk.cut else answer, len(answer))

        def _send(self, status: int, headers: Mapping[str, str], body: bytes, length: int | None = None) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(length or len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    desk.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield desk
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _check_signature(path: str, headers: Message, body: bytes) -> None:
    """Signature Version 4, from its public description."""
    given = headers.get("Authorization", "")
    if not given.startswith("AWS4-HMAC-SHA256 "):
        raise Refusal("MissingAuthenticationTokenException", 403)
    parts = dict(part.strip().split("=", 1) for part in given.removeprefix("AWS4-HMAC-SHA256 ").split(","))
    key, day, region, service, _ = parts["Credential"].split("/")
    if (key, region, service) != (KEY, REGION, "polly"):
        raise Refusal("UnrecognizedClientException", 403)
    signed = parts["SignedHeaders"].split(";")
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed)
    request = "\n".join(["POST", path, "", lines, ";".join(signed), hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["X-Amz-Date"], scope, digest])
    secret = f"AWS4{SECRET}".encode()
    for part in (day, region, service, "aws4_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    if hmac.new(secret, text.encode(), "sha256").hexdigest() != parts["Signature"]:
        raise Refusal("InvalidSignatureException", 403)
