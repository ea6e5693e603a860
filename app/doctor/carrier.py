"""Twilio's REST interface: the account, and whether its numbers lead here."""

import asyncio

from app.content.faults import ContentError
from app.doctor.findings import Finding, right, warning, wrong
from app.legs.twilio.client import rest_client
from app.legs.twilio.handling import Comparison, compare, handling, unfit
from app.legs.twilio.numbers import AccountState, NumberBook
from app.legs.twilio.refusals import CarrierError
from app.prompts.library import load_prompts
from app.settings import Settings

REQUEST_S = 8.0
NO_KEYS = wrong(
    "Twilio cannot be asked without credentials",
    "set TWILIO_ACCOUNT_SID, and TWILIO_AUTH_TOKEN or TWILIO_API_KEY with TWILIO_API_SECRET",
)


def _book(settings: Settings) -> NumberBook | None:
    keys = settings.rest_keys
    return None if keys is None else NumberBook(rest_client(*keys, settings.twilio_api_url, REQUEST_S), (0.5,))


async def account(settings: Settings) -> Finding:
    book = _book(settings)
    if book is None:
        return NO_KEYS
    if not settings.auth_tokens:
        fix = "set TWILIO_AUTH_TOKEN: an API key signs no webhooks"
        return wrong("there is no auth token to know Twilio's requests by", fix)
    try:
        return account_finding(await asyncio.to_thread(book.account))
    except CarrierError as error:
        return wrong(error.problem, error.fix)


def account_finding(state: AccountState) -> Finding:
    if state.status != "active":
        return wrong(f"the account is {state.status}", "open it again in the Console: no call reaches it")
    if state.kind == "Trial":
        said = "a trial account: verified callers only, an announcement first, 10 minutes a call"
        return warning(said, "upgrade it in the Console")
    return right("the account is active")


async def numbers(settings: Settings) -> Finding:
    """The same comparison as `offhook numbers check`."""
    book = _book(settings)
    if book is None:
        return NO_KEYS
    for name, url in (("PUBLIC_URL", settings.public_url), ("FALLBACK_URL", settings.fallback_url)):
        if url and (problem := unfit(url)):
            return wrong(f"{name} {problem}", "give an https address that is reached from outside")
    try:
        owned = await asyncio.to_thread(book.all)
        prompts = await asyncio.to_thread(load_prompts, settings.content_dir)
    except CarrierError as error:
        return wrong(error.problem, error.fix)
    except ContentError:
        return wrong("the content says no routes", "mend it: `offhook prompts check`")
    return numbers_finding(compare(owned, handling(settings.public_url, settings.fallback_url), prompts.routes.numbers))


def numbers_finding(found: Comparison) -> Finding:
    ours = [finding for finding in found.findings if finding.state != "elsewhere"]
    led = f"numbers that lead here: {len(ours)}"
    if found.problems:
        problem, _, fix = found.problems[0].partition(": ")
        return wrong(problem, fix)
    if found.wrong:
        kinds = sorted({finding.state for finding in found.wrong})
        said = f"{len(found.wrong)} of the {len(ours)} numbers that should lead here: {' and '.join(kinds)}"
        return wrong(said, "offhook numbers check, then with --repair", wrong=len(found.wrong))
    if found.warnings:
        return warning(f"{led}; {found.warnings[0].partition(':')[0]}", "offhook numbers check")
    return right(led, numbers=len(ours))
