"""What the environment may say, and what is said back where it is wrong."""

import os
from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, lend_variables


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder without a `.env`, and an environment without our names."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


def problems(**values: str) -> str:
    with pytest.raises(SettingsError) as wrong:
        Settings.read(**values)
    return str(wrong.value)


def test_nothing_needs_to_be_set() -> None:
    settings = Settings.read()
    assert (settings.port, settings.max_calls, settings.nova_sonic_model_id) == (8000, 50, "amazon.nova-2-sonic-v1:0")
    assert (settings.content_dir / "prompts").is_dir()


def test_names_of_the_environment_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://bot.example.com/")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "https://localhost:8443")
    monkeypatch.setenv("NOVA_SONIC_IDLE_SECONDS", "30")
    settings = Settings.read()
    assert settings.public_url == "https://bot.example.com"
    assert settings.aws_endpoint_url_bedrock_runtime == "https://localhost:8443"
    assert settings.nova_sonic_idle_seconds == 30


def test_a_dot_env_file_is_read_and_the_environment_goes_before_it(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".env").write_text("PORT=9000\nMAX_CALLS=7\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("PORT", "9001")
    settings = Settings.read()
    assert (settings.port, settings.max_calls) == (9001, 7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("MAX_CALLS", "none"),
        ("PUBLIC_URL", "bot.example.com"),
        ("PUBLIC_URL", "ftp://bot.example.com"),
        ("PUBLIC_URL", "https://bot.example.com/twilio"),
        ("AT_LIMIT", "hang up"),
        ("CALLER_ID", "415 555 0100"),
        ("NOVA_SONIC_INPUT_RATE", "44100"),
        ("QUIET_BATCH_MS", "5"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert problems().startswith(f"{name}: ")


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("POOL_SIZE", "-1")
    assert [line.partition(":")[0] for line in problems().splitlines()] == ["PORT", "POOL_SIZE"]


def test_whom_we_call_from_and_never_call_stand_in_a_dot_env_file_too(elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("CALLER_ID=+15550100\nDO_NOT_CALL=no.txt\n")
    settings = Settings.read()
    assert (settings.caller_id, settings.do_not_call) == ("+15550100", Path("no.txt"))
    (elsewhere / ".env").write_text("CALLER_ID=\nDO_NOT_CALL=\n")
    settings = Settings.read()
    assert (settings.caller_id, settings.do_not_call) == ("", None)
    assert "such as +15550100" in problems(caller_id="0415")


def test_tokens_under_rotation_are_a_list_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", " new , old,")
    settings = Settings.read()
    assert settings.auth_tokens == ("new", "old")
    assert "new" not in repr(settings) and "old" not in str(settings.twilio_auth_token)


def test_serving_telephones_needs_a_token_and_an_address() -> None:
    with pytest.raises(SettingsError) as missing:
        Settings.read().for_serving(local=False)
    assert [line.partition(" ")[0] for line in str(missing.value).splitlines()] == ["TWILIO_AUTH_TOKEN", "PUBLIC_URL"]
    settings = Settings.read(twilio_auth_token="t", public_url="https://bot.example.com")
    assert settings.for_serving(local=False) == settings


def test_voices_travel_encrypted_unless_everything_is_on_this_machine() -> None:
    with pytest.raises(SettingsError, match="PUBLIC_URL is http"):
        Settings.read(twilio_auth_token="t", public_url="http://bot.example.com").for_serving(local=False)
    rehearsal = Settings.read(twilio_auth_token="t", public_url="http://127.0.0.1:8000")
    assert rehearsal.for_serving(local=False) == rehearsal


def test_local_serving_needs_nothing_and_is_reached_from_this_machine_only() -> None:
    settings = Settings.read(port=9000, host="0.0.0.0").for_serving(local=True)
    assert (settings.host, settings.public_url) == ("127.0.0.1", "http://127.0.0.1:9000")
    told = Settings.read(public_url="https://bot.example.com").for_serving(local=True)
    assert told.public_url == "https://bot.example.com"


def test_another_engines_voice_plays_on_this_machine_alone_unless_said_otherwise() -> None:
    assert not Settings.read().foreign_audio
    assert Settings.read().for_serving(local=True).foreign_audio
    assert not Settings.read(foreign_audio=False).for_serving(local=True).foreign_audio


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({}, None),
        ({"twilio_auth_token": "new, old"}, None),
        ({"twilio_account_sid": "AC1", "twilio_api_key": "SK1"}, None),
        ({"twilio_account_sid": "AC1", "twilio_auth_token": "new, old"}, ("AC1", "AC1", "new")),
        (
            {"twilio_account_sid": "AC1", "twilio_auth_token": "t", "twilio_api_key": "SK1", "twilio_api_secret": "s"},
            ("AC1", "SK1", "s"),
        ),
    ],
)
def test_keys_of_the_rest_interface_are_all_set_or_none(given: dict[str, str], keys: tuple[str, ...] | None) -> None:
    assert Settings.read(**given).rest_keys == keys


def test_endpoints_to_fall_back_on_are_regions_with_models() -> None:
    settings = Settings.read(nova_sonic_fallbacks="us-west-2:amazon.nova-2-sonic-v1:0, eu-north-1:older")
    assert settings.fallbacks == (("us-west-2", "amazon.nova-2-sonic-v1:0"), ("eu-north-1", "older"))
    assert Settings.read().fallbacks == ()
    assert "'us-west-2' is not region:model, such as" in problems(nova_sonic_fallbacks="us-west-2")


def test_the_fallback_is_a_whole_address() -> None:
    assert Settings.read(fallback_url="https://static.example.org/fallback.xml").fallback_url.endswith(".xml")
    assert "FALLBACK_URL: give the whole address" in problems(fallback_url="static.example.org/fallback.xml")


def test_keys_for_the_sdk_may_stand_in_the_file_and_an_empty_one_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("AWS_ACCESS_KEY_ID=AKIAFILE\nAWS_PROFILE=\nOTEL_SERVICE_NAME=desk\nPATH=none\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {"AWS_SESSION_TOKEN": "", "OTEL_SERVICE_NAME": "mine", "PATH": "/bin"})
    lend_variables()
    assert os.environ == {"AWS_ACCESS_KEY_ID": "AKIAFILE", "OTEL_SERVICE_NAME": "mine", "PATH": "/bin"}
