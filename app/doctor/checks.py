"""Which checks there are, in the order in which people read them, and which apply."""

import resource
from functools import partial

from app.doctor import carrier, door, house, machine, model
from app.doctor.clock import clock
from app.doctor.findings import Finding, right, wrong
from app.doctor.quotas import quotas_finding
from app.doctor.rounds import Check
from app.engines.engine import Endpoint
from app.settings import Settings, SettingsError

NOT_LOCAL = "with --local no telephone network is needed"
NO_CLOCK = "with --local and an endpoint of our own, nobody is asked who knows the time"
NO_ADDRESS = "PUBLIC_URL and TWILIO_AUTH_TOKEN come first"


def checks_for(settings: Settings, local: bool) -> list[Check]:
    """`local`: for a server that is started with `--local`."""
    where = Endpoint(settings.aws_region, settings.nova_sonic_model_id)
    outside = NOT_LOCAL if local else ""
    through = outside or ("" if settings.public_url and settings.auth_tokens else NO_ADDRESS)
    own_endpoint = bool(settings.aws_endpoint_url_bedrock_runtime)
    fallbacks = [Endpoint(region, name) for region, name in settings.fallbacks]
    return [
        Check("settings", partial(_settings, settings, local)),
        Check("python", machine.python),
        Check("native", machine.native),
        Check("disk", partial(machine.disk, settings.data_dir)),
        Check("content", partial(house.content, settings)),
        Check("store", partial(house.store, settings), measures=True),
        Check("database", partial(house.database, settings)),
        Check("quotas", partial(_quotas, settings)),
        Check("credentials", partial(model.credentials, settings)),
        Check("model", partial(model.session, settings, where), measures=True),
        *(
            Check(f"model-{place.region}", partial(model.session, settings, place), measures=True)
            for place in fallbacks
        ),
        Check("round-trip", partial(model.round_trip, settings), measures=True),
        Check("clock", partial(clock, settings, local), NO_CLOCK if local and own_endpoint else ""),
        Check("account", partial(carrier.account, settings), outside),
        Check("numbers", partial(carrier.numbers, settings), outside),
        Check("certificate", partial(door.certificate, settings), through),
        Check("webhook", partial(door.webhook, settings), through),
        Check("media", partial(door.media, settings), through),
    ]


async def _settings(settings: Settings, local: bool) -> Finding:
    """Whether `serve` would start with them."""
    try:
        settings.for_serving(local)
    except SettingsError as error:
        problems = [line.partition(": ") for line in str(error).splitlines()]
        return wrong("; ".join(problem for problem, _, _ in problems), "; ".join(fix for _, _, fix in problems))
    return right(f"serving {settings.public_url or 'this machine'}")


async def _quotas(settings: Settings) -> Finding:
    return quotas_finding(settings, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
