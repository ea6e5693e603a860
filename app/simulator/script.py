"""The script of a scripted mind, read from YAML:

    seed: 7
    listening: {threshold_dbfs: -40, onset_ms: 60, pause_ms: 500}
    thinking: 700                              # ms from the caller's last sound, never less than the pause; or
                                               # {uniform: [400, 900]}, {normal: [700, 80]},
                                               # {lognormal: {median: 700, p99: 1500}}
    manner: {speed: 5, chunk_ms: 60, final_delay_ms: 2600, user_speech_events: true}
    cycle: false                               # begin again when the turns are used up
    shuffled: false                            # any turn at any time, over and over, as the seed has it
    turns:                                     # the nth utterance of the caller
      - heard: how is the fern
        use_tool: {name: look_at_plant, arguments: {plant: fern}}
        say: ["The fern is {state}.", {text: "Anything else?", seconds: 1.5}]
    patterns:                                  # utterances past the turns, and live text
      - when: "hours|open"                     # a regular expression, case ignored
        say: [{text: We open at nine., tone: 440, seconds: 2}]
    otherwise: {heard: hello, say: [{text: "Pardon?", wav: pardon.wav}]}

Every part is optional. `{name}` in a text is replaced by that member of the tool's result.
"""

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from app.simulator.prepared_audio import babble, recording, speaking_time, tone

_P99 = 2.3263  # standard deviations above the median


class ScriptError(ValueError):
    """A script that cannot be meant; the message says where. Its writer's fault."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """How long an answer takes: one value, or a distribution of two figures."""

    kind: str = "fixed"
    a: float = 700.0
    b: float = 0.0

    def draw_ms(self, chance: random.Random) -> int:
        match self.kind:
            case "uniform":
                value = chance.uniform(self.a, self.b)
            case "normal":
                value = chance.gauss(self.a, self.b)
            case "lognormal":
                value = chance.lognormvariate(math.log(self.a), math.log(self.b / self.a) / _P99)
            case _:
                value = self.a
        return max(0, round(value))


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence and how it sounds."""

    text: str
    seconds: float | None = None
    tone: float | None = None  # Hz
    wav: Path | None = None

    def pcm(self, rate: int) -> bytes:
        seconds = self.seconds if self.seconds is not None else speaking_time(self.text)
        if self.wav is not None:
            return recording(self.wav, rate)
        return tone(self.tone, seconds, rate) if self.tone is not None else babble(seconds, rate)


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    say: tuple[Line, ...] = ()
    heard: str | None = None
    when: re.Pattern[str] | None = None
    use_tool: ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    threshold_dbfs: float = -40.0
    onset_ms: int = 60
    pause_ms: int | None = None  # None: as the session asked by its endpointing sensitivity


@dataclass(frozen=True, slots=True)
class Script:
    turns: tuple[Turn, ...] = ()
    patterns: tuple[Turn, ...] = ()
    otherwise: Turn = Turn(say=(Line("I see. What else can I do for you?"),))
    listening: Listening = Listening()
    thinking: Thinking = Thinking()
    cycle: bool = False
    shuffled: bool = False
    seed: int = 1
    manner: Mapping[str, Any] = field(default_factory=dict)

    def turn(self, number: int, chance: random.Random) -> Turn | None:
        """What is scripted for the caller's nth utterance, from 1. A shuffled script draws it."""
        if self.shuffled and self.turns:
            return chance.choice(self.turns)
        if self.cycle and self.turns:
            return self.turns[(number - 1) % len(self.turns)]
        return self.turns[number - 1] if number <= len(self.turns) else None

    def answer_to(self, text: str) -> Turn:
        """What is scripted for a text."""
        return next((turn for turn in self.patterns if turn.when and turn.when.search(text)), self.otherwise)

    def lines(self) -> list[Line]:
        return [line for turn in (*self.turns, *self.patterns, self.otherwise) for line in turn.say]


def read_script(path: Path) -> Script:
    """Raises `ScriptError` (also for what is not YAML) and `OSError`. WAV files are sought beside the script."""
    try:
        return script_from(yaml.safe_load(path.read_text()) or {}, path.parent)
    except yaml.YAMLError as error:
        raise ScriptError(f"{path} is not YAML: {error}") from error


def script_from(values: Any, folder: Path = Path()) -> Script:
    """A script out of a decoded YAML document. Raises `ScriptError`."""
    known = {"seed", "listening", "thinking", "manner", "cycle", "shuffled", "turns", "patterns", "otherwise"}
    values = _mapping(values, "script", known)
    parts: dict[str, Any] = {name: values[name] for name in ("seed", "cycle", "shuffled", "manner") if name in values}
    if "listening" in values:
        given = _mapping(values["listening"], "listening", {"threshold_dbfs", "onset_ms", "pause_ms"})
        parts["listening"] = Listening(**given)
    if "thinking" in values:
        parts["thinking"] = thinking_from(values["thinking"])
    for name in ("turns", "patterns"):
        parts[name] = tuple(_turn(turn, f"{name}[{i}]", folder) for i, turn in enumerate(values.get(name) or ()))
    if "otherwise" in values:
        parts["otherwise"] = _turn(values["otherwise"], "otherwise", folder)
    return Script(**parts)


def thinking_from(value: Any) -> Thinking:
    """A number, or a mapping of one distribution to its figures. Raises `ScriptError`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Thinking("fixed", float(value))
    match value:
        case {"uniform": [a, b]}:
            return Thinking("uniform", float(a), float(b))
        case {"normal": [a, b]}:
            return Thinking("normal", float(a), float(b))
        case {"lognormal": {"median": a, "p99": b}} if b >= a > 0:
            return Thinking("lognormal", float(a), float(b))
    raise ScriptError(
        f"thinking: {value!r} is neither ms nor uniform: [from, to], normal: [mean, deviation], "
        "lognormal: {median, p99}"
    )


def _mapping(value: Any, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ScriptError(f"{where} must be a mapping")
    for name in value:
        if name not in known:
            raise ScriptError(f"{where}: {name!r} means nothing; there are {', '.join(sorted(known))}")
    return value


def _turn(value: Any, where: str, folder: Path) -> Turn:
    values = _mapping(value, where, {"say", "heard", "when", "use_tool"})
    tool = values.get("use_tool")
    if tool is not None:
        tool = _mapping(tool, f"{where}.use_tool", {"name", "arguments"})
    say = values.get("say") or ()
    lines = tuple(_line(line, f"{where}.say", folder) for line in (say if isinstance(say, list) else [say]) if line)
    try:
        when = re.compile(values["when"], re.IGNORECASE) if "when" in values else None
    except re.error as error:
        raise ScriptError(f"{where}.when: {error}") from error
    call = ToolCall(str(tool["name"]), tool.get("arguments") or {}) if tool else None
    return Turn(lines, values.get("heard"), when, call)


def _line(value: Any, where: str, folder: Path) -> Line:
    if isinstance(value, str):
        return Line(value)
    values = _mapping(value, where, {"text", "seconds", "tone", "wav"})
    wav = folder / values["wav"] if "wav" in values else None
    return Line(str(values.get("text", "")), values.get("seconds"), values.get("tone"), wav)
