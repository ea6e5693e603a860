"""The small parts under a stream: the mailbox, the CRT's sockets, credentials, what is made once."""

import asyncio
import datetime
import socket
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from smithy_aws_core.identity import AWSCredentialsIdentity

from app.call.events import Failure
from app.engines.engine import EngineError
from app.engines.nova_sonic.crt_thread import keep_thread_state, send_at_once
from app.engines.nova_sonic.mailbox import Mailbox
from app.engines.nova_sonic.once import Once
from app.engines.nova_sonic.sdk import CachedCredentials, RequestSigner, check_credentials
from tests.engines.nova_sonic.peer import ACCESS_KEY, REGION, SECRET_KEY, request_signature


async def test_posts_of_one_batch_arrive_in_order_by_one_wakeup() -> None:
    mailbox, got = Mailbox(asyncio.get_running_loop()), list[int]()

    def post_all() -> None:
        for number in range(100):
            mailbox.post(got.append, number)

    poster = threading.Thread(target=post_all)
    poster.start()
    poster.join()  # the loop cannot run meanwhile: all of it is one batch
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert got == list(range(100))
    assert mailbox.wakeups == 1


async def test_a_post_that_fails_does_not_stop_those_behind_it() -> None:
    loop = asyncio.get_running_loop()
    complaints, got = list[dict[str, Any]](), list[int]()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    mailbox = Mailbox(loop)

    def fail() -> None:
        raise ZeroDivisionError

    mailbox.post(fail)
    mailbox.post(got.append, 7)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert got == [7] and isinstance(complaints[0]["exception"], ZeroDivisionError)


def test_a_post_to_a_closed_loop_is_lost_quietly() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    Mailbox(loop).post(print, "nobody")


def test_nagles_algorithm_is_off_for_the_sockets_of_one_far_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        near = [socket.create_connection(server.getsockname()) for server in (one, other)]
        assert send_at_once(one.getsockname()[1]) == 1
        assert [bool(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for s in near] == [True, False]
        for connection in near:
            connection.close()


def test_a_thread_may_be_told_twice_to_keep_its_state() -> None:
    def tell() -> None:
        keep_thread_state()
        keep_thread_state()

    told = threading.Thread(target=tell)
    told.start()
    told.join(5)
    assert not told.is_alive()


class Chain:
    """A chain of credentials that counts how often it is asked."""

    def __init__(self, expires_in_s: float | None) -> None:
        self.asked = 0
        self._expires_in_s = expires_in_s

    async def get_identity(self, *, properties: Mapping[str, Any]) -> AWSCredentialsIdentity:
        self.asked += 1
        await asyncio.sleep(0)
        end = None
        if self._expires_in_s is not None:
            end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self._expires_in_s)
        return AWSCredentialsIdentity(access_key_id=f"AK{self.asked}", secret_access_key="s", expiration=end)


@pytest.mark.parametrize("expires_in_s", [None, 3_600, 60])
async def test_credentials_are_asked_for_once_by_many(expires_in_s: float | None) -> None:
    chain = Chain(expires_in_s)
    credentials = CachedCredentials(chain)
    await asyncio.gather(*(credentials.get_identity(properties={}) for _ in range(10)))
    await credentials.get_identity(properties={})
    assert chain.asked == 1


async def test_credentials_that_end_soon_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(60)
    credentials = CachedCredentials(chain)
    await credentials.get_identity(properties={})
    monkeypatch.setattr(credentials, "_asked", -1_000.0)
    await credentials.get_identity(properties={})
    assert chain.asked == 2
    assert credentials.met("AK1").access_key_id == "AK1"


async def test_a_chain_without_credentials_is_a_wrong_setting() -> None:
    class Empty:
        async def get_identity(self, *, properties: Mapping[str, Any]) -> None:
            raise RuntimeError("/home/someone/.aws/credentials")

    with pytest.raises(EngineError) as raised:
        await check_credentials(CachedCredentials(Empty()))
    assert raised.value.failure is Failure.MISCONFIGURED
    assert "someone" not in raised.value.detail


async def test_the_sdk_signs_a_request_for_its_own_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "https://bedrock.example:8443")
    signer = await RequestSigner.make(REGION, "")
    request = await signer.sign("amazon.nova-2-sonic-v1:0")
    assert (request.host, request.port, request.secret) == ("bedrock.example", 8_443, SECRET_KEY)
    assert request.path == "/model/amazon.nova-2-sonic-v1%3A0/invoke-with-bidirectional-stream?"
    headers = {**dict(request.headers), ":path": request.path, ":authority": dict(request.headers)["host"]}
    assert request.seed == request_signature(headers)
    assert SECRET_KEY not in repr(request) and ACCESS_KEY in headers["authorization"]
    await signer.close()


async def test_what_is_made_once_is_shared_and_a_failure_is_not_kept() -> None:
    made = list[int]()

    async def make() -> int:
        made.append(len(made))
        await asyncio.sleep(0)
        if len(made) == 1:
            raise ValueError("not yet")
        return made[-1]

    once = Once(make)
    results = await asyncio.gather(once.get(), once.get(), return_exceptions=True)
    assert all(isinstance(result, ValueError) for result in results)
    assert set(await asyncio.gather(once.get(), once.get())) == {1}
    assert once.made() == 1 and await once.stop() == 1
