"""What the caller wants, decided from the system prompt, the tools offered and the words heard. Pure and deterministic.

The order of looking: a goodbye; a wish that needs no business (a person, a message, another language); yes or no to
what we offered; a mere "wait, one question"; then the answer to a question we asked; then whichever fits better, a tool
or a fact; thanks and greetings; and if nothing fits, a request to say it again, with a person offered the second time.
What must be remembered between two utterances is in `State`, given and given back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.engines.offline.arguments import (
    NO,
    YES,
    Tool,
    all_terms,
    find_arguments,
    properties,
    question_for,
    required,
    subject_terms,
)
from app.engines.offline.digits import with_figures
from app.engines.offline.directions import ANYTHING_ELSE as MORE
from app.engines.offline.directions import DIRECTED, HELP, advice_in, entered_in, late_in, spoken
from app.engines.offline.facts import (
    QUOTED,
    Fact,
    Scale,
    best_facts,
    greeting_of,
    narrowed,
    read_facts,
    sentences_of,
)
from app.engines.offline.roles import choice_of, digits_for, roles_of
from app.engines.offline.telling import message_in, tell
from app.engines.offline.words import terms, words_of

REMEMBERED = 3  # utterances
FITS = 0.4  # the share of the question that a fact or a tool must speak of
WISH = 0.1  # what a wish ("I am looking for") adds to a tool, so that it wins over a fact that fits as well
FAREWELL = re.compile(
    r"\b(?:good ?bye|bye|see you|that(?:'s| is| was) (?:all|it|everything)|have a (?:nice|good) day)\b"
)
NO_MORE = re.compile(r"^no\b")
THANKS = re.compile(r"\b(?:thanks?|thank you|great|perfect|wonderful)\b")
HELLO = re.compile(r"\b(?:hello|hi|hey|good (?:morning|afternoon|evening))\b")
AGAIN = re.compile(r"\b(?:repeat|say (?:that|it) again|pardon|come again|what did you say)\b")
ATTENTION = re.compile(r"\b(?:wait|question|hold on|stop|excuse me|one (?:moment|second)|hang on)\b")
WANTS = re.compile(r"\bi(?:'m| am|'d| would| want| need| have)\b.*\b(?:look|like|want|need|to|for)|\bcan you\b")
ASKS_PERSON = re.compile(
    r"\b(?:speak|talk|connect|transfer|put)\b.*\b(?:to|with|through)\b|\breal person\b|\boperator\b"
)
LEAVES_MESSAGE = re.compile(r"\b(?:leave|take|record)\b.*\bmessage\b|^(?:(?:yes|a|please|the) )*message\b")
CALL_ME = re.compile(r"\bcall (?:me|us) back\b|\b(?:be|get) called back\b|\bcall ?back\b")
SPEAKS = re.compile(r"\b(?:speak|talk|go on|continue|switch|in)\b")
PRESSED = re.compile(r"\bpressed\b[^:]*: ([\d *#]+)")
# An instruction to read aloud, not to converse, says in one sentence what to do, how exactly, and with whose words.
READS = re.compile(
    r"(?i)\b(?:read|recite|repeat|speak)\b.*\b(?:aloud|out loud|exactly|verbatim|word for word)\b.*"
    r"\b(?:what|whatever|text|words|everything|lines?|messages?)\b.*\b(?:user|writes?|written|given|sent)\b"
)
GO_AHEAD = "Yes, please go ahead."
ANYTHING_ELSE = f"You are welcome. {MORE}"
HELLO_HELP = f"Hello. {HELP}"
NO_PERSON = "I am sorry, I cannot connect you to anyone right now."
NOT_UNDERSTOOD = "I am sorry, I did not understand that. Could you say it again?"
TO_A_PERSON = "Would you like to talk to a person?"
OFFER_PERSON = f"I am sorry, I still do not understand. {TO_A_PERSON}"
STILL_NOT = "I am sorry, I still do not understand. Could you put it another way?"
GOODBYE = "Thank you for calling. Goodbye."


@dataclass(frozen=True, slots=True)
class Reply:
    """Say these sentences."""

    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """Run this tool."""

    tool: str
    arguments: Mapping[str, Any]


type Intention = Reply | Use


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of ours that waits for its answer."""

    tool: str
    missing: str
    found: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    asked: Asked | None = None
    offered: str = ""  # the tool that was offered, and the answer may be yes
    misses: int = 0  # utterances in a row that were not understood
    learned: tuple[str, ...] = ()  # what tools have told, for later questions
    asked_before: tuple[str, ...] = ()  # the caller's own words, for whoever is told about them
    last: tuple[str, ...] = field(default=())


