"""Which parts a server is built of, by its settings."""

import pytest
import structlog

from app.assembly import recording_of
from app.cli.serve import warn_of_recording
from app.legs.recording import NotRecorded, OutOfReach
from app.legs.twilio.recording import CallRecording
from app.settings import Settings

KEYS = {"twilio_account_sid": "AC" + "1" * 32, "twilio_auth_token": "token"}


@pytest.mark.parametrize(
    ("given", "kind", "warned"),
    [
        ({}, NotRecorded, False),
        ({"record_calls": True}, OutOfReach, True),
        (KEYS, CallRecording, False),
        (KEYS | {"record_calls": True}, CallRecording, False),
    ],
)
def test_a_secret_is_taken_only_where_a_recording_can_be_paused(
    given: dict[str, object], kind: type, warned: bool
) -> None:
    settings = Settings(_env_file=None, **given)  # type: ignore[arg-type,call-arg]
    with structlog.testing.capture_logs() as log:
        warn_of_recording(settings)
    assert isinstance(recording_of(settings), kind)
    assert bool(log) is warned
