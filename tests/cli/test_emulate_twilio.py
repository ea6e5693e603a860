"""`offhook emulate twilio` as a process."""

import asyncio
import json
import sys

import httpx


async def test_it_says_where_it_listens_and_serves_the_rest_subset() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from app.cli.emulate_twilio import app; app()"),
        *("--port", "0", "--account", "AC1", "--token", "t", "--number", "+15035550100=http://127.0.0.1:9/v", "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        told = json.loads(await process.stdout.readline())
        async with httpx.AsyncClient(auth=("AC1", "t"), base_url=told["url"]) as http:
            answer = await http.get("/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json")
    finally:
        process.terminate()
        await process.wait()
    (number,) = answer.json()["incoming_phone_numbers"]
    assert (number["phone_number"], number["voice_url"]) == ("+15035550100", "http://127.0.0.1:9/v")
    assert process.returncode == 0
