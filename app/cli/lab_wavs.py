"""Two calls of the laboratory kept as sound: one whose server is killed in the middle of a sentence, and one whose
model sessions are renewed while things break. What was heard is laid beside what was sent, word by word."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.cli.lab import PUBLIC, TOKEN, Desk, Lived, dial, live, lived_of
from app.simulator.lab.answering import ANSWERS, HALF, AnsweringMinds, Habits
from app.simulator.lab.cells import QUESTION
from app.simulator.lab.judge import longest_silence
from app.simulator.lab.words import TONES, Mark, told
from app.simulator.load.balancer import Place, balancer
from app.simulator.load.hosts import LOOPBACK
from app.simulator.load.processes import Child, NotStarted, Server, free_port, start, until_ready
from app.simulator.sonic.limits import Limits
from app.simulator.sonic.simulator import SonicSimulator
from app.simulator.tonal import CarrierVoice, Sound
from app.simulator.twilio.journal import CallEvent
from app.simulator.twilio.plant import Plant
from app.simulator.twilio.webhook import Route

KILLED_AFTER_S = 2.2  # from the caller's last word: in the middle of the answer's first sentence
PAUSE_MS = 1_500  # from word to word: behind that another answer begins
AGAIN = "what is heard again is the sentence in which it was killed, from its beginning: nobody else knew of it"
KILLED = f"""
    wait 1500ms
    say "{QUESTION}"
    wait 9s
    say "{QUESTION}"
    expect speech within 7s
    wait for quiet 2s within 12s
    hang up
"""
TURNS, RENEWED_AFTER_S = 7, 20
ASK_AGAIN = f"""
    say "{QUESTION}"
    wait 8s
"""
RENEWED = "wait 1500ms\n" + TURNS * ASK_AGAIN + "hang up"
# The third session is refused at first, the second answer breaks off, and the fourth is late.
TROUBLE = "throttle@opening#3,drop@speaking#2,slow@thinking#4=2000,internal@caller-speaking#6"


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording, and every sound of it by its name."""

    path: Path
    what: str
    happened: Sequence[str]
    words: Sequence[tuple[str, Mark, int]]
    silence_ms: int  # the longest, while an answer was due
    disposition: str

    @property
    def lost(self) -> int:
        return sum(mark == "lost" for _, mark, _ in self.words)

    @property
    def again(self) -> int:
        return sum(mark == "again" for _, mark, _ in self.words)

    @property
    def rows(self) -> list[list[tuple[str, Mark, int]]]:
        """The words as they were heard, in a row what was said in one go. A lost word stands in the row it is missing
        from."""
        rows: list[list[tuple[str, Mark, int]]] = []
        for word in self.words:
            if not rows or word[2] - rows[-1][-1][2] > PAUSE_MS:
                rows.append([])
            rows[-1].append(word)
        return rows

    @property
    def good(self) -> bool:
        return self.lost == 0 and self.disposition == "caller_hung_up"

    @property
    def summary(self) -> str:
        heard = sum(mark == "heard" for _, mark, _ in self.words)
        return (
            f"{heard} of {heard + self.lost} words heard, {self.lost} lost, {self.again} heard again; longest silence "
            f"while an answer was due {self.silence_ms} ms; {self.disposition}"
        )

    def document(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "what": self.what,
            "happened": list(self.happened),
            "words": [{"name": name, "was": mark, "at_ms": at_ms} for name, mark, at_ms in self.words],
            "silence_ms": self.silence_ms,
            "disposition": self.disposition,
        }


async def keep_wavs(here: Desk, folder: Path) -> list[Kept]:
    """Both, as files in `folder`."""
    return [await _killed(here, folder), await _renewed(here, folder)]


async def _renewed(here: Desk, folder: Path) -> Kept:
    lived = await live(
        here,
        RENEWED,
        model_faults=TROUBLE,
        habits=Habits(cycle=True),
        settings={"nova_sonic_session_seconds": RENEWED_AFTER_S},
        limits=Limits(session_seconds=RENEWED_AFTER_S),
    )
    what = f"renewed every {RENEWED_AFTER_S} s at the latest, under {TROUBLE}"
    happened = [
        f"session {session.number}: {note.detail['kind']} at {note.detail['stage']}, {lived.track_ms(note.ns / 1e6)} ms"
        for session in lived.sessions
        for note in session.notes
        if note.event == "fault"
    ]
    happened.append(f"{len(lived.sessions)} sessions served the call")
    return _kept(folder / "renewed.wav", what, happened, lived)


