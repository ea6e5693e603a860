"""What is answered on the level of HTTP/2, to a client that is no SDK."""

import asyncio
import json
import ssl

import h2.config
import h2.connection
import h2.events
import pytest

from app.simulator.scripted_mind import ScriptedMinds
from app.simulator.sonic.simulator import SonicSimulator
from tests.simulator.sonic.rehearsal import script
from tests.simulator.sonic.sdk import within

PATH = "/model/amazon.nova-2-sonic-v1%3A0/invoke-with-bidirectional-stream"


async def ask(sonic: SonicSimulator, method: str, path: str, say_goodbye: bool = False) -> tuple[dict[str, str], bytes]:
    """One request without a body; its answer. With `say_goodbye` the client sends GOAWAY right behind the request."""
    tls = ssl.create_default_context(cafile=str(sonic.ca_file))
    tls.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("localhost", sonic.port, ssl=tls)
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    client.initiate_connection()
    authority = f"localhost:{sonic.port}"
    client.send_headers(1, [(":method", method), (":path", path), (":scheme", "https"), (":authority", authority)])
    data = client.data_to_send()
    goodbye = bytes.fromhex("0000080700000000000000000000000000")
    writer.write(data + goodbye if say_goodbye else data)
    answer, body = await within(_read(client, reader))
    writer.close()
    return answer, body


async def _read(client: h2.connection.H2Connection, reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    headers: dict[str, str] = {}
    body = b""
    while data := await reader.read(65_536):
        for event in client.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                headers = {str(name): str(value) for name, value in event.headers or ()}
            elif isinstance(event, h2.events.DataReceived):
                body += event.data or b""
            elif isinstance(event, h2.events.StreamEnded):
                return headers, body
    raise AssertionError("the connection closed before the answer ended")


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("POST", PATH, "403", "MissingAuthenticationTokenException"),
        ("GET", PATH, "404", "UnknownOperationException"),
        ("POST", "/model/amazon.nova-2-sonic-v1%3A0/converse", "404", "UnknownOperationException"),
        ("POST", "/", "404", "UnknownOperationException"),
    ],
)
@pytest.mark.parametrize("say_goodbye", [False, True])
async def test_a_request_that_is_not_the_signed_operation_is_told_so(
    method: str, path: str, status: str, error: str, say_goodbye: bool
) -> None:
    async with SonicSimulator(ScriptedMinds(script())) as sonic:
        headers, body = await ask(sonic, method, path, say_goodbye)
        assert (headers[":status"], headers["x-amzn-errortype"]) == (status, error)
        assert json.loads(body)["message"]
        assert headers["x-amzn-requestid"]


async def test_a_client_that_speaks_no_http2_is_turned_away() -> None:
    async with SonicSimulator(ScriptedMinds(script())) as sonic:
        tls = ssl.create_default_context(cafile=str(sonic.ca_file))
        reader, writer = await asyncio.open_connection("127.0.0.1", sonic.port, ssl=tls)
        assert await within(reader.read()) == b""
        writer.close()
