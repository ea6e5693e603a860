"""`offhook demo`: a whole call on this machine. The real server, both simulators, a scripted caller; no account."""

import logging
import secrets
import socket
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.cli.emulated import NoModel, emulated_sonic
from app.cli.talk import fail, logging_to_stderr
from app.settings import Settings, SettingsError

app = typer.Typer(add_completion=False)

SCRIPT = Path(__file__).parent.parent / "simulator" / "demo.call"


@app.command()
def demo(
    script: Annotated[Path, typer.Option(help="What the caller does.")] = SCRIPT,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout, the show on stderr.")] = False,
) -> None:
    """Hear it work: answers at once, a look-up, keys, an interruption, a person who is not there, a message."""
    logging_to_stderr(level=logging.ERROR)  # a line of Spanish is not rendered for one call in English
    console = Console(stderr=as_json, highlight=False)
    console.print("[dim]Starting a server, a simulated Nova Sonic and a simulated Twilio on this machine.[/]\n")
    try:
        passed = _run(demo_settings(), script, console, as_json)
    except (SettingsError, NoModel, OSError) as error:
        fail(str(error))
    raise typer.Exit(0 if passed else 1)


def _run(settings: Settings, script: Path, console: Console, as_json: bool) -> bool:
    assert settings.aws_ca_bundle is not None
    with emulated_sonic(settings.aws_ca_bundle) as sonic:
        # Imported while the model starts: the caller is greeted a second earlier.
        import uvloop

        from app.cli.demo_call import conclude, run_demo
        from app.content.faults import ContentError
        from app.simulator.callscript import ScriptError

        try:
            played = uvloop.run(run_demo(settings, script, sonic, console))
        except (ContentError, ScriptError) as error:
            fail(str(error))
        conclude(played, console, as_json)
        return played.call.passed


def demo_settings() -> Settings:
    """Nothing of the environment's accounts is used: the demo has its own keys, its own model and its own Twilio."""
    token = secrets.token_hex(16)
    settings = Settings.read(
        twilio_account_sid="AC" + secrets.token_hex(16),
        twilio_auth_token=token,
        twilio_api_key="",
        twilio_api_secret="",
        person_number="",
        record_calls=False,
        database_url="",
        redis_url="",
        stream_secret=token,
        port=free_port(),
        public_url="",
        aws_endpoint_url_bedrock_runtime="",
    )
    settings = settings.for_serving(local=True)
    data_dir = settings.data_dir / "demo"
    data_dir.mkdir(parents=True, exist_ok=True)
    own = {"data_dir": data_dir, "aws_ca_bundle": data_dir / "sonic-ca.pem", "pool_size": 2, "foreign_audio": True}
    return settings.model_copy(update=own)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