def _kept(path: Path, what: str, happened: Sequence[str], lived: Lived) -> Kept:
    """Each answer is laid beside what was heard between two questions."""
    path.write_bytes(lived.result.wav())
    asked = [lived.track_ms(event.at_ms) for event in lived.result.named("caller_started")]
    until = [lived.track_ms(event.at_ms) for event in lived.result.named("caller_stopped")]
    words: list[tuple[str, Mark, int]] = []
    words += [(sound.name, "line", sound.at_ms) for sound in lived.sounds if sound.at_ms < asked[0]]
    silence, answer, before = 0, 0, list[Sound]()
    for turn, (stopped, end) in enumerate(zip(until, [*asked[1:], 1 << 40], strict=True)):
        heard = [sound for sound in lived.sounds if asked[turn] <= sound.at_ms < end]
        last = max((sound.end_ms for sound in heard), default=stopped)
        silence = max(silence, longest_silence(heard, stopped, last))
        before += heard
        if any(sound.name == "repeat" for sound in heard) and end < 1 << 40:
            continue  # the caller was asked to say it again, so the next turn answers the same
        words += told(ANSWERS[answer % len(ANSWERS)], before)
        answer, before = answer + 1, []
    return Kept(path, what, happened, words, silence, lived.disposition)


# --- a server is killed -----------------------------------------------------------------------------------------------


async def _killed(here: Desk, folder: Path) -> Kept:
    """Two servers on one store behind a load balancer; the one that has the call is killed while it speaks."""
    minds = AnsweringMinds(Habits(cycle=True))
    port = free_port()
    async with (
        SonicSimulator(minds) as sonic,
        _two_servers(here, sonic) as servers,
        balancer(Place(LOOPBACK, port), [Place(server.host, server.port) for server in servers], here.data) as by,
    ):
        plant = Plant(voice=CarrierVoice(TONES), route=Route(PUBLIC, f"http://127.0.0.1:{port}"))
        killing: list[asyncio.Task[tuple[float, Server]]] = []

        def watch(event: CallEvent) -> None:
            if event.name == "caller_stopped" and not killing:
                killing.append(asyncio.get_running_loop().create_task(_kill(servers)))

        result = await dial(plant, KILLED, watch=watch)
        if not killing:
            raise NotStarted(f"no server took the call that was to be broken: {result.why_ended}")
        at, killed = await killing[0]
        survivor = next(server for server in servers if server is not killed)
        lived = await lived_of(result, sonic, survivor.port)
    at_ms = lived.track_ms(at)
    happened = [
        f"SIGKILL at {at_ms} ms, in the middle of a sentence, to the one of two servers behind {by} that had the call",
        f"a voice again at {_first_after(lived, at_ms)} ms, by the other",
        f"{len(lived.sessions)} sessions served the call",
    ]
    kept = _kept(folder / "killed.wav", "killed in mid-sentence, resumed by another process", happened, lived)
    again = {name for name, mark, _ in kept.words if mark == "again"}
    return replace(kept, happened=[*happened, AGAIN]) if again and again <= set(ANSWERS[0][:HALF]) else kept


async def _kill(servers: Sequence[Server]) -> tuple[float, Server]:
    """When (monotonic ms) and whom."""
    await asyncio.sleep(KILLED_AFTER_S)
    for server in servers:
        _, body = await asyncio.to_thread(server.get, "/readyz")
        if json.loads(body)["calls"]:
            server.child.process.kill()
            return time.monotonic() * 1000, server
    raise RuntimeError("no server has the call")


def _first_after(lived: Lived, at_ms: int) -> int:
    return next((sound.at_ms for sound in lived.sounds if sound.at_ms > at_ms), -1)


@asynccontextmanager
async def _two_servers(here: Desk, sonic: SonicSimulator) -> AsyncIterator[list[Server]]:
    env = {
        "PUBLIC_URL": PUBLIC,
        "HOST": "127.0.0.1",
        "TWILIO_AUTH_TOKEN": TOKEN,
        "STREAM_SECRET": "the laboratory's",
        "CONTENT_DIR": str(here.content),
        "DATA_DIR": str(here.data),
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": sonic.endpoint,
        "AWS_CA_BUNDLE": str(sonic.ca_file),
        "AWS_ACCESS_KEY_ID": "AKIALABORATORY",
        "AWS_SECRET_ACCESS_KEY": "laboratory",
        "FOREIGN_AUDIO": "true",
        "TOOL_HOSTS": here.tool_hosts,
        "POOL_SIZE": "1",
        "REDIS_URL": here.store,
        "DRAIN_SECONDS": "1",
    }
    servers: list[Server] = []
    try:
        for name in ("first", "second"):
            servers.append(await asyncio.to_thread(_serve, name, here.data, env))
        yield servers
    finally:
        for server in servers:
            await asyncio.to_thread(server.child.stop)


def _serve(name: str, folder: Path, env: dict[str, str]) -> Server:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    child: Child = start(name, ["app.cli", "serve", "--port", str(port)], folder, env)
    server = Server(child, port)
    until_ready(server)
    return server
