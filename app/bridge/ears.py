"""What a call's agent makes of the caller's words: a known answer, and the language they seem to be in."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.cache.match import Matcher
from app.content.tongue import guess


@dataclass(frozen=True, slots=True)
class AgentEars:
    """`phrases` are those the agent may answer with, by each language it declares."""

    matcher: Matcher
    phrases: Mapping[str, frozenset[str]]

    def known(self, text: str, language: str) -> tuple[str, float] | None:
        match = self.matcher.match(text, self.phrases.get(language, frozenset()))
        if match is None or _tongue(match.language) != _tongue(language):
            return None
        return match.phrase, match.confidence

    def seems(self, text: str) -> str:
        return guess(text, self.phrases) if len(self.phrases) > 1 else ""


def _tongue(language: str) -> str:
    return language.partition("-")[0]
