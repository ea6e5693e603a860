"""Names of recorded phrases. A name is a hash of all that shapes the sound, so a changed wording, voice or recipe can
never play an old recording. Pure."""

import hashlib
import json
from dataclasses import asdict, dataclass

RECIPE = 1  # raise it when levelling, trimming or resampling changes what is heard
TELEPHONE = "mulaw/8000"


@dataclass(frozen=True, slots=True)
class Narrator:
    """Who is to say it: a voice by the agent's name for it, in a language."""

    voice: str
    language: str


@dataclass(frozen=True, slots=True)
class Making:
    """How a recording was made. `engine` and `model` name what really spoke, perhaps not the agent's own engine."""

    narrator: Narrator
    engine: str
    model: str
    format: str = TELEPHONE
    recipe: int = RECIPE


def phrase_key(text: str, making: Making) -> str:
    """32 hex digits. White space does not change what is heard, so it does not change the key."""
    return _hash({"text": " ".join(text.split()), **asdict(making)})


def wording_key(text: str, narrator: Narrator) -> str:
    """The same without engine and model: under it the store says which recordings there are."""
    return _hash({"text": " ".join(text.split()), **asdict(narrator), "format": TELEPHONE, "recipe": RECIPE})


def _hash(parts: dict[str, object]) -> str:
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
