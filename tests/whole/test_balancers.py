"""A call through the HAProxy and the nginx of our examples: the real programs, the files as they are shipped but for
addresses and certificates, TLS, and a telephone in a process of its own."""

import asyncio
import json
import os
import re
import shutil
import ssl
import sys
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import audioop
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.audio.g711 import encode
from app.simulator.load.processes import free_port
from tests.whole.conftest import OpenHouse
from tests.whole.house import PUBLIC, TOKEN, until
from tests.whole.sounds import TONES, turn

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
NUMBER = "+14155550123"
SCRIPT = """
    wait for speech
    wait for quiet 300ms
    say "where is my parcel"
    wait for speech
    wait for quiet 800ms
    hang up
"""

type Config = Callable[[Path, int, int], list[str]]


def program(name: str) -> str:
    """Where Debian's packages put it. They are fetched by `make deploy-tools`."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"{name} is not installed: make deploy-tools"
    return found


def haproxy(folder: Path, port: int, server: int) -> list[str]:
    pem = folder / "offhook.pem"
    pem.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    text = (DEPLOY / "haproxy/haproxy.cfg").read_text()
    text = _put(text, r"bind :443 ssl crt \S+", f"bind 127.0.0.1:{port} ssl crt {pem}")
    text = _put(text, r"server one \S+", f"server one 127.0.0.1:{server}")
    text = _put(text, r"server two \S+", f"server two 127.0.0.1:{free_port()}")  # one that is down
    config = folder / "haproxy.cfg"
    config.write_text(text)
    return [program("haproxy"), "-db", "-f", str(config)]


def nginx(folder: Path, port: int, server: int) -> list[str]:
    text = (DEPLOY / "nginx/offhook.conf").read_text()
    text = _put(text, r"listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    text = _put(text, r"ssl_certificate \S+;", f"ssl_certificate {folder}/cert.pem;")
    text = _put(text, r"ssl_certificate_key \S+;", f"ssl_certificate_key {folder}/key.pem;")
    text = _put(text, r"server 127.0.0.1:8000", f"server 127.0.0.1:{server}")
    (folder / "offhook.conf").write_text(text)
    around = (
        "daemon off; pid nginx.pid; error_log stderr; events {}\n"
        "http { client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u;"
        " scgi_temp_path s; include offhook.conf; }\n"
    )
    (folder / "nginx.conf").write_text(around)
    return [program("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def _put(text: str, pattern: str, instead: str) -> str:
    changed, times = re.subn(pattern, instead, text)
    assert times == 1, f"the example has {pattern} {times} times"
    return changed


def certify(folder: Path) -> None:
    """A key, and a certificate that vouches for itself: for where the balancer is and for what Twilio calls it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = [x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName(PUBLIC.removeprefix("https://"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


@asynccontextmanager
async def balancing(command: list[str], folder: Path) -> AsyncIterator[Path]:
    """While inside, the program runs. Gives the file of all that it says."""
    said = folder / "said.txt"
    with said.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*command, stdout=file, stderr=file)
    try:
        yield said
    finally:
        process.terminate()
        await process.wait()


async def phone(port: int, folder: Path) -> dict[str, object]:
    """`offhook phone` through the balancer, which it believes by its certificate."""
    (folder / "caller.call").write_text(SCRIPT)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "phone", "--to", f"https://127.0.0.1:{port}/twilio/voice"),
        *("--public-url", PUBLIC, "--script", "caller.call", "--record", "call.wav", "--from", NUMBER, "--json"),
        cwd=folder,
        env=os.environ
        | {
            "PYTHONPATH": str(REPOSITORY),
            "SSL_CERT_FILE": str(folder / "cert.pem"),
            "TWILIO_AUTH_TOKEN": TOKEN,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    document: dict[str, object] = json.loads(out)
    return document


def heard(path: Path) -> list[str]:
    """What the caller heard, by the names of its sounds."""
    with wave.open(str(path)) as file:
        right = audioop.tomono(file.readframes(file.getnframes()), 2, 0, 1)
    return [sound.name for sound in TONES.read(encode(right))]


@pytest.mark.slow
@pytest.mark.parametrize("config", [haproxy, nginx])
async def test_a_call_goes_through_the_balancer_of_the_example(
    config: Config, house: OpenHouse, tmp_path: Path
) -> None:
    certify(tmp_path)
    port = free_port()
    async with house(mind=[turn("Where is my parcel?", "one")]) as here:
        command = config(tmp_path, port, here.port)
        trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        public = httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=trust, trust_env=False)
        async with balancing(command, tmp_path) as said, public:
            await until(lambda: _status(public, "/twilio/status"), lambda status: status == 403)
            told = await phone(port, tmp_path)
            assert told["status"] == "completed" and told["notices"] == []
            assert heard(tmp_path / "call.wav") == ["greeting", "one"]
            assert await here.dispositions() == {"caller_hung_up": 1}
            inside = ("/metrics", "/readyz", "/healthz", "/")
            assert {await _status(public, path) for path in inside} == {404}
            await _status(public, f"/twilio/status?From={NUMBER}")
    log = said.read_text()
    assert "/twilio/voice" in log and "/twilio/media" in log
    assert NUMBER.lstrip("+") not in log


async def _status(client: httpx.AsyncClient, path: str) -> int:
    try:
        return (await client.post(path)).status_code
    except httpx.TransportError:
        return 0
