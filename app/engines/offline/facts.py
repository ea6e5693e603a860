"""A system prompt read as facts: which of its sentences could be said to a caller, and which one fits a question.

Prompts are written for a model, so most of them are instructions. A sentence that gives an order ("Keep answers
short"), speaks of the caller or of tools is left out, unless it holds the words to say in quotation marks; then those
are the fact, and the rest says when it fits. Headings, and labels before a list, are the **context** of what stands
under them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from app.engines.offline.words import terms

HEADING = re.compile(r"^\s*#{1,6}\s+(.*?)\s*#*$")
ITEM = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+(.*)$")
TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")
MARKUP = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
LINK = re.compile(r"\[([^]]+)\]\([^)]*\)")
SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"”]))\s+(?=[\"“A-Z0-9])")
QUOTED = re.compile(r"[\"“]([^\"”]{3,})[\"”]")
ORDER = re.compile(
    r"^(?:you (?!can\b|may find\b|will find\b|get\b)|your\b|always|never|do not|don't|keep|speak|answer|use|be|ask|say|"
    r"call|offer|greet|confirm|read|give|tell|stay|avoid|if|when (?:a|the|they|you|somebody)\b|act|respond|reply|"
    r"remember|make|only|help|listen|apologi[sz]e|transfer|mention|wait|repeat|talk|note|before|after|once)",
    re.IGNORECASE,
)
ABOUT_US = re.compile(
    r"\b(?:callers?|customers? who|the user|tools?|system prompt|instructions?)\b|\b[a-z]+_[a-z_]+\b", re.IGNORECASE
)
GREETING = re.compile(r"\b(?:greet(?:ing)?|open the call|answer the call|welcome)\b", re.IGNORECASE)
GREETED = re.compile(GREETING.pattern + r"[^.!?\"“]*" + QUOTED.pattern, re.IGNORECASE)
CONTEXT_WEIGHT = 0.8
UNKNOWN_WEIGHT = 0.5  # a word nobody wrote may be a word nobody said


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that can be said. `group` numbers the list or heading it stands under; 0 is none."""

    text: str
    own: frozenset[str]
    context: frozenset[str] = frozenset()
    group: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    fact: Fact
    score: float  # 0 to 1: the share of what was asked that the fact speaks of


def read_facts(prompt: str) -> tuple[Fact, ...]:
    """Every fact of a system prompt in the order of the page."""
    facts: list[Fact] = []
    heading, label, group = "", "", 0
    for line in _lines(prompt):
        if found := HEADING.match(line):
            heading, label, group = found[1], "", group + 1
            continue
        item = ITEM.match(line)
        text = _plain(item[1] if item else line)
        if not item and text.endswith(":"):
            label, group = text, group + 1
            continue
        if not item:
            label = ""
        about = terms(f"{heading} {label}")
        facts += [fact for sentence in sentences_of(text) if (fact := _fact(sentence, about, group))]
    return tuple(facts)


def greeting_of(prompt: str) -> str | None:
    """The words the prompt wants a call to begin with, where it quotes them."""
    found = GREETED.search(_plain(" ".join(prompt.split())))
    return found[1].strip() if found else None


def sentences_of(text: str) -> list[str]:
    """The sentences of `text`; what stands in quotation marks is not taken apart."""
    whole = QUOTED.sub(lambda quoted: quoted[0].replace(" ", "\0"), text)
    return [sentence.strip().replace("\0", " ") for sentence in SENTENCE_END.split(whole) if sentence.strip()]


def _lines(prompt: str) -> Iterable[str]:
    """Logical lines: paragraphs joined, items with their continuation, table rows as "a: b"."""
    held = ""
    for raw in prompt.splitlines():
        line = raw.strip()
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            line = "" if TABLE_RULE.match(line) else f"- {cells[0]}: {', '.join(cells[1:])}"
        begins = HEADING.match(line) or ITEM.match(line)
        if held and (not line or begins or HEADING.match(held) or held.endswith(":")):
            yield held
            held = ""
        held = f"{held} {line}".strip()
    if held:
        yield held


def _plain(text: str) -> str:
    return MARKUP.sub("", LINK.sub(r"\1", text)).strip()


def _fact(sentence: str, about: frozenset[str], group: int) -> Fact | None:
    if ORDER.match(sentence) or ABOUT_US.search(sentence):
        quoted = QUOTED.search(sentence)
        if quoted is None or GREETING.search(sentence):
            return None
        return Fact(quoted[1].strip(), terms(sentence), about, 0)
    text = sentence if sentence[-1] in ".!?" else f"{sentence}."
    return Fact(text[0].upper() + text[1:], terms(sentence), about, group)


class Scale:
    """How much each term tells: rare ones much, common ones little."""

    def __init__(self, documents: Sequence[frozenset[str]]) -> None:
        counts = Counter(term for document in documents for term in document)
        self._weight = {term: log(1 + len(documents) / count) for term, count in counts.items()}
        self._unknown = UNKNOWN_WEIGHT * log(1 + len(documents))

    def score(self, asked: frozenset[str], own: frozenset[str], context: frozenset[str] = frozenset()) -> float:
        """The share (0 to 1) of `asked`, by weight, that `own` speaks of, or `context` a little less."""
        total = sum(self._weight.get(term, self._unknown) for term in asked)
        if not total:
            return 0.0
        met = sum(self._weight.get(term, self._unknown) for term in asked & own)
        near = sum(self._weight.get(term, self._unknown) for term in (asked - own) & context)
        return (met + CONTEXT_WEIGHT * near) / total


def best_facts(facts: Sequence[Fact], scale: Scale, asked: frozenset[str], most: int = 4) -> list[Match]:
    """The fact that fits best, with its neighbours of the same list where only the list as a whole fits."""
    matches = [Match(fact, scale.score(asked, fact.own, fact.context)) for fact in facts]
    best = max(matches, key=lambda match: match.score, default=None)
    if best is None or best.score <= 0:
        return []
    if not best.fact.group or (best.fact.own & asked) - best.fact.context:
        return [best]
    least = CONTEXT_WEIGHT * best.score - 1e-9
    alike = [match for match in matches if match.fact.group == best.fact.group and match.score >= least]
    return alike[:most]


def narrowed(text: str, asked: frozenset[str]) -> str:
    """The one clause of "Label: a, b; c" that was asked for, or the whole text."""
    label, colon, rest = text.partition(": ")
    clauses = [clause.strip(" .") for clause in re.split(r"[;,]\s+(?:and )?", rest)]
    wanted = asked - terms(label)
    fitting = [clause for clause in clauses if terms(clause) & wanted]
    if not colon or len(clauses) < 2 or len(fitting) != 1:
        return text
    return f"{fitting[0][0].upper()}{fitting[0][1:]}."
