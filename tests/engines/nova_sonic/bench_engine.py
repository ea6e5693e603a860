"""What a model session costs, in microseconds of this process's CPU (all threads) an event. Run by hand:

    python -m tests.engines.nova_sonic.bench_engine [--seconds 4] [--sdk]

The peer runs in a process of its own and is not counted. Sessions send 20 ms of audio 50 times a second, each at its
own moment within the 20 ms ("spread", as telephones do) or all in one turn of the loop ("together"); the cost of the
timers themselves is measured first and taken off. The last rows are events of speech received at that pace.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from app.engines.nova_sonic import events
from app.engines.nova_sonic.engine import NovaSonicEngine, NovaSonicOptions
from app.engines.nova_sonic.frames import Deframer, FrameSigner
from app.engines.nova_sonic.reader import Reader
from app.engines.nova_sonic.session import SonicSession
from tests.engines.nova_sonic.conftest import SPEC
from tests.engines.nova_sonic.peer import ACCESS_KEY, SECRET_KEY, Peer, event_frame, make_certificates

FRAME = os.urandom(640)
SPEECH = {"audioOutput": {"contentId": "k", "role": "ASSISTANT", "sessionId": "s", "content": "x" * 856}}


def best_us(step: Callable[[], object], times: int = 2_000) -> float:
    def once() -> float:
        start = time.process_time_ns()
        for _ in range(times):
            step()
        return (time.process_time_ns() - start) / times / 1_000

    return min(once() for _ in range(5))


def measure_pure() -> None:
    signer, mould, clock = FrameSigner("secret", "us-east-1", "ab" * 32), events.audio_mould("p" * 36, "c" * 36), [0]

    def send() -> None:
        clock[0] += 20
        signer.event(events.audio_input(mould, FRAME), clock[0])

    print(f"frame and sign one audioInput (640 B)      {best_us(send):7.1f} us")
    for size in (640, 1_280, 3_200):
        speech = {"audioOutput": {**SPEECH["audioOutput"], "content": "AAAA" * (size // 3)}}
        whole, deframer, reader = event_frame(speech), Deframer(), Reader()

        def receive(whole: bytes = whole, deframer: Deframer = deframer, reader: Reader = reader) -> None:
            for frame in deframer.feed(whole):
                heard = events.parse(frame.message())
                assert heard is not None
                list(reader.read(heard))

        print(f"deframe, check, decode one audioOutput ({size:4} B) {best_us(receive):5.1f} us")


async def paced(senders: list[Callable[[], None]], seconds: float, spread: bool) -> float:
    """Call each 50 times a second; the CPU microseconds spent a call."""
    loop = asyncio.get_running_loop()
    start, cpu, done = loop.time() + 0.05, time.process_time_ns(), 0
    for turn in range(int(seconds * 50)):
        for number, send in enumerate(senders):
            if spread or number == 0:
                at = start + turn * 0.02 + (number * 0.02 / len(senders) if spread else 0)
                await asyncio.sleep(max(0.0, at - loop.time()))
            send()
            done += 1
    return (time.process_time_ns() - cpu) / done / 1_000


async def open_calls(engine: NovaSonicEngine, count: int) -> list[SonicSession]:
    sessions = [await engine.open(SPEC) for _ in range(count)]
    for session in sessions:
        session.begin(1, [])
    return sessions


async def drain(session: SonicSession) -> int:
    return len([event async for event in session.events()])


async def measure_paths(url: str, ca: str, commands: asyncio.StreamWriter, seconds: float, sdk: bool) -> None:
    for gather_ms in (0,) if sdk else (0, 2, 4, 8):
        for count in (1, 10, 50):
            engine = NovaSonicEngine(NovaSonicOptions(endpoint=url, ca_file=ca, gather_ms=gather_ms, use_sdk_path=sdk))
            sessions = await open_calls(engine, count)
            row = [f"gather {gather_ms} ms, {count:2} sessions: sent"]
            for spread in (True, False):
                idle = await paced([lambda: None] * count, seconds / 2, spread)
                busy = await paced([lambda s=s: s.send_audio(FRAME) for s in sessions], seconds, spread)  # type: ignore[misc]
                row.append(f"{'spread' if spread else 'together'} {busy - idle:6.1f} us")
            if gather_ms in (0, 4):
                row.append(f"received {await received(sessions, commands, seconds):6.1f} us")
            print("   ".join(row), flush=True)
            await engine.close()


async def received(sessions: list[SonicSession], commands: asyncio.StreamWriter, seconds: float) -> float:
    """CPU microseconds for each event of speech, all sessions being spoken to at once."""
    counting = [asyncio.create_task(drain(session)) for session in sessions]
    cpu = time.process_time_ns()
    commands.write(f"{seconds}\n".encode())
    await asyncio.sleep(seconds + 0.3)
    spent = time.process_time_ns() - cpu
    await asyncio.gather(*(session.close() for session in sessions))
    return spent / max(1, sum(await asyncio.gather(*counting))) / 1_000


async def serve(folder: Path) -> None:
    """The peer's process: says its address, then speaks to all open streams for as long as each line tells."""
    ca, leaf = make_certificates(folder)
    async with Peer(leaf) as peer:
        peer.checks = False
        print(json.dumps({"url": peer.url, "ca": str(ca)}), flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            await speak(peer, float(line))


async def speak(peer: Peer, seconds: float) -> None:
    whole, loop = event_frame(SPEECH), asyncio.get_running_loop()
    streams = [stream for link in peer.links for stream in link.streams.values() if not stream.ended]
    start = loop.time()
    for turn in range(int(seconds * 50)):
        for number, stream in enumerate(streams):
            at = start + (turn + number / len(streams)) * 0.02
            if at - loop.time() > 0.001:
                await asyncio.sleep(at - loop.time())
            stream.send(whole)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--sdk", action="store_true")
    parser.add_argument("--serve", type=Path)
    asked = parser.parse_args()
    if asked.serve:
        return await serve(asked.serve)
    os.environ.update(AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY)
    measure_pure()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", __spec__.name, "--serve", folder]
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert child.stdin is not None and child.stdout is not None
        where = json.loads(await child.stdout.readline())
        try:
            await measure_paths(where["url"], where["ca"], child.stdin, asked.seconds, asked.sdk)
        finally:
            child.terminate()
            await child.wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
