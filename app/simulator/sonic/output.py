"""The events that the service sends, as encoded JSON. Pure: the ids are made here, times and decisions elsewhere."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

INTERRUPTED_MARKER = '{ "interrupted" : true }'


def encode(name: str, body: Mapping[str, Any]) -> bytes:
    return json.dumps({"event": {name: body}}, separators=(",", ":")).encode()


class Outlet:
    """Words one session's events. Methods return the events of one block, in order."""

    def __init__(self, prompt: str, output_rate: int) -> None:
        self._ids = {"sessionId": str(uuid4()), "promptName": prompt, "completionId": str(uuid4())}
        self._rate = output_rate
        self._audio_head = b""
        self._audio_id = ""

    def completion_start(self) -> bytes:
        return encode("completionStart", self._ids)

    def completion_end(self) -> bytes:
        return encode("completionEnd", {**self._ids, "stopReason": "END_TURN"})

    def usage(self, report: Mapping[str, Any]) -> bytes:
        return encode("usageEvent", {**self._ids, **report})

    def user_speech(self, name: str, **offsets: int) -> bytes:
        ids = {key: self._ids[key] for key in ("sessionId", "promptName")}
        return encode(name, {**ids, **offsets})

    def text(self, role: str, stage: str, text: str, stop: str = "PARTIAL_TURN") -> list[bytes]:
        """A whole text block."""
        ids = {**self._ids, "contentId": str(uuid4())}
        start = {
            "type": "TEXT",
            "role": role,
            "additionalModelFields": json.dumps({"generationStage": stage}, separators=(",", ":")),
            "textOutputConfiguration": {"mediaType": "text/plain"},
        }
        return [
            encode("contentStart", {**ids, **start}),
            encode("textOutput", {**ids, "role": role, "content": text}),
            encode("contentEnd", {**ids, "type": "TEXT", "stopReason": stop}),
        ]

    def interrupted(self) -> list[bytes]:
        return self.text("ASSISTANT", "FINAL", INTERRUPTED_MARKER, "INTERRUPTED")

    def tool_use(self, tool_use_id: str, name: str, arguments: Mapping[str, Any], double: bool) -> list[bytes]:
        ids = {**self._ids, "contentId": str(uuid4())}
        content = json.dumps(arguments)
        body = {
            "role": "TOOL",
            "toolName": name,
            "toolUseId": tool_use_id,
            "content": json.dumps(content) if double else content,
        }
        configuration = {"toolUseOutputConfiguration": {"mediaType": "application/json"}}
        return [
            encode("contentStart", {**ids, "type": "TOOL", "role": "TOOL", **configuration}),
            encode("toolUse", {**ids, **body}),
            encode("contentEnd", {**ids, "type": "TOOL", "stopReason": "TOOL_USE"}),
        ]

    def audio_start(self) -> bytes:
        self._audio_id = str(uuid4())
        ids = {**self._ids, "contentId": self._audio_id}
        head = encode("audioOutput", {**ids, "role": "ASSISTANT", "content": ""})
        self._audio_head = head.removesuffix(b'"}}}')
        configuration = {
            "mediaType": "audio/lpcm",
            "sampleRateHertz": self._rate,
            "sampleSizeBits": 16,
            "encoding": "base64",
            "channelCount": 1,
        }
        return encode(
            "contentStart",
            {**ids, "type": "AUDIO", "role": "ASSISTANT", "audioOutputConfiguration": configuration},
        )

    def audio(self, pcm: bytes) -> bytes:
        return b"".join((self._audio_head, base64.b64encode(pcm), b'"}}}'))

    def audio_end(self, stop: str) -> bytes:
        ids = {**self._ids, "contentId": self._audio_id}
        return encode("contentEnd", {**ids, "type": "AUDIO", "stopReason": stop})
