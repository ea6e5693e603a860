"""`offhook emulate sonic`: the simulated Nova Sonic as a process of its own."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.simulator.mind import MindFactory
    from app.simulator.sonic.journal import Keeping
    from app.simulator.sonic.signing import Key
    from app.simulator.sonic.simulator import SonicSimulator

app = typer.Typer(add_completion=False)


def default_ca_file() -> Path:
    return Path(os.environ.get("DATA_DIR") or ".data") / "sonic-ca.pem"


@app.command()
def sonic(
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 8443,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    ca: Annotated[Path | None, typer.Option(help="Written: the CA certificate that clients must trust.")] = None,
    access_key: Annotated[str | None, typer.Option(help="Accept this access key only.")] = None,
    secret_key: Annotated[str | None, typer.Option(help="Its secret: every signature is recomputed.")] = None,
    limits: Annotated[Path | None, typer.Option(help="YAML with limits other than the service's.")] = None,
    mind: Annotated[str, typer.Option(help="offline, or a YAML script.")] = "offline",
    faults: Annotated[str, typer.Option(help="kind@stage[:probability][#nth][=ms], with commas between.")] = "",
    seed: Annotated[int, typer.Option(help="Of the faults' chances.")] = 1,
    verify_every: Annotated[int, typer.Option(min=1, help="Recompute one event signature in N (for load).")] = 1,
    log: Annotated[Path | None, typer.Option(help="Written: JSON lines of all that came and went.")] = None,
    log_audio: Annotated[str, typer.Option(help="Audio arrivals in the log: all, none, or one in N.")] = "all",
    positions: Annotated[Path | None, typer.Option(help="Written: packed audio arrivals (u32 u64 u64).")] = None,
    dump: Annotated[Path | None, typer.Option(help="Folder: the audio that each session heard, N.pcm.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say where it listens as one line of JSON.")] = False,
) -> None:
    """A strict local Nova Sonic over TLS and HTTP/2, with the service's own refusals."""
    keys = _keys(access_key, secret_key)
    keeping = _keeping(log, log_audio, positions, dump)
    own = {"host": host, "port": port, "ca_file": ca or default_ca_file(), "keys": keys, "keeping": keeping}
    minds, make = _simulator(mind, limits, faults, seed=seed, verify_every=verify_every, **own)
    try:
        _run(_serve(minds, make, "checked" if keys else "form only", as_json))
    except OSError as error:
        raise typer.BadParameter(f"cannot listen or write: {error}") from error


def _run(serving: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:  # no wheel for this platform: the plain loop serves as well
        asyncio.run(serving)
    else:
        uvloop.run(serving)


def _keys(access_key: str | None, secret_key: str | None) -> "tuple[Key, ...]":
    from app.simulator.sonic.signing import Key

    if (access_key is None) != (secret_key is None):
        raise typer.BadParameter("--access-key and --secret-key belong together")
    access_key = access_key or os.environ.get("AWS_ACCESS_KEY_ID")
    secret_key = secret_key or os.environ.get("AWS_SECRET_ACCESS_KEY")
    return (Key(access_key, secret_key),) if access_key and secret_key else ()


def _keeping(log: Path | None, log_audio: str, positions: Path | None, dump: Path | None) -> "Keeping":
    from app.simulator.sonic.journal import Keeping

    try:
        every = {"all": 1, "none": 0}.get(log_audio)
        every = int(log_audio) if every is None else every
    except ValueError:
        raise typer.BadParameter(f"--log-audio {log_audio}: all, none, or a number") from None
    return Keeping(log, every, positions, dump, audio=dump is not None)


def _simulator(
    mind: str, limits: Path | None, faults: str, **own: Any
) -> "tuple[AbstractAsyncContextManager[MindFactory], Callable[[MindFactory], SonicSimulator]]":
    """Where minds come from, and what makes the simulator once they do. Explains what cannot be read or meant."""
    from app.simulator.faults import parse_faults
    from app.simulator.sonic.limits import read_limits
    from app.simulator.sonic.manner import manner_from
    from app.simulator.sonic.simulator import SonicSimulator

    try:
        minds, manner = _minds(mind)
        own["limits"] = read_limits(limits) if limits is not None else None
        own |= {"manner": manner_from(manner), "faults": parse_faults(faults)}
    except (ValueError, TypeError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    return minds, lambda factory: SonicSimulator(factory, **own)


def _minds(name: str) -> "tuple[AbstractAsyncContextManager[MindFactory], Any]":
    """What gives the factory of minds, and the manner that a script asks for."""
    if name == "offline":
        return _offline_minds(), {}
    from app.simulator.script import read_script
    from app.simulator.scripted_mind import ScriptedMinds

    script = read_script(Path(name))
    return nullcontext(ScriptedMinds(script)), script.manner


@asynccontextmanager
async def _offline_minds() -> "AsyncIterator[MindFactory]":
    from app.simulator.offline_mind import OfflineMinds

    minds = OfflineMinds()
    await minds.start()
    try:
        yield minds
    finally:
        await minds.close()


async def _serve(
    minds: "AbstractAsyncContextManager[MindFactory]",
    make: "Callable[[MindFactory], SonicSimulator]",
    signatures: str,
    as_json: bool,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with minds as factory, make(factory) as simulator:
        where = {"endpoint": simulator.endpoint, "ca": str(simulator.ca_file), "signatures": signatures}
        line = "Nova Sonic at {endpoint}  CA {ca}  signatures: {signatures}".format(**where)
        print(json.dumps(where) if as_json else line, flush=True)
        await stop.wait()
