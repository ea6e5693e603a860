"""`offhook phone`: place one simulated call to a voice webhook and tell what happened, as it happens."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit, urlunsplit

import typer

from app.cli.persons import PERSON_HELP, persons
from app.cli.talk import WRONG, fail

if TYPE_CHECKING:
    from app.simulator.callscript import Script
    from app.simulator.twilio.journal import CallEvent
    from app.simulator.twilio.phone import CallResult, Dialling
    from app.simulator.twilio.plant import Plant

app = typer.Typer(add_completion=False)

# What a person wants to see of each event; the others are for --json.
TOLD = {
    "webhook": "= asked {path}: {status} in {took_ms} ms",
    "answered": "= answered",
    "verb": "= <{verb}>",
    "stream_started": "= stream open",
    "stream_failed": "= the stream could not be opened ({code})",
    "stream_ended": "= stream closed",
    "caller_speaks": '> "{line}"',
    "digit": "> key {digit}",
    "bot_started": "< the bot speaks",
    "bot_stopped": "< ... for {spoke_ms} ms",
    "mark_echoed": "= mark {mark} heard",
    "clear_received": "= cleared: {dropped_ms} ms were never heard",
    "bridged": "= joined with {target}",
    "conference": "= {event} in {room}",
    "dialled": "= dialled {targets}: {outcome}",
    "queued": "= queued in {queue}: {outcome}",
    "notice": "! {level} {code}: {text}",
    "failed": "! {where}: {why}",
    "fault": "! fault: {kind}",
    "application_error": "! application error: {why}",
    "caller_hung_up": "> hangs up",
    "ended": "= {status}, {why}",
}


@app.command()
def phone(
    to: Annotated[str, typer.Option(help="The voice webhook, where it really listens.")],
    say: Annotated[str, typer.Option(help="Words to say when the bot has spoken.")] = "",
    audio: Annotated[Path | None, typer.Option(help="A WAV file to play instead.")] = None,
    script: Annotated[Path | None, typer.Option(help="A scripted caller (.call).")] = None,
    caller: Annotated[str, typer.Option("--from", help="Who calls.")] = "+14155550123",
    called: Annotated[str, typer.Option(help="The number called.")] = "+15035550199",
    token: Annotated[str, typer.Option(envvar="TWILIO_AUTH_TOKEN", help="Signs; the first of a comma list.")] = "",
    public_url: Annotated[str, typer.Option(help="The server's PUBLIC_URL, if it is not --to's.")] = "",
    fallback_url: Annotated[str, typer.Option(help="Else /fallback beside --to.")] = "",
    status_url: Annotated[str, typer.Option(help="Else /status beside --to.")] = "",
    method: Annotated[str, typer.Option(help="POST or GET.")] = "POST",
    record: Annotated[Path | None, typer.Option(help="Stereo WAV: left the caller, right what was heard.")] = None,
    noise: Annotated[float | None, typer.Option(help="Line noise in dBFS, such as -50.")] = None,
    echo: Annotated[float | None, typer.Option(help="Echo of what is played in dB, such as -25.")] = None,
    echo_ms: Annotated[int, typer.Option(min=0, help="How late the echo is.")] = 150,
    key_tones: Annotated[int, typer.Option(min=0, max=240, help="Keys also sound for so many ms.")] = 0,
    person: Annotated[list[str] | None, typer.Option(help=PERSON_HELP)] = None,
    late: Annotated[int, typer.Option(min=0, help="Deliver audio up to so many ms late.")] = 0,
    burst: Annotated[int, typer.Option(min=1, help="Deliver so many frames together.")] = 1,
    drop: Annotated[float, typer.Option(min=0, max=1, help="Share of frames that are lost.")] = 0.0,
    stall_at: Annotated[int | None, typer.Option(help="Hold audio back for --stall ms at this ms.")] = None,
    stall: Annotated[int, typer.Option(min=0, max=1000)] = 1000,
    lose_socket: Annotated[int | None, typer.Option(help="Lose the stream's socket after so many ms.")] = None,
    no_stop: Annotated[bool, typer.Option(help="End the stream without `stop`.")] = False,
    garbage_at: Annotated[int | None, typer.Option(help="Send garbage on the stream at this ms.")] = None,
    withheld: Annotated[bool, typer.Option(help="The caller's number is withheld.")] = False,
    stir: Annotated[str, typer.Option(help="StirVerstat, such as TN-Validation-Passed-A.")] = "",
    wrong_token: Annotated[bool, typer.Option(help="Sign with a token that is not the account's.")] = False,
    slash: Annotated[bool, typer.Option(help="Sign the stream's URL with a slash at its end.")] = False,
    deliveries: Annotated[int, typer.Option(min=1, max=5, help="Deliver the first webhook so often.")] = 1,
    seconds: Annotated[int, typer.Option(min=1, help="The longest call.")] = 300,
    seed: Annotated[int, typer.Option(help="Of noise, lateness and losses.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Place one simulated call to a server. Ends with 0 when the script's expectations were met, else 1."""
    # Imported here, so that `offhook --help` need not wait for them.
    from app.simulator.twilio.identity import WITHHELD, Account, Oddities
    from app.simulator.twilio.line import LineOptions
    from app.simulator.twilio.phone import Dialling
    from app.simulator.twilio.plant import Plant, Timing
    from app.simulator.twilio.streaming import StreamFaults
    from app.simulator.twilio.webhook import Route

    if sum(given is not None for given in (say or None, audio, script)) != 1:
        fail("say what the caller does: one of --say, --audio, --script")
    if urlsplit(to).scheme not in ("http", "https") or not urlsplit(to).hostname:
        fail(f"--to {to}: give the voice webhook, such as http://127.0.0.1:8000/twilio/voice")
    webhook = public(to, public_url)
    dialling = Dialling(
        to=webhook,
        method=method.upper(),
        fallback_url=fallback_url or beside(webhook, "fallback"),
        status_callback=status_url or beside(webhook, "status"),
        caller=WITHHELD if withheld else caller,
        called=called,
        account=Account(token=token.split(",")[0].strip()) if token else Account(),
        line=LineOptions(
            echo_db=echo,
            echo_ms=echo_ms,
            noise_db=noise,
            tone_ms=key_tones,
            late_ms=late,
            burst_frames=burst,
            drop_share=drop,
            stall_at_ms=stall_at,
            stall_ms=stall,
            seed=seed,
        ),
        faults=StreamFaults(lose_socket_after_ms=lose_socket, no_stop=no_stop, garbage_at_ms=garbage_at),
        oddities=Oddities(
            signing_token="f" * 32 if wrong_token else None,
            stir_verstat=stir,
            deliveries=deliveries,
            slash_signature=slash,
        ),
    )
    origin = urlunsplit((*urlsplit(to)[:2], "", "", ""))
    plant = partial(
        Plant, route=Route(public_url, origin), timing=Timing(most_ms=seconds * 1000), outcomes=persons(person or [])
    )
    result = _call(dialling, the_script(say, audio, script), plant, as_json)
    if record is not None:
        record.write_bytes(result.wav())
    _sum_up(result, as_json)
    raise typer.Exit(0 if result.passed else WRONG)


