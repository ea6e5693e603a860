"""How commands talk to people: also after the stream they began with is gone."""

import io
import sys

import pytest
import structlog

from app.cli.talk import logging_to_stderr


def test_a_logger_writes_to_the_stderr_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    log = structlog.get_logger()
    monkeypatch.setattr(sys, "stderr", first)
    logging_to_stderr(json_lines=True)
    log.warning("one")
    monkeypatch.setattr(sys, "stderr", second)
    first.close()
    log.warning("two")
    assert '"event": "two"' in second.getvalue()