def transcript(text: str) -> str:
    """What a recogniser heard, as one would write it: figures, a capital, a full stop or a question mark."""
    text = re.sub(r"\bi(?=\b|')", "I", with_figures(text.strip()))
    if not text:
        return ""
    asks = re.match(
        r"(?:(?:and|so|but|hello|hi|well|okay|sorry|wait|good (?:morning|afternoon|evening)) )*"
        r"(?:what|when|where|who|why|how|which|are|is|do|does|did|can|could|will|would|may|have|has)\b",
        text,
    )
    return f"{text[0].upper()}{text[1:]}{'?' if asks else '.'}"


class Understanding:
    """Everything known from one brief. Reading a prompt of 5,000 characters takes a few ms, `answer` well under one."""

    def __init__(self, prompt: str, tools: Sequence[Tool]) -> None:
        self._facts = read_facts(prompt)
        self._tools = tuple(tools)
        self._greeting = greeting_of(prompt)
        self._reads = any(READS.search(sentence) for sentence in re.split(r"[.!?\n]", prompt))
        self._subjects = {tool.name: subject_terms(tool) for tool in tools}
        self._about = {tool.name: all_terms(tool) for tool in tools}
        self._roles = roles_of(tools)
        self._scale = Scale([fact.own | fact.context for fact in self._facts] + [self._about[t.name] for t in tools])
        self.vocabulary = frozenset(
            word for text in (prompt, *(f"{t.name} {t.description}" for t in tools)) for word in words_of(text)
        )

    def recall(self, history: Sequence[tuple[str, str]]) -> State:
        """The state in which the last of `history`'s lines (role, text) left the conversation."""
        last = next((text for role, text in reversed(history) if role.upper() == "ASSISTANT"), "")
        asked = next(
            (
                Asked(tool.name, name, {})
                for tool in self._roles.ordinary
                for name in properties(tool)
                if question_for(tool, name) in last
            ),
            None,
        )
        said = tuple(text for role, text in _after_greeting(history) if role.upper() == "USER")
        return State(asked, self._offered_in(last), last=tuple(sentences_of(last)), asked_before=said[-REMEMBERED:])

    def answer(self, heard: str, state: State) -> tuple[Intention, State]:
        """What to do about an utterance."""
        said = with_figures(heard.lower().replace("’", "'").strip(" .?!")).replace(",", "").replace(".", "")
        intention, after = self._decide(said, state)
        after = replace(after, asked_before=(*state.asked_before, heard)[-REMEMBERED:])
        if isinstance(intention, Use):
            return intention, after
        return self._said(tuple(sentence for text in intention.sentences for sentence in sentences_of(text)), after)

    def follow(self, text: str, state: State) -> tuple[Intention, State]:
        """What to do about live text: a reader reads it; else words in quotation marks are spoken, stage directions
        followed, and the rest is answered like an utterance."""
        low = text.lower()
        if self._reads:
            return self._said(tuple(sentences_of(text)), state)
        if after_keys := self._after_keys(text, state):
            return after_keys
        if late := late_in(text):
            told, state = self.tell(*late, state)
            return (told, state) if told is not None else self._said((MORE,), state)
        if re.search(r"\bgreet", low) and not QUOTED.search(text):
            return self._said(tuple(sentences_of(self._greeting or HELLO_HELP)), state)
        if (quoted := QUOTED.search(text)) and "told them" not in low:
            return self._said(tuple(sentences_of(quoted[1].strip())), state)
        if re.search(r"\b(?:go on|continue|carry on|repeat)\b(?! from there)", low) and state.last:
            return self._said(state.last, state)
        if DIRECTED.match(text):
            return self._said(spoken(text) or (HELP,), state)
        return self.answer(text, state)

    def tell(self, tool: str, result: object, state: State) -> tuple[Intention | None, State]:
        """What to do about a tool's answer: nothing after the tool that ends the call, or where it says so itself."""
        roles = self._roles
        if roles.ending is not None and tool == roles.ending.name:
            return None, state
        if roles.keypad is not None and tool == roles.keypad.name and (used := self._with_digits(result, state)):
            return used
        if (advised := advice_in(result)) is not None:
            return self._said(advised, state) if advised else (None, state)
        if roles.person is not None and tool == roles.person.name and message_in(result) is None:
            return Reply(("One moment, please.",)), state
        sentences = tell(result)
        return self._said(sentences, replace(state, learned=(*state.learned, *sentences)[-12:]))

    def _said(self, sentences: tuple[str, ...], state: State) -> tuple[Reply, State]:
        return Reply(sentences), replace(state, last=sentences, offered=self._offered_in(" ".join(sentences)))

    def _offered_in(self, words: str) -> str:
        """The tool that `words` of ours offer to use."""
        shall = re.search(r"\bShall I\b[^?]*\?", words)
        offers = (
            (TO_A_PERSON in words, self._roles.person),
            (shall is not None and "message" in shall[0], self._roles.message),
            (shall is not None and "back" in shall[0], self._roles.call_back),
        )
        return next((tool.name for offered, tool in offers if offered and tool is not None), "")

    def _after_keys(self, text: str, state: State) -> tuple[Intention, State] | None:
        """Digits that came by the keypad, told in writing: asked for by somebody else, or by nobody."""
        if pressed := PRESSED.search(text):
            return self.answer("number " + re.sub(r"\D", "", pressed[1]), state)
        if (entered := entered_in(text)) is None:
            return None
        what, result = entered
        wanting = (
            Asked(tool.name, name, {})
            for tool in self._roles.ordinary
            for name in required(tool)
            if (digits_for(self._roles.keypad, tool, name) or ("", ""))[1] == what
        )
        if used := self._with_digits(result, replace(state, asked=state.asked or next(wanting, None))):
            return used
        return self._said(advice_in(result) or (HELP,), state)

    def _with_digits(self, result: object, state: State) -> tuple[Intention, State] | None:
        """The tool that waited for the digits, used with them or with the token that stands for them."""
        digits = (result.get("token") or result.get("digits")) if isinstance(result, Mapping) else None
        if state.asked is None or not isinstance(digits, str):
            return None
        tool, calm = self._tool(state.asked.tool), replace(state, asked=None, misses=0)
        found = {**state.asked.found, state.asked.missing: digits}
        lacking = [name for name in required(tool) if name not in found]
        return self._ask(Asked(tool.name, lacking[0], found), calm) if lacking else (Use(tool.name, found), calm)

    def _decide(self, said: str, state: State) -> tuple[Intention, State]:
        calm = replace(state, asked=None, offered="", misses=0)
        asked = terms(HELLO.sub(" ", said))  # "good morning" asks nothing about mornings
        if FAREWELL.search(said) or (NO_MORE.search(said) and "anything else" in " ".join(state.last)):
            return self._farewell(said), calm
        if wished := self._wished(said, asked, state):
            return wished, calm
        if state.offered and set(words_of(said)) & YES:
            return self._use(self._tool(state.offered), said, state), calm
        if state.offered and set(words_of(said)) & NO:
            return Reply((MORE,)), calm
        if AGAIN.search(said) and state.last:
            return Reply(state.last), replace(state, misses=0)
        if ATTENTION.search(said) and self._best_score(asked) < FITS and not re.search(r"\d", said):
            return Reply((GO_AHEAD,)), replace(state, misses=0)
        if state.asked is not None and (answered := self._answered(said, state.asked, calm)):
            return answered
        return self._look_up(said, asked, state, calm)

    def _wished(self, said: str, asked: frozenset[str], state: State) -> Intention | None:
        """What callers may want of any business."""
        roles = self._roles
        if roles.message is not None and LEAVES_MESSAGE.search(said):
            return self._use(roles.message, said, state)
        if roles.call_back is not None and CALL_ME.search(said):
            return self._use(roles.call_back, said, state)
        if roles.tongue is not None and SPEAKS.search(said) and (tongue := choice_of(roles.tongue, said)):
            return Use(roles.tongue.name, dict([tongue]))
        if ASKS_PERSON.search(said) and ("~person" in asked or choice_of(roles.person, said)):
            return self._hand_over(said, state)
        return self._hand_over(said, state) if asked == {"~person"} else None

    def _look_up(self, said: str, asked: frozenset[str], state: State, calm: State) -> tuple[Intention, State]:
        facts = (*self._facts, *(Fact(text, terms(text)) for text in state.learned))
        matches = best_facts(facts, self._scale, asked)
        fact_score = matches[0].score if matches else 0.0
        if found := self._with_tool(said, asked, fact_score):
            return (found, calm) if isinstance(found, Use) else self._ask(found, calm)
        if fact_score >= FITS:
            return Reply(tuple(dict.fromkeys(narrowed(match.fact.text, asked) for match in matches))), calm
        if THANKS.search(said):
            return Reply((ANYTHING_ELSE,)), calm
        if HELLO.search(said) and not asked:
            return Reply((HELLO_HELP,)), calm
        if state.asked is not None and not state.misses:
            intention, after = self._ask(state.asked, state)
            return intention, replace(after, misses=1)
        return self._not_understood(calm, state.misses)

    def _best_score(self, asked: frozenset[str]) -> float:
        return max((match.score for match in best_facts(self._facts, self._scale, asked)), default=0.0)

    def _with_tool(self, said: str, asked: frozenset[str], fact_score: float) -> Use | Asked | None:
        """The tool that fits better than any fact, ready to use or with an argument to ask for."""
        offers = [
            (score, order, what)
            for order, tool in enumerate(self._roles.ordinary)
            for score, what in self._offer(tool, said, asked)
            if score > fact_score
        ]
        return max(offers, key=lambda offer: (offer[0], -offer[1]))[2] if offers else None

    def _offer(self, tool: Tool, said: str, asked: frozenset[str]) -> list[tuple[float, Use | Asked]]:
        """How well `tool` fits (above 1 when a number of three figures or more was given for it), or nothing."""
        found = find_arguments(tool, said)
        missing = [name for name in required(tool) if name not in found]
        rest = asked - terms(" ".join(str(value) for value in found.values()))
        score = self._scale.score(rest, self._subjects[tool.name], self._about[tool.name])
        if not missing and any(re.fullmatch(r"\d{3,}", str(value)) for value in found.values()):
            return [(1 + score, Use(tool.name, found))]
        if score < FITS or not rest & self._subjects[tool.name]:
            return []
        score += WISH if WANTS.search(said) else 0
        return [(score, Asked(tool.name, missing[0], found) if missing else Use(tool.name, found))]

    def _answered(self, said: str, question: Asked, calm: State) -> tuple[Intention, State] | None:
        """The use of the tool we asked on behalf of, when `said` gives what it lacked, or the next question."""
        tool = self._tool(question.tool)
        found = {**find_arguments(tool, said, question.missing), **question.found}
        chosen = "enum" in properties(tool)[question.missing] or re.search(r"\d", str(found.get(question.missing)))
        if question.missing not in found or (not chosen and self._best_score(terms(said)) >= 2 * FITS):
            return None
        lacking = [name for name in required(tool) if name not in found]
        return self._ask(Asked(tool.name, lacking[0], found), calm) if lacking else (Use(tool.name, found), calm)

    def _ask(self, question: Asked, state: State) -> tuple[Intention, State]:
        keys = digits_for(self._roles.keypad, self._tool(question.tool), question.missing)
        if keys and self._roles.keypad is not None and not state.misses:
            return Use(self._roles.keypad.name, dict([keys])), replace(state, asked=question)
        words = question_for(self._tool(question.tool), question.missing)
        return Reply((words,)), replace(state, asked=question)

    def _farewell(self, said: str) -> Intention:
        if self._roles.ending is None:
            return Reply((GOODBYE,))
        return Use(self._roles.ending.name, filled(self._roles.ending, said, "The caller said goodbye."))

    def _hand_over(self, said: str, state: State) -> Intention:
        if self._roles.person is None:
            return Reply((NO_PERSON,))
        return self._use(self._roles.person, said, state)

    def _use(self, tool: Tool, said: str, state: State) -> Use:
        """A tool of the house, told why: what the caller wants, and what they said before."""
        why = "The caller asks for a person." if tool is self._roles.person else f"The caller said: {said}."
        arguments = filled(tool, said, why)
        if "summary" in properties(tool):
            before = f"Before, they said: {' '.join(state.asked_before)}" if state.asked_before else ""
            arguments["summary"] = f"{why} {before}".strip()
        return Use(tool.name, arguments)

    def _not_understood(self, state: State, misses: int) -> tuple[Intention, State]:
        if misses == 0:
            return Reply((NOT_UNDERSTOOD,)), replace(state, misses=1)
        words = STILL_NOT if self._roles.person is None else OFFER_PERSON
        return Reply((words,)), replace(state, misses=misses + 1)

    def _tool(self, name: str) -> Tool:
        return next(tool for tool in self._tools if tool.name == name)


def _after_greeting(history: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Without what stands before the first words of ours: facts of the call, which nobody said."""
    first = next((at for at, (role, _) in enumerate(history) if role.upper() == "ASSISTANT"), len(history))
    return history[first:]


def filled(tool: Tool, said: str, why: str) -> dict[str, Any]:
    """Every required argument of a tool that is used for what the caller wants, not for what the caller names."""
    found = find_arguments(tool, said)
    defaults = {"integer": 0, "number": 0, "boolean": True}
    for name in required(tool):
        spec = properties(tool)[name]
        choices = spec.get("enum", ())
        found.setdefault(name, choices[0] if choices else defaults.get(str(spec.get("type")), why))
    return {name: found[name] for name in required(tool)}
