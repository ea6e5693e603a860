"""A peer to talk to, an engine that trusts it, and the two paths to try everything on."""

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pytest_asyncio

from app.engines.engine import SessionKey, SessionSpec, ToolSpec
from app.engines.nova_sonic.engine import NovaSonicEngine, NovaSonicOptions
from app.engines.nova_sonic.session import SessionLimits
from tests.engines.nova_sonic.peer import ACCESS_KEY, REGION, SECRET_KEY, Peer, make_certificates

ORDER_TOOL = ToolSpec("find_order", "Looks up an order.", {"type": "object", "properties": {"id": {"type": "string"}}})
SPEC = SessionSpec(
    key=SessionKey("e1", "desk", "en-US", "amazon.nova-2-sonic-v1:0", REGION, 8_000),
    system_prompt="You answer the telephone.",
    voice="tiffany",
    tools=(ORDER_TOOL,),
)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys by the SDK's own chain, and nothing of the machine's own configuration."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture
def keys_until(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[datetime], None]]:
    """Keys come from a server of credentials, as in a container, and are good until the moment this is given."""
    until: list[datetime] = []

    class Credentials(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys = {"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY, "Token": "t"}
            body = json.dumps(keys | {"Expiration": until[-1].isoformat()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with ThreadingHTTPServer(("127.0.0.1", 0), Credentials) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/keys")
        yield until.append
        server.shutdown()
        serving.join()


@pytest_asyncio.fixture
async def peer(certificates: tuple[Path, Path]) -> AsyncIterator[Peer]:
    async with Peer(certificates[1]) as peer:
        yield peer


@pytest.fixture(params=["own", "sdk"])
def path(request: pytest.FixtureRequest) -> str:
    """Both ways of talking to the service."""
    name: str = request.param
    return name


@pytest.fixture
def options(peer: Peer, path: str, certificates: tuple[Path, Path]) -> NovaSonicOptions:
    limits = SessionLimits(close_ms=500)
    return NovaSonicOptions(
        endpoint=peer.url, ca_file=str(certificates[0]), use_sdk_path=path == "sdk", open_ms=8_000, limits=limits
    )


@pytest_asyncio.fixture
async def engine(options: NovaSonicOptions) -> AsyncIterator[NovaSonicEngine]:
    before = set(threading.enumerate())
    engine = NovaSonicEngine(options)
    yield engine
    await engine.close()
    left = {t for t in set(threading.enumerate()) - before if not t.name.startswith(("asyncio_", "Dummy"))}
    assert not left, left
