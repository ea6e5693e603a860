"""Amazon Bedrock: credentials, a real session, and how far away the region is."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from app.assembly import sonic_engine
from app.call.events import Failure, ReplyAudio, SessionFailed
from app.doctor.findings import Finding, right, warning, wrong
from app.engines.engine import Endpoint, EngineError, Session, SessionKey, SessionSpec
from app.engines.nova_sonic.sdk import RequestSigner, check_credentials, expiry_ms
from app.engines.reading import PROMPT, SILENCE, keep_silence
from app.settings import Settings

SOON_S = 15 * 60
SESSION_S = 2.0
SOUND_WITHIN_S = 6.0
LATE_MS = 1_500  # until the first audio: 573 to 1343 ms were seen of the service
FAR_MS = 30
TRIES = 5
# What in a failure's detail means what: the first that is found.
FIXES = (
    (
        "no aws credentials",
        "give the SDK credentials: a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY",
    ),
    (
        "accessdenied",
        "allow bedrock:InvokeModel and bedrock:InvokeModelWithBidirectionalStream on the model, and ask for access to "
        "it in the Bedrock console",
    ),
    ("resourcenotfound", "check NOVA_SONIC_MODEL_ID and AWS_REGION: the region does not have this model"),
    ("unknown model", "check NOVA_SONIC_MODEL_ID and AWS_REGION: the region does not have this model"),
    ("expiredtoken", "renew the credentials: the temporary ones have run out"),
    ("unrecognizedclient", "check the credentials: AWS does not know the access key"),
    ("signature", "check the secret key, and this machine's clock"),
    ("certificate", "set AWS_CA_BUNDLE to the authority of the endpoint's certificate"),
    ("ca_bundle", "set AWS_CA_BUNDLE to a file that is there"),
    ("https", "give AWS_ENDPOINT_URL_BEDROCK_RUNTIME as https"),
    ("connection", "check AWS_REGION, AWS_ENDPOINT_URL_BEDROCK_RUNTIME, and that port 443 is open to it"),
)
FAILURES = {
    Failure.THROTTLED: "the account's quota is used up: end other sessions, or ask AWS for more",
    Failure.TIMED_OUT: "check AWS_REGION, AWS_ENDPOINT_URL_BEDROCK_RUNTIME, and the network to it",
    Failure.UNSTABLE: "the service is unwell: look at the AWS health page, and set NOVA_SONIC_FALLBACKS",
}


def fix_of(error: EngineError) -> str:
    if error.failure in FAILURES:
        return FAILURES[error.failure]
    detail = error.detail.lower()
    return next((fix for words, fix in FIXES if words in detail), "look at the server's log for this failure")


async def credentials(settings: Settings) -> Finding:
    """By the SDK's own chain, as a server finds them."""
    signer = await RequestSigner.make(settings.aws_region, settings.aws_endpoint_url_bedrock_runtime)
    try:
        identity = await check_credentials(signer.credentials)
    except EngineError as error:
        return wrong(error.detail, fix_of(error))
    finally:
        await signer.close()
    ends = expiry_ms(identity)
    return credentials_finding(None if ends is None else ends // 1000 - int(time.time()))


def credentials_finding(left_s: int | None) -> Finding:
    """`left_s`: how long temporary credentials are still good."""
    if left_s is None:
        return right("credentials without an end")
    said = f"temporary credentials, {left_s // 60} min left"
    if left_s <= 0:
        return wrong("the temporary credentials have run out", "renew them", seconds_left=left_s)
    return warning(said, "see that they are renewed", seconds_left=left_s) if left_s < SOON_S else right(said)


async def session(settings: Settings, where: Endpoint, session_s: float = SESSION_S) -> Finding:
    """A real session, billed like any other: opened, asked to say a few words, and held for `session_s`."""
    try:
        await _shake_hands(settings, where.region)
        began = time.monotonic()
        async with sonic_engine(settings) as engine, asyncio.timeout(SOUND_WITHIN_S + session_s):
            opened = await engine.open(_spec(settings, where))
            open_ms = _since(began)
            sound_ms = await _first_sound(opened)
            await asyncio.sleep(max(0.0, session_s - (time.monotonic() - began)))
            if opened.dead is not None:
                raise EngineError(opened.dead, "the session did not last")
            await opened.close()
    except EngineError as error:
        return wrong(f"{where}: {error}", fix_of(error))
    except TimeoutError:
        return wrong(f"{where} opens a session and says nothing", FAILURES[Failure.UNSTABLE])
    said = f"{where}: open after {open_ms} ms, first audio {sound_ms} ms after the words"
    facts = {"open_ms": open_ms, "first_audio_ms": sound_ms}
    if sound_ms > LATE_MS:
        return warning(said, "put the server nearer to the region, or choose a nearer one (AWS_REGION)", **facts)
    return right(said, **facts)


async def _shake_hands(settings: Settings, region: str) -> None:
    """TLS by Python's own library: the CRT waits for long after a certificate that it does not trust, and says only
    that nobody answered. Raises `EngineError`."""
    host, port = endpoint_of(settings, region)
    try:
        context = await asyncio.to_thread(trust_of, settings)
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLError as error:
        raise EngineError(Failure.MISCONFIGURED, f"the endpoint's certificate: {error.reason}") from None
    except FileNotFoundError:
        raise EngineError(Failure.MISCONFIGURED, "AWS_CA_BUNDLE names no file") from None
    except OSError as error:
        raise EngineError(Failure.LOST, f"no connection to {host} ({type(error).__name__})") from None
    writer.close()


def trust_of(settings: Settings) -> ssl.SSLContext:
    """Whom a server trusts at the endpoint: the system's authorities, and those of AWS_CA_BUNDLE. Blocks on files."""
    context = ssl.create_default_context()
    if settings.aws_ca_bundle is not None:
        context.load_verify_locations(settings.aws_ca_bundle)
    return context


def _spec(settings: Settings, where: Endpoint) -> SessionSpec:
    rate = settings.nova_sonic_output_rate
    key = SessionKey("", "doctor", "en-US", where.model, where.region, rate)
    return SessionSpec(key, PROMPT, "matthew", input_rate=settings.nova_sonic_input_rate, max_tokens=64)


async def _first_sound(opened: Session) -> int:
    """Milliseconds from our words to the first audio of the answer."""
    opened.begin(1, ())
    async with _silence_in(opened):
        opened.send_audio(SILENCE)
        opened.send_text("The line is open.")
        asked = time.monotonic()
        async for event in opened.events():
            if isinstance(event, ReplyAudio):
                return _since(asked)
            if isinstance(event, SessionFailed):
                raise EngineError(event.failure, event.detail)
    raise EngineError(Failure.LOST, "connection lost before a sound")


@asynccontextmanager
async def _silence_in(opened: Session) -> AsyncIterator[None]:
    flowing = asyncio.create_task(keep_silence(opened))
    try:
        yield
    finally:
        flowing.cancel()


async def round_trip(settings: Settings) -> Finding:
    """The quickest of a few TCP connections: one trip there and back each."""
    host, port = endpoint_of(settings, settings.aws_region)
    tries = []
    try:
        for _ in range(TRIES):
            began = time.monotonic()
            _, writer = await asyncio.open_connection(host, port)
            tries.append((time.monotonic() - began) * 1000)
            writer.close()
    except OSError as error:
        fix = "check AWS_REGION, the DNS, and that port 443 is open to it"
        return wrong(f"{host} is not reached ({type(error).__name__})", fix)
    return round_trip_finding(min(tries), host)


def round_trip_finding(ms: float, host: str) -> Finding:
    said = f"{ms:.1f} ms to {host}"
    if ms > FAR_MS:
        fix = f"each answer is that much later: run the server in the region, or nearer than {FAR_MS} ms to it"
        return warning(said, fix, ms=round(ms, 1))
    return right(said, ms=round(ms, 1))


def endpoint_of(settings: Settings, region: str) -> tuple[str, int]:
    """Host and port; by default the region's own."""
    given = urlsplit(settings.aws_endpoint_url_bedrock_runtime)
    host = given.hostname or f"bedrock-runtime.{region}.amazonaws.com"
    return host, given.port or 443


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
