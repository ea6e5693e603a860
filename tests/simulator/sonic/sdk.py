"""The real Python SDK, as its users drive it, pointed at a simulator. No code of the product's engine is used here."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from aws_sdk_bedrock_runtime.client import AsyncBedrockRuntimeClient
from aws_sdk_bedrock_runtime.config import AsyncBedrockRuntimeConfig
from aws_sdk_bedrock_runtime.models import (
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOperationInput,
)
from awscrt.io import ClientTlsContext, TlsContextOptions
from smithy_http.aio.crt import AWSCRTHTTPClient

from app.simulator.sonic.simulator import SonicSimulator

MODEL = "amazon.nova-2-sonic-v1:0"
PATIENCE_S = 10.0
PROMPT = "prompt-1"
SILENCE_100_MS = bytes(3200)  # at 16 kHz


class TooSlow(AssertionError):
    pass


async def within[T](what: Awaitable[T], seconds: float = PATIENCE_S) -> T:
    """Wait without cancelling: the CRT's futures do not bear it."""
    task = asyncio.ensure_future(what)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        raise TooSlow(f"nothing after {seconds} s")
    return task.result()


class Session:
    """One stream. `send` takes the inside of an event: {"sessionStart": {...}}."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._receiver: Any = None
        self.seen: list[tuple[str, dict[str, Any]]] = []

    async def send(self, **events: dict[str, Any]) -> None:
        for name, body in events.items():
            payload = json.dumps({"event": {name: body}}).encode()
            await self.send_bytes(payload)

    async def send_bytes(self, payload: bytes) -> None:
        part = BidirectionalInputPayloadPart(bytes_=payload)
        await within(self.stream.input_stream.send(InvokeModelWithBidirectionalStreamInputChunk(value=part)))

    async def start(self, **prompt: Any) -> None:
        await self.send(sessionStart={"inferenceConfiguration": {"maxTokens": 1024}})
        await self.start_prompt(**prompt)

    async def start_prompt(self, voice: str = "tiffany", rate: int = 8000, **more: Any) -> None:
        audio = {"mediaType": "audio/lpcm", "sampleRateHertz": rate, "sampleSizeBits": 16, "channelCount": 1}
        audio |= {"voiceId": voice, "encoding": "base64", "audioType": "SPEECH"}
        await self.send(promptStart={"promptName": PROMPT, "audioOutputConfiguration": audio, **more})

    async def start_text(self, name: str, role: str, interactive: bool = False) -> None:
        await self.send(
            contentStart={
                "promptName": PROMPT,
                "contentName": name,
                "type": "TEXT",
                "role": role,
                "interactive": interactive,
                "textInputConfiguration": {"mediaType": "text/plain"},
            }
        )

    async def text(self, name: str, role: str, text: str, interactive: bool = False) -> None:
        """A whole text block."""
        await self.start_text(name, role, interactive)
        await self.send(textInput={"promptName": PROMPT, "contentName": name, "content": text})
        await self.end_content(name)

    async def start_audio(self, name: str = "audio", rate: int = 16_000) -> None:
        configuration = {"mediaType": "audio/lpcm", "sampleRateHertz": rate, "sampleSizeBits": 16, "channelCount": 1}
        await self.send(
            contentStart={
                "promptName": PROMPT,
                "contentName": name,
                "type": "AUDIO",
                "role": "USER",
                "interactive": True,
                "audioInputConfiguration": configuration,
            }
        )

    async def audio(self, pcm: bytes, name: str = "audio") -> None:
        content = base64.b64encode(pcm).decode()
        await self.send(audioInput={"promptName": PROMPT, "contentName": name, "content": content})

    async def tool_result(self, tool_use_id: str, content: str, name: str = "result") -> None:
        await self.send(
            contentStart={
                "promptName": PROMPT,
                "contentName": name,
                "type": "TOOL",
                "role": "TOOL",
                "interactive": False,
                "toolResultInputConfiguration": {"toolUseId": tool_use_id, "type": "TEXT"},
            },
            toolResult={"promptName": PROMPT, "contentName": name, "content": content},
        )
        await self.end_content(name)

    async def end_content(self, name: str) -> None:
        await self.send(contentEnd={"promptName": PROMPT, "contentName": name})

    async def end(self) -> None:
        """End the session in the protocol's order, with the one audio content open."""
        await self.end_content("audio")
        await self.send(promptEnd={"promptName": PROMPT}, sessionEnd={})

    async def headers(self, seconds: float = PATIENCE_S) -> None:
        _, self._receiver = await within(self.stream.await_output(), seconds)

    async def receive(self, seconds: float = PATIENCE_S) -> tuple[str, dict[str, Any]] | None:
        """The next event, or None at the end of the stream. Raises what the SDK raises."""
        if self._receiver is None:
            await self.headers()
        output = await within(self._receiver.receive(), seconds)
        if output is None:
            return None
        [(name, body)] = json.loads(output.value.bytes_)["event"].items()
        self.seen.append((name, body))
        return name, body

    async def until(self, wanted: str, **members: Any) -> dict[str, Any]:
        """Read up to the first event of that name with those members."""
        while (event := await self.receive()) is not None:
            name, body = event
            if name == wanted and members.items() <= body.items():
                return body
        raise AssertionError(f"the stream ended without {wanted} {members}: {self.names()}")

    async def rest(self) -> list[tuple[str, dict[str, Any]]]:
        """Read to the end of the stream."""
        while await self.receive() is not None:
            pass
        return self.seen

    def names(self) -> list[str]:
        return [name for name, _ in self.seen]

    def texts(self, role: str, stage: str) -> list[str]:
        """Texts of one role and generation stage, in order."""
        fields = json.dumps({"generationStage": stage}, separators=(",", ":"))
        ids = {
            body["contentId"]
            for name, body in self.seen
            if name == "contentStart" and body.get("additionalModelFields") == fields and body["role"] == role
        }
        return [body["content"] for name, body in self.seen if name == "textOutput" and body["contentId"] in ids]

    def audio_heard(self) -> bytes:
        return b"".join(base64.b64decode(body["content"]) for name, body in self.seen if name == "audioOutput")


class Client:
    """An SDK client that trusts one simulator."""

    def __init__(self, client: AsyncBedrockRuntimeClient) -> None:
        self._client = client

    async def open(self, model: str = MODEL) -> Session:
        operation = InvokeModelWithBidirectionalStreamOperationInput(model_id=model)
        return Session(await within(self._client.invoke_model_with_bidirectional_stream(operation)))

    async def conversation(self, system: str = "You help.", **prompt: Any) -> Session:
        """A session with its system prompt given and its one audio content open."""
        session = await self.open()
        await session.start(**prompt)
        await session.text("system", "SYSTEM", system)
        await session.start_audio()
        await session.audio(SILENCE_100_MS)
        return session


@asynccontextmanager
async def sdk_client(
    sonic: SonicSimulator, access_key: str = "AKIDEXAMPLE", secret_key: str = "not-so-secret"
) -> AsyncIterator[Client]:
    transport = AWSCRTHTTPClient()
    options = TlsContextOptions()
    options.override_default_trust_store_from_path(None, str(sonic.ca_file))
    transport._tls_ctx = ClientTlsContext(options)
    config = await AsyncBedrockRuntimeConfig.resolve(
        region="us-east-1",
        endpoint_uri=sonic.endpoint,
        transport=transport,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )
    try:
        yield Client(AsyncBedrockRuntimeClient(config))
    finally:
        await within(transport.close())
