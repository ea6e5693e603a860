"""How many examples are tried: some hundreds in `make test`, and with HOSTILE=long (`make check`) for minutes."""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("HOSTILE") == "long"
EXAMPLES = 2_000 if LONG else 60

settings.register_profile(
    "hostile", max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not LONG
)
