"""A deployment to look at: settings, keys that only simulators take, and a public name that leads to this machine."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from app.simulator.sonic.certificate import make_certificates, server_context, write_ca

HOST = "bot.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT_SID = "AC" + "a" * 32
PARCELS = Path(__file__).parents[1] / "whole" / "content"

type Make = Callable[..., Settings]
type TlsFront = Callable[..., AbstractAsyncContextManager["Front"]]


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys by the SDK's own chain, nothing of this machine's configuration, and a DNS that knows one more name."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIADOCTOR")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-doctor")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    known = socket.getaddrinfo

    def look_up(host: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name == "nowhere.example.com":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known("127.0.0.1" if name == HOST else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
def settings(tmp_path: Path) -> Make:
    chosen: dict[str, Any] = {
        "public_url": f"https://{HOST}",
        "twilio_account_sid": ACCOUNT_SID,
        "twilio_auth_token": TOKEN,
        "data_dir": tmp_path / "data",
        "content_dir": PARCELS,
    }
    return lambda **more: Settings(_env_file=None, **(chosen | more))  # type: ignore[call-arg]


@dataclass(frozen=True)
class Front:
    """TLS in front of a server, as a proxy or tunnel has it."""

    port: int

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"


@pytest.fixture
def tls_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TlsFront:
    """`async with tls_front(port) as front:`; its authority is the only one that is trusted."""
    return partial(_tls_front, tmp_path / "public-ca.pem", monkeypatch)


@asynccontextmanager
async def _tls_front(
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    port: int,
    host: str = HOST,
    life: timedelta = timedelta(days=60),
    is_trusted: bool = True,
) -> AsyncIterator[Front]:
    certificates = make_certificates(host, life)
    write_ca(ca_file, certificates if is_trusted else make_certificates(host))
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pour(reader, forth), _pour(back, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=server_context(certificates, "http/1.1"))
    async with server:
        yield Front(server.sockets[0].getsockname()[1])
        server.close_clients()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()
