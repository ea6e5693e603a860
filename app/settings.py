"""Everything the environment may say, read once and handed down as plain values.

Names are the environment's own, in capitals (`PUBLIC_URL`); a `.env` file in the working directory is read too.
"""

import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.tools.addresses import read_hosts

REPOSITORY = Path(__file__).parent.parent
LENT = ("AWS_", "OTEL_")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}  # a rehearsal on this machine
E164 = re.compile(r"\+[1-9]\d{6,14}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


class SettingsError(Exception):
    """The environment is wrong; the message names each variable and the fix."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    # the server
    host: str = "0.0.0.0"
    port: int = Field(8000, ge=0, le=65_535)
    public_url: str = ""
    data_dir: Path = Path(".data")
    content_dir: Path = REPOSITORY
    foreign_audio: bool = False  # may a phrase play in another engine's voice? with --local it may
    max_calls: int = Field(50, ge=1)
    max_lateness_ms: int = Field(40, ge=10)  # of the event loop; beyond it new calls are refused
    at_limit: str = Field("speak", pattern="^(speak|reject)$")
    stream_secret: SecretStr = SecretStr("")
    metrics_token: SecretStr = SecretStr("")
    person_number: str = ""
    drain_seconds: int = Field(30, ge=0)
    journal: bool = False
    emf: bool = False  # metrics for CloudWatch, a line of JSON a minute on standard output
    log_format: str = Field("", pattern="^(json|text|)$")  # "": text on a terminal, JSON elsewhere
    prices: Path = REPOSITORY / "deploy" / "prices.yaml"

    # Twilio
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_api_key: str = ""
    twilio_api_secret: SecretStr = SecretStr("")
    twilio_api_url: str = "https://api.twilio.com"
    record_calls: bool = False
    caller_id: str = ""  # a number of ours, from which `offhook call` calls
    do_not_call: Path | None = None  # staff's file of numbers that it never calls
    fallback_url: str = ""  # where Twilio turns when we do not answer; else /twilio/fallback of PUBLIC_URL

    # Amazon Nova Sonic; credentials come by the SDK's own chain, and so does the endpoint where none is given here
    aws_region: str = "us-east-1"
    aws_endpoint_url_bedrock_runtime: str = ""
    aws_ca_bundle: Path | None = None
    nova_sonic_model_id: str = "amazon.nova-2-sonic-v1:0"
    nova_sonic_fallbacks: str = ""  # "region:model,..." in order; see `fallbacks`
    nova_sonic_probe_seconds: int = Field(15, ge=1)
    nova_sonic_max_streams: int = Field(20, ge=1)
    nova_sonic_session_seconds: int = Field(480, ge=10)
    nova_sonic_idle_seconds: int = Field(55, ge=5)
    nova_sonic_streams_per_connection: int = Field(10, ge=1)
    nova_sonic_input_rate: int = 16_000
    nova_sonic_output_rate: int = 8_000
    nova_sonic_sdk_path: bool = False
    pool_size: int = Field(4, ge=0)
    quiet_batch_ms: int = Field(100, ge=20, le=200)
    gate_line_noise: bool = False
    audio_while_tool_pending: bool = True

    # tools: see app/tools/addresses.py; their own variables are read by `tool_variables`
    tool_hosts: str = ""

    # the store
    redis_url: str = ""

    # what callers leave for staff, whom campaigns have called: SQLAlchemy's URL, else files under DATA_DIR
    database_url: SecretStr = SecretStr("")

    @field_validator("public_url")
    @classmethod
    def _a_base_without_path(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/")):
            raise ValueError("give the address Twilio reaches you at, such as https://bot.example.com, without a path")
        return value.rstrip("/")

    @field_validator("fallback_url")
    @classmethod
    def _a_whole_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("give the whole address of the document, such as https://static.example.com/fallback.xml")
        return value

    @field_validator("caller_id")
    @classmethod
    def _a_whole_number(cls, value: str) -> str:
        if value and not E164.fullmatch(value):
            raise ValueError("write the number with its country, such as +15550100, without spaces")
        return value

    @field_validator("do_not_call")
    @classmethod
    def _a_file_with_a_name(cls, value: Path | None) -> Path | None:
        return None if value == Path() else value  # `DO_NOT_CALL=` is nothing, not this folder

    @field_validator("nova_sonic_input_rate", "nova_sonic_output_rate")
    @classmethod
    def _a_rate_the_service_knows(cls, value: int) -> int:
        if value not in {8_000, 16_000, 24_000}:
            raise ValueError("choose 8000, 16000 or 24000")
        return value

    @field_validator("tool_hosts")
    @classmethod
    def _hosts_that_can_be_meant(cls, value: str) -> str:
        read_hosts(value)
        return value

    @field_validator("nova_sonic_fallbacks")
    @classmethod
    def _regions_and_models(cls, value: str) -> str:
        for place in filter(None, value.split(",")):
            region, _, model = place.strip().partition(":")
            if not REGION.fullmatch(region) or not model:
                raise ValueError(f"{place.strip()!r} is not region:model, such as us-west-2:amazon.nova-2-sonic-v1:0")
        return value

    @property
    def fallbacks(self) -> tuple[tuple[str, str], ...]:
        """Region and model of each endpoint to fall back on, in order."""
        places = [place.strip().partition(":") for place in self.nova_sonic_fallbacks.split(",") if place.strip()]
        return tuple((region, model) for region, _, model in places)

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Several while a token is rotated; the first signs what we sign."""
        return tuple(token.strip() for token in self.twilio_auth_token.get_secret_value().split(",") if token.strip())

    @property
    def stream_key(self) -> str:
        """What stream tokens are made with: STREAM_SECRET, else a key that every server with the same Twilio token
        comes to, for a token issued by one is checked by another. Empty where there is neither."""
        if given := self.stream_secret.get_secret_value():
            return given
        return "" if not self.auth_tokens else sha256(f"offhook stream {self.auth_tokens[0]}".encode()).hexdigest()

    @property
    def rest_keys(self) -> tuple[str, str, str] | None:
        """What Twilio's REST interface is asked with: account, user, password. None where they are not all set."""
        token = self.auth_tokens[0] if self.auth_tokens else ""
        by_key = (self.twilio_account_sid, self.twilio_api_key, self.twilio_api_secret.get_secret_value())
        by_token = (self.twilio_account_sid, self.twilio_account_sid, token)
        return next((keys for keys in (by_key, by_token) if all(keys)), None)

    def logs_are_json(self, on_terminal: bool) -> bool:
        return self.log_format == "json" if self.log_format else not on_terminal

    @property
    def messages_url(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir / 'messages.db'}"

    @property
    def campaigns_url(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir / 'campaigns.db'}"

    @classmethod
    def read(cls, **overrides: object) -> Self:
        """Read the environment. Raises `SettingsError` with one line for each wrong variable."""
        try:
            return cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            lines = [
                f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            ]
            raise SettingsError("\n".join(lines)) from None

    def for_serving(self, local: bool) -> Self:
        """These settings made fit for `serve`. Raises `SettingsError` where a telephone could not be served safely."""
        if local:
            address = f"http://127.0.0.1:{self.port}"
            update: dict[str, object] = {"host": "127.0.0.1", "public_url": self.public_url or address}
            if "foreign_audio" not in self.model_fields_set:
                update["foreign_audio"] = True
            return self.model_copy(update=update)
        missing = [
            f"{name} is not set: {fix}"
            for name, value, fix in (
                ("TWILIO_AUTH_TOKEN", self.auth_tokens, "without it anybody could place calls (or use --local)"),
                ("PUBLIC_URL", self.public_url, "the https address Twilio reaches you at (or use --local)"),
            )
            if not value
        ]
        if self.public_url.startswith("http://") and urlsplit(self.public_url).hostname not in LOOPBACK:
            missing.append("PUBLIC_URL is http: callers' voices would travel unencrypted; give https (or use --local)")
        if missing:
            raise SettingsError("\n".join(missing))
        return self


def tool_variables() -> dict[str, str]:
    """What the environment and `.env` hold for YAML tools: names that begin with TOOL_, and nothing else."""
    found = {**dotenv_values(".env"), **os.environ}
    return {name: value for name, value in found.items() if name.startswith("TOOL_") and value is not None}


def lend_variables() -> None:
    """What `.env` holds for libraries that read the environment themselves goes there: AWS keys, where traces go. What
    stands there empty is taken out of it, for the AWS SDK would take an empty key for a key."""
    for name, value in dotenv_values(".env").items():
        if name.startswith(LENT) and value:
            os.environ.setdefault(name, value)
    for name in [name for name, value in os.environ.items() if name.startswith(LENT) and not value]:
        del os.environ[name]
