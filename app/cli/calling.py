"""What every command needs that places calls: credentials, an agent that may, a number of ours to call from."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from app.cli.talk import MISUSED, WRONG, checked_content, fail, read_settings
from app.legs.twilio.client import rest_client
from app.legs.twilio.handling import unfit
from app.legs.twilio.numbers import NumberBook
from app.legs.twilio.orders import flaw
from app.legs.twilio.placing import PlacingDesk
from app.legs.twilio.refusals import CarrierError
from app.prompts.library import Prompts, load_prompts
from app.settings import Settings

REQUEST_S = 10.0


@dataclass(frozen=True, slots=True)
class Calling:
    """Ready to place calls from `caller_id`."""

    settings: Settings
    prompts: Prompts
    desk: PlacingDesk
    caller_id: str


def calling(caller_id: str, agents: Iterable[str], as_json: bool) -> Calling:
    """Ends the command where calls cannot be placed, or one of the agents places none. Without a `caller_id` it is
    CALLER_ID, or the account's number, where it has just one."""
    settings = read_settings(as_json)
    _fit(settings, as_json)
    with checked_content(as_json):
        prompts = load_prompts(settings.content_dir)
    for agent in agents:
        check_agent(prompts, agent, as_json)
    assert settings.rest_keys is not None
    client = rest_client(*settings.rest_keys, settings.twilio_api_url, REQUEST_S)
    chosen = caller_id or settings.caller_id or _only_number(NumberBook(client), as_json)
    return Calling(settings, prompts, PlacingDesk(client, settings.public_url, settings.stream_key), chosen)


@contextlib.contextmanager
def asking_database(as_json: bool) -> Iterator[None]:
    """Ends the command where the database of our calls does not answer."""
    try:
        yield
    except SQLAlchemyError as error:
        # Its own text holds the address, perhaps with a password.
        fix = "see that it runs, then run the same command again: nobody is called twice"
        fail(f"DATABASE_URL: the database does not answer ({type(error).__name__}): {fix}", WRONG, as_json)


def check_agent(prompts: Prompts, agent: str, as_json: bool) -> None:
    """Ends the command unless this agent places calls."""
    if not agent:
        fail(f"--agent: say who calls. There are: {', '.join(callers(prompts)) or 'none yet'}", MISUSED, as_json)
    if agent not in prompts.agents:
        fail(f"--agent {agent}: there is none. There are: {', '.join(sorted(prompts.agents))}", MISUSED, as_json)
    if agent not in callers(prompts):
        fix = f"write `outbound: {{}}` into the front matter of prompts/{agent}.md"
        fail(f"--agent {agent}: it places no calls: {fix}", MISUSED, as_json)


def callers(prompts: Prompts) -> list[str]:
    """The agents that place calls."""
    return sorted(name for name, agent in prompts.agents.items() if agent.settings.outbound is not None)


def leaving_messages(prompts: Prompts) -> frozenset[str]:
    """Those of them that leave machines a message."""
    on_voicemail = {name: prompts.agents[name].settings.outbound for name in callers(prompts)}
    return frozenset(name for name, entry in on_voicemail.items() if entry and entry.voicemail_message)


def facts_of(given: Iterable[str], as_json: bool) -> dict[str, str]:
    """`key=value` each; ends the command where one is not."""
    facts: dict[str, str] = {}
    for fact in given:
        name, equals, value = fact.partition("=")
        if not equals or not name.strip():
            fail(f"--facts {name}: write it as key=value", MISUSED, as_json)
        facts[name.strip()] = value.strip()
    if (wrong := flaw(facts)) is not None:
        fail(f"--facts {wrong}", MISUSED, as_json)
    return facts


def _fit(settings: Settings, as_json: bool) -> None:
    if settings.rest_keys is None:
        fix = "set TWILIO_ACCOUNT_SID, and TWILIO_AUTH_TOKEN or TWILIO_API_KEY with TWILIO_API_SECRET"
        fail(f"Twilio cannot be asked without credentials: {fix}", MISUSED, as_json)
    if not settings.stream_key:
        fail("TWILIO_AUTH_TOKEN is not set: the server knows our calls by it (or by STREAM_SECRET)", MISUSED, as_json)
    if not settings.public_url:
        fail("PUBLIC_URL is not set: the https address at which Twilio reaches `offhook serve`", MISUSED, as_json)
    if problem := unfit(settings.public_url):
        fix = "give an address such as https://bot.example.com, your host's or a tunnel's"
        fail(f"PUBLIC_URL {settings.public_url} {problem}: {fix}", MISUSED, as_json)


def _only_number(book: NumberBook, as_json: bool) -> str:
    try:
        numbers = [owned.phone_number for owned in book.all() if owned.takes_calls]
    except CarrierError as error:
        fail(str(error), WRONG, as_json)
    if len(numbers) != 1:
        has = f"the account has {len(numbers)}" if numbers else "the account has none: offhook numbers buy"
        fail(f"--from: say from which number to call (or set CALLER_ID); {has}", MISUSED, as_json)
    return numbers[0]
