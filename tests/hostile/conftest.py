"""How many examples are tried: a few hundred in all in `make test`, and with HOSTILE=long as many as time allows."""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("HOSTILE") == "long"
EXAMPLES = 20_000 if LONG else 60

settings.register_profile(
    "hostile", max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not LONG
)
