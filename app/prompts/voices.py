"""Which voices speak which language: the service's own lists, as of 20 November 2026. Pure.

This is dated configuration and stands nowhere else. The service refuses a name it does not know when a session is
opened, which is too late: a caller waits by then.
"""

POLYGLOT = frozenset({"tiffany", "matthew"})  # made for en-US, and speak every language of the service
VOICES: dict[str, tuple[str, ...]] = {
    "en-US": ("tiffany", "matthew"),
    "en-GB": ("amy",),
    "en-AU": ("olivia",),
    "en-IN": ("kiara", "arjun"),
    "hi-IN": ("kiara", "arjun"),
    "es-US": ("lupe", "carlos"),
    "fr-FR": ("ambre", "florian"),
    "de-DE": ("tina", "lennart"),
    "it-IT": ("beatrice", "lorenzo"),
    "pt-BR": ("carolina", "leo"),
}
NAMES = {
    "en": "English",
    "hi": "Hindi",
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "it": "Italian",
    "pt": "Portuguese",
}


def base(language: str) -> str:
    """`es-US` -> `es`."""
    return language.partition("-")[0]


def name_of(language: str) -> str:
    """A language as one says it: `es-US` -> `Spanish`."""
    return NAMES.get(base(language), language)


def voices_for(language: str) -> list[str]:
    """Who can speak it, those of its own country first; [] where the service does not know the language."""
    if base(language) not in NAMES:
        return []
    kin = [voice for locale, voices in VOICES.items() if base(locale) == base(language) for voice in voices]
    return list(dict.fromkeys([*VOICES.get(language, ()), *kin, *sorted(POLYGLOT)]))


def mismatch(voice: str, language: str) -> tuple[str, str] | None:
    """Problem and fix where this voice does not speak this language; None where it does."""
    fit = voices_for(language)
    if not fit:
        known = ", ".join(VOICES)
        return f"the service does not speak {language!r}", f"It speaks {known}"
    if voice in fit:
        return None
    if any(voice in voices for voices in VOICES.values()):
        return f"{voice!r} does not speak {language}", f"Voices for {language}: {', '.join(fit)}"
    return f"there is no voice {voice!r}", f"Voices for {language}: {', '.join(fit)}"
