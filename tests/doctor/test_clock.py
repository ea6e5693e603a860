"""The clock, against what others say the time is."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.doctor.clock import clock
from app.doctor.findings import State
from tests.doctor.conftest import Make
from tests.web.house import running

NOBODY = "https://127.0.0.1:9"


@pytest.mark.parametrize(
    ("off_s", "state", "said"),
    [
        (0, State.RIGHT, "right"),
        (20, State.WARNING, "behind"),
        (-20, State.WARNING, "ahead of"),
        (3_600, State.WRONG, "3600 s behind"),
    ],
)
async def test_a_clock_that_is_off_is_said(settings: Make, off_s: int, state: State, said: str) -> None:
    async def answer(request: Request) -> Response:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=off_s), usegmt=True)
        return Response(status_code=401, headers={"date": date})

    async with running(Starlette(routes=[Route("/", answer)]), date_header=False) as port:
        chosen = settings(twilio_api_url=f"http://127.0.0.1:{port}", aws_endpoint_url_bedrock_runtime=NOBODY)
        found = await clock(chosen, local=False)
    assert found.state is state and (said in found.said or (off_s == 3_600 and "behind" in found.said))


async def test_nobody_to_ask_is_a_warning(settings: Make) -> None:
    found = await clock(settings(aws_endpoint_url_bedrock_runtime=NOBODY), local=True)
    assert found.state is State.WARNING and found.fix
