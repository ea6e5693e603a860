"""Who serves a call: from an edition's agents to what a machine, a session and a leg are made with."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from app.audio.transcoder import Transcoder
from app.bridge.ears import AgentEars
from app.bridge.incoming import Incoming
from app.bridge.pace import AnswerPace
from app.bridge.staff import Cast, DeskOptions
from app.cache.keys import Narrator
from app.cache.shelf import AudioShelf
from app.call.allowance import Day
from app.call.events import ToolAnswered
from app.call.onward import Destination
from app.call.prices import Prices, Usage
from app.call.setup import (
    CallFacts,
    CallSetup,
    Keypad,
    KnownAnswers,
    Outbound,
    Phrase,
    Target,
    Timings,
    UplinkSettings,
    WithoutModel,
)
from app.edition import Edition
from app.engines.engine import LISTENER, SessionKey, SessionSpec, ToolSpec
from app.prompts.agent import Agent, FrontMatter, OutboundEntry
from app.prompts.keys import keypad_of
from app.prompts.routes import Way
from app.prompts.transfers import TransferTarget
from app.prompts.voices import name_of
from app.settings import Settings
from app.tools.host import ToolHost
from app.tools.house import Offer

ENDPOINTING_MS = {"HIGH": 1_500, "MEDIUM": 1_750, "LOW": 2_000}
PERSON = "person"  # the target that PERSON_NUMBER gives every agent, for where no model serves a call
GREET_CALLED = "[Whom you have called has answered. Say in one short sentence who is calling, and why.]"
GREET = "[The call begins now. Greet the caller in one short sentence and offer your help.]"


def wall_ms() -> int:
    """Now, Unix ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Casting:
    """One edition made ready for calls: `shelf` holds its audio, `host` its tools. A call is given the casting itself
    to run its tools, and so keeps it as long as it lasts. `clock` tells by which hour calls begin."""

    settings: Settings
    edition: Edition
    timings: Timings
    shelf: AudioShelf
    host: ToolHost
    pace: AnswerPace
    clock: Callable[[], int] = wall_ms
    prices: Prices = field(default_factory=Prices)

    # --- sessions -------------------------------------------------------------------------------------------------

    def specs(self) -> list[SessionSpec]:
        """The default agent's first: of it a session is always kept warm. Further languages come last."""
        default = self.edition.prompts.routes.default.agent
        agents = sorted(self.edition.prompts.agents.values(), key=lambda agent: agent.id != default)
        first = [self.spec(agent, agent.settings.language) for agent in agents]
        return first + [self.spec(agent, language) for agent in agents for language in agent.settings.languages]

    def spec(self, agent: Agent, language: str) -> SessionSpec:
        chosen, settings = agent.settings, self.settings
        rate = settings.nova_sonic_output_rate
        declared = self.host.declared(chosen.tools, self._offer(agent))
        return SessionSpec(
            key=SessionKey(self.edition.hash, agent.id, language, self._model(agent), settings.aws_region, rate),
            system_prompt=system_prompt(agent, language),
            voice=chosen.voices[language],
            tools=[ToolSpec(d.name, d.description, d.schema) for d in declared],
            input_rate=settings.nova_sonic_input_rate,
            max_tokens=chosen.max_tokens,
            temperature=chosen.temperature,
            top_p=chosen.top_p,
            endpointing=chosen.endpointing,
        )

    def _offer(self, agent: Agent) -> Offer:
        chosen, transfers = agent.settings, self.edition.prompts.transfers
        return Offer(
            targets={name: transfers[name].describe for name in chosen.transfers},
            collections={name: asked.describe for name, asked in chosen.collect.items()},
            languages={language: name_of(language) for language in chosen.voices},
            messages=chosen.messages,
            places_calls=chosen.outbound is not None,
        )

    # --- calls ----------------------------------------------------------------------------------------------------

    def cast(self, incoming: Incoming) -> Cast:
        """A new call, now."""
        at_ms = self.clock()
        way = self._way(incoming.called, incoming.agent, at_ms)
        agent = self.edition.prompts.agents[way.agent]
        facts = CallFacts(
            call_sid=incoming.call_sid,
            caller=incoming.caller,
            called=incoming.called,
            agent=agent.id,
            edition=self.edition.hash,
            language=way.language or agent.settings.language,
            started_at_ms=at_ms,
            placed_by_us=bool(incoming.agent),
            given=incoming.given,
        )
        return self._cast(agent, facts, way)

    def recast(self, incoming: Incoming, facts: CallFacts) -> Cast:
        """A call that began as `facts` say and comes back: the same agent, whatever the hour is now."""
        agent = self.edition.prompts.agents.get(facts.agent)
        if agent is None:
            return self.cast(incoming)
        way = self._way(facts.called, facts.agent if facts.placed_by_us else "", facts.started_at_ms)
        language = facts.language if facts.language in agent.settings.voices else agent.settings.language
        return self._cast(agent, replace(facts, edition=self.edition.hash, language=language), way)

    def _way(self, called: str, placed_by: str, at_ms: int) -> Way:
        """Who speaks: the agent that placed the call, whatever the hour, else whom the number leads to."""
        routes, agent = self.edition.prompts.routes, self.edition.prompts.agents.get(placed_by)
        if agent is None or agent.settings.outbound is None:
            return routes.way(called, at_ms)
        return Way(placed_by, "", agent.settings.outbound.greeting, routes.business_hours)

    def places_calls(self, agent: str) -> bool:
        found = self.edition.prompts.agents.get(agent)
        return found is not None and found.settings.outbound is not None

    @property
    def hears_words(self) -> bool:
        """Some agent has words for the menus it offers where no model serves."""
        menus = (
            menu for agent in self.edition.prompts.agents.values() for menu in agent.settings.keypad.menus.values()
        )
        return any(menu.words for menu in menus)

    @property
    def longest_call_s(self) -> int:
        return max(agent.settings.limits.max_call_minutes for agent in self.edition.prompts.agents.values()) * 60

    def _cast(self, agent: Agent, facts: CallFacts, way: Way) -> Cast:
        setup = self._setup(agent, facts, way)
        specs = {language: self.spec(agent, language) for language in agent.settings.voices}
        ears = AgentEars(self.edition.matcher, {language: _rendered(setup.tongues[language]) for language in specs})
        again = replace(setup, first_phrase="sorry")
        transfers = self.edition.prompts.transfers
        destinations = {name: destination_of(transfers[name]) for name in agent.settings.transfers}
        if self.settings.person_number:
            destinations.setdefault(PERSON, Destination("number", self.settings.person_number))
        listeners = {
            language: listener for language, spec in specs.items() if (listener := _listener(spec, setup.keypad))
        }
        date = datetime.fromtimestamp(facts.started_at_ms / 1000, ZoneInfo(agent.time_zone)).date()
        day = Day(agent.id, date.isoformat(), agent.settings.limits.day_caps())
        return Cast(setup, specs[facts.language], again, self, specs, ears, destinations, listeners, day)

    @property
    def without_prices(self) -> list[str]:
        """Agents who are limited in money, while nobody knows what their model costs."""
        one_of_each = Usage(1, 1, 1, 1)
        return [
            agent.id
            for agent in self.edition.prompts.agents.values()
            if agent.settings.limits.in_money
            and self.prices.of(f"{self.settings.aws_region}:{self._model(agent)}", one_of_each) is None
        ]

    def _model(self, agent: Agent) -> str:
        return agent.settings.model or self.settings.nova_sonic_model_id

    def _setup(self, agent: Agent, facts: CallFacts, way: Way) -> CallSetup:
        chosen, settings = agent.settings, self.settings
        tongues = {language: self._phrases(agent, way, language) for language in chosen.voices}
        targets = self._targets(agent, facts.started_at_ms)
        return CallSetup(
            facts=facts,
            phrases=tongues[facts.language],
            tongues=tongues,
            targets=targets,
            keypad=_keypad(chosen, facts),
            messages=chosen.messages,
            effects=frozenset(name for name, tool in self.edition.toolbox.tools.items() if tool.effects),
            known=KnownAnswers(chosen.known_answers.swap, chosen.known_answers.note),
            without_model=_without_model(agent, targets),
            outbound=_outbound(chosen.outbound),
            first_phrase=way.first_phrase or chosen.greeting,
            opening=agent.opening(facts, way.hours),
            greeting_prompt=GREET_CALLED if facts.placed_by_us else GREET,
            timings=replace(
                self.timings,
                endpointing=ENDPOINTING_MS[chosen.endpointing],
                slow_answer=self.pace.slow_ms(),
                session_life=settings.nova_sonic_session_seconds * 1000,
                max_call=chosen.limits.max_call_minutes * 60_000,
                **chosen.limits.silence(),
            ),
            uplink=UplinkSettings(
                rate=settings.nova_sonic_input_rate,
                quiet_batch_ms=settings.quiet_batch_ms,
                gate=settings.gate_line_noise,
                audio_while_tool_pending=settings.audio_while_tool_pending,
            ),
            prices=self.prices,
            caps=chosen.limits.caps(),
        )

    def _phrases(self, agent: Agent, way: Way, language: str) -> Mapping[str, Phrase]:
        """Those the agent may use, the greeting and what its number begins with in closed hours always among them."""
        chosen = agent.settings
        phrases = dict(self.shelf.phrases(self.edition.catalogue, Narrator(chosen.voices[language], language)))
        first = {chosen.greeting, way.first_phrase}
        if chosen.phrases is not None:
            phrases = {name: phrase for name, phrase in phrases.items() if name in first or name in chosen.phrases}
        if chosen.greeting_interruptible is not None:
            for name in first & phrases.keys():
                phrases[name] = replace(phrases[name], interruptible=chosen.greeting_interruptible)
        return phrases

    def _targets(self, agent: Agent, at_ms: int) -> Mapping[str, Target]:
        """Whom this call may be given to, and who of them is there when it begins."""
        prompts = self.edition.prompts
        targets = {}
        for name in agent.settings.transfers:
            entry = prompts.transfers[name]
            hours = prompts.routes.hours.get(entry.hours)
            targets[name] = Target(
                name,
                warm=entry.warm and self.settings.rest_keys is not None,
                queue=entry.kind in ("queue", "workflow"),
                open=hours is None or hours.is_open(at_ms),
            )
        if self.settings.person_number:
            targets.setdefault(PERSON, Target(PERSON))
        return targets

    # --- tools ----------------------------------------------------------------------------------------------------

    async def answer(self, run: str, name: str, arguments: str, setup: CallSetup) -> ToolAnswered:
        """As the host does."""
        return await self.host.answer(run, name, arguments, setup)

    def forget(self, call_sid: str) -> None:
        """The call is over."""
        self.host.forget(call_sid)

    # --- legs and the desk ----------------------------------------------------------------------------------------

    def transcoder(self) -> Transcoder:
        """For one telephone leg."""
        settings = self.settings
        return Transcoder("mulaw", 8_000, settings.nova_sonic_input_rate, settings.nova_sonic_output_rate)

    def desk_options(self) -> DeskOptions:
        default = self.edition.prompts.agents[self.edition.prompts.routes.default.agent].settings
        words = self.edition.catalogue.wordings(default.language)
        options = DeskOptions(
            at_limit=self.settings.at_limit,
            language=default.language,
            person_number=self.settings.person_number,
            record_calls=self.settings.record_calls,
            max_lateness_ms=self.settings.max_lateness_ms,
        )
        return replace(
            options,
            busy_text=words.get("busy", options.busy_text),
            goodbye_text=words.get("apology", options.goodbye_text),
        )