def public(to: str, public_url: str) -> str:
    """The webhook as Twilio would have it configured: under the public URL, if there is one."""
    parts = urlsplit(to)
    return public_url.rstrip("/") + urlunsplit(("", "", parts.path, parts.query, "")) if public_url else to


def beside(webhook: str, name: str) -> str:
    """The usual place of a number's other URLs: beside a webhook called `voice`. "" for any other webhook."""
    parts = urlsplit(webhook)
    if not parts.path.endswith("/voice"):
        return ""
    return urlunsplit(parts._replace(path=parts.path.removesuffix("voice") + name, query=""))


def the_script(say: str, audio: Path | None, script: Path | None) -> "Script":
    """The script given, or the shortest one: let the bot speak, say it, hear the answer, hang up."""
    from app.simulator import callscript
    from app.simulator.callscript import HangUp, Say, ScriptError, WaitForQuiet, WaitForSpeech

    if script is not None:
        try:
            return callscript.load(script)
        except ScriptError as error:
            fail(str(error))
    line = Say(say) if audio is None else Say(str(audio.absolute()), is_file=True)
    return callscript.of(WaitForSpeech(), WaitForQuiet(), line, WaitForSpeech(), WaitForQuiet(1500), HangUp())


def _call(dialling: "Dialling", script: "Script", plant: "Callable[[], Plant]", as_json: bool) -> "CallResult":
    from app.simulator.callscript import ScriptError
    from app.simulator.lines import prepare
    from app.simulator.twilio.phone import place_call

    async def call() -> "CallResult":
        async with contextlib.aclosing(plant()) as own:
            clips = await asyncio.to_thread(prepare, script)
            return await place_call(dialling, script, clips=clips, plant=own, watch=partial(_tell, as_json))

    try:
        return asyncio.run(call())
    except ScriptError as error:
        fail(str(error))


def _tell(to_stderr: bool, event: "CallEvent") -> None:
    line = TOLD.get(event.name)
    if line is not None:
        typer.echo(f"{event.call_ms / 1000:7.2f}  {line.format(**event.detail)}", err=to_stderr)


def _sum_up(result: "CallResult", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result.document(), indent=2, default=list))
        return
    marks, clears = len(result.named("mark_echoed")), len(result.named("clear_received"))
    typer.echo(
        f"{result.status} ({result.why_ended}) after {result.duration_ms / 1000:.1f} s: heard"
        f" {result.audible_ms / 1000:.1f} s of speech, {marks} marks, {clears} clears, {len(result.notices)} notices"
    )
    for failure in result.failures:
        typer.echo(f"not met: {failure}", err=True)
