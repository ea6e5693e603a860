"""Polly's request and answer through the real boto3, against a strict stand-in. The real Polly was never reached."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from urllib3.exceptions import ProtocolError

from app.audio.clip import from_pcm
from app.engines.polly import NotInPolly, PollyVoice, voices
from app.prompts.voices import VOICES
from tests.engines.polly_desk import KEY, REGION, SECRET, PollyDesk, polly_desk


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PollyDesk]:
    with polly_desk() as desk:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_ENDPOINT_URL_POLLY", desk.url)
        yield desk


async def test_a_line_in_the_voice_of_that_name(desk: PollyDesk) -> None:
    pcm = await PollyVoice(REGION).synth("One moment, please.", "matthew", "en-US", 16_000)
    assert 900 < from_pcm(pcm, 16_000).ms < 1_400
    assert desk.asked == [
        {
            "Engine": "neural",
            "LanguageCode": "en-US",
            "OutputFormat": "pcm",
            "SampleRate": "16000",
            "Text": "One moment, please.",
            "TextType": "text",
            "VoiceId": "Matthew",
        }
    ]


async def test_a_voice_that_is_only_generative_is_asked_for_so(desk: PollyDesk) -> None:
    assert await PollyVoice(REGION).synth("Hello.", "tiffany", "en-US", 8_000)
    assert desk.asked[0]["Engine"] == "generative"


async def test_what_polly_cannot_say_is_not_asked(desk: PollyDesk) -> None:
    for voice, language, rate in (("nobody", "en-US", 16_000), ("lupe", "en-US", 16_000), ("lupe", "es-US", 24_000)):
        with pytest.raises(NotInPolly):
            await PollyVoice(REGION).synth("Hola.", voice, language, rate)
    assert desk.asked == []


async def test_a_refusal_is_told_by_its_name(desk: PollyDesk) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        await PollyVoice(REGION).synth("Hello.", "amy", "en-GB", 16_000)  # the stand-in has no such voice


async def test_a_throttled_request_is_sent_again(desk: PollyDesk) -> None:
    desk.throttle = 1
    assert await PollyVoice(REGION).synth("Hola.", "lupe", "es-US", 16_000)


async def test_an_answer_cut_short_is_no_recording(desk: PollyDesk) -> None:
    desk.cut = True
    with pytest.raises(ProtocolError):
        await PollyVoice(REGION).synth("Hola.", "lupe", "es-US", 16_000)


async def test_the_wrong_secret_is_refused(desk: PollyDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        await PollyVoice(REGION).synth("Hello.", "matthew", "en-US", 16_000)


def test_every_voice_of_the_model_was_looked_for() -> None:
    assert voices().keys() == {voice for spoken in VOICES.values() for voice in spoken}


def test_every_id_of_the_table_is_one_that_boto3_knows() -> None:
    model = boto3.Session().client("polly", region_name=REGION).meta.service_model
    known = {shape: set(model.shape_for(shape).enum) for shape in ("VoiceId", "Engine", "LanguageCode")}
    for entry in voices().values():
        assert entry.id in known["VoiceId"]
        assert entry.engine in known["Engine"]
        assert entry.language in known["LanguageCode"]