def _without_model(agent: Agent, targets: Mapping[str, Target]) -> WithoutModel:
    """As the agent says; else the menu it starts with, whom 0 means, and the first who is there. The deployment's own
    PERSON_NUMBER comes last."""
    chosen, keypad = agent.settings.without_model, agent.settings.keypad
    zero = keypad.zero.transfer if keypad.zero is not None else None
    wanted = (chosen.person, zero or "", *targets)
    person = next((name for name in wanted if name in targets and targets[name].open), "")
    return WithoutModel(chosen.menu or keypad.start, person)


def _keypad(chosen: FrontMatter, facts: CallFacts) -> Keypad:
    """Whom we have called is not offered the menu that callers begin with."""
    keypad = keypad_of(chosen.keypad, chosen.collect)
    return replace(keypad, start="") if facts.placed_by_us else keypad


def _outbound(entry: OutboundEntry | None) -> Outbound:
    return Outbound() if entry is None else Outbound(entry.on_voicemail, entry.voicemail_message)


def _listener(spec: SessionSpec, keypad: Keypad) -> SessionSpec | None:
    """How the recogniser of a keypad's words is opened. None where there are none, or no recogniser of the language."""
    words = sorted({word for menu in keypad.menus.values() for said in menu.words.values() for word in said})
    if not words or not spec.key.language.startswith("en"):
        return None
    return replace(spec, key=replace(spec.key, model=LISTENER, region=""), system_prompt="", tools=(), words=words)


def destination_of(target: TransferTarget) -> Destination:
    return Destination(target.kind, target.to, target.caller_id, target.ring_s, target.warm, target.attributes)


def system_prompt(agent: Agent, language: str) -> str:
    """The instructions; for a further language with the order to speak it."""
    if language == agent.settings.language:
        return agent.instructions
    name = name_of(language)
    return f"{agent.instructions}\n\n# Language\n\nThe caller has chosen {name}. Speak only {name}."


def _rendered(phrases: Mapping[str, Phrase]) -> frozenset[str]:
    """Those that can be heard at once."""
    return frozenset(name for name, phrase in phrases.items() if phrase.audio is not None)
