"""Amazon Polly as a voice of the studio, for lines that the model cannot be brought to read.

Request and answer are those of boto3's own client, tried against a local stand-in only. boto3 waits, so it is given a
thread. Credentials, endpoint (AWS_ENDPOINT_URL_POLLY) and AWS_CA_BUNDLE come by boto3's own chain.
"""

import asyncio
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

VOICES = Path(__file__).with_name("polly_voices.yaml")
RATES = (8_000, 16_000)  # Hz, of Polly's PCM
CONNECT_S, READ_S, ATTEMPTS = 5, 30, 3


class NotInPolly(Exception):
    """Polly cannot say this: it has no voice of that name, or not in that language or rate."""


class PollyVoiceEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    engine: str
    language: str
    assumed: bool = False  # its engine was concluded, not found


@cache
def voices() -> dict[str, PollyVoiceEntry]:
    """Nova's voice id -> Polly's."""
    table = yaml.safe_load(VOICES.read_text(encoding="utf-8"))
    return {name: PollyVoiceEntry.model_validate(entry) for name, entry in table["voices"].items()}


class PollyVoice:
    """A `Voice` of `app.cache.render`."""

    engine = "polly"
    model = "polly"

    def __init__(self, region: str) -> None:
        self._region = region
        self._making = Lock()
        self._client: Any = None

    async def synth(self, text: str, voice: str, language: str, rate: int) -> bytes:
        """PCM16 at `rate`. Raises `NotInPolly`, botocore's errors, and urllib3's for an answer cut short."""
        entry = voices().get(voice)
        if entry is None or entry.language.partition("-")[0] != language.partition("-")[0]:
            raise NotInPolly(f"Polly has no voice named {voice} that speaks {language}")
        if rate not in RATES:
            raise NotInPolly(f"Polly gives PCM at {' and '.join(map(str, RATES))} Hz, not at {rate}")
        return await asyncio.to_thread(self._synthesize, text, entry, rate)

    def _synthesize(self, text: str, entry: PollyVoiceEntry, rate: int) -> bytes:
        answer = self._ready().synthesize_speech(
            Engine=entry.engine,
            LanguageCode=entry.language,
            OutputFormat="pcm",
            SampleRate=str(rate),
            Text=text,
            TextType="text",
            VoiceId=entry.id,
        )
        with answer["AudioStream"] as stream:
            pcm: bytes = stream.read()
        if answer["ContentType"] != "audio/pcm" or len(pcm) % 2:
            raise NotInPolly(f"Polly answered with {len(pcm)} bytes of {answer['ContentType']}")
        return pcm

    def _ready(self) -> Any:
        with self._making:
            if self._client is None:
                self._client = _client(self._region)
            return self._client


def _client(region: str) -> Any:
    import boto3  # takes a third of a second, and few processes ever ask Polly
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    patience = Config(connect_timeout=CONNECT_S, read_timeout=READ_S, retries=retries)
    return boto3.Session().client("polly", region_name=region, config=patience)
