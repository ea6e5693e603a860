"""The language of scripted callers: a readable file that says what a caller does and expects, one step a line.

    # somebody in a hurry
    wait for speech                        until the bot speaks (within 15s unless said)
    wait for quiet 700ms                   until it has been quiet for so long (within 60s)
    wait 2s
    say "when are you open"
    play "angry.wav"                       audio instead of words; beside the script's file
    interrupt after 1.2s "sorry wait"      once the bot has spoken for 1.2s, speak over it
    press 1 2 3 #
    leave tones 160ms                      from now on keys also sound on the line for so long (0ms: no longer)
    wait for beep within 20s               until a single steady tone has sounded and ended, as before a recording
    expect speech within 3s                the bot begins to speak (or is speaking)
    expect quiet within 500ms              it stops speaking
    expect silence 2s                      it does not speak for so long
    expect heard at least 1.5s             it has spoken so much since the caller last said or pressed something
    expect hung up within 10s              the other side ends the call
    hang up

A wait that is not fulfilled ends the call and fails the script; an expectation that is not fulfilled fails the script,
and the caller goes on.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DIGITS = frozenset("0123456789*#ABCD")
SPEECH_WITHIN_MS = 15_000
QUIET_WITHIN_MS = 60_000
HANG_UP_WITHIN_MS = 60_000
BEEP_WITHIN_MS = 30_000
LONGEST_TONE_MS = 240  # a script's keys follow one another every 250 ms
QUIET_FOR_MS = 700


class ScriptError(ValueError):
    """The script is wrong; the message names the line and the fix."""


@dataclass(frozen=True, slots=True)
class Wait:
    ms: int


@dataclass(frozen=True, slots=True)
class WaitForSpeech:
    within_ms: int = SPEECH_WITHIN_MS
    required: bool = True  # a wait; False for an expectation, after whose failure the script goes on


@dataclass(frozen=True, slots=True)
class WaitForQuiet:
    quiet_ms: int = QUIET_FOR_MS
    within_ms: int = QUIET_WITHIN_MS


@dataclass(frozen=True, slots=True)
class Say:
    line: str  # words to say, or the name of an audio file when `is_file`
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Interrupt:
    after_ms: int
    line: str


@dataclass(frozen=True, slots=True)
class Press:
    digits: str


@dataclass(frozen=True, slots=True)
class LeaveTones:
    """How long a pressed key sounds in the caller's audio; 0: the carrier takes the tone out."""

    ms: int


@dataclass(frozen=True, slots=True)
class WaitForBeep:
    within_ms: int = BEEP_WITHIN_MS


@dataclass(frozen=True, slots=True)
class ExpectQuiet:
    within_ms: int


@dataclass(frozen=True, slots=True)
class ExpectSilence:
    ms: int


@dataclass(frozen=True, slots=True)
class ExpectHeard:
    ms: int


@dataclass(frozen=True, slots=True)
class WaitForHangUp:
    within_ms: int = HANG_UP_WITHIN_MS
    required: bool = True


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Action = (
    Wait
    | WaitForSpeech
    | WaitForQuiet
    | Say
    | Interrupt
    | Press
    | LeaveTones
    | WaitForBeep
    | ExpectQuiet
    | ExpectSilence
    | ExpectHeard
    | WaitForHangUp
    | HangUp
)


@dataclass(frozen=True, slots=True)
class Step:
    """One action and where it was written, for reports: "line 3: wait for speech"."""

    action: Action
    where: str


@dataclass(frozen=True, slots=True)
class Script:
    steps: tuple[Step, ...]
    folder: Path | None = None  # where audio files of `play` are looked up

    @property
    def lines(self) -> tuple[Say, ...]:
        """All that must be turned into sound before the call, each once, in order."""
        spoken: dict[Say, None] = {}
        for step in self.steps:
            if isinstance(step.action, Say):
                spoken[step.action] = None
            elif isinstance(step.action, Interrupt):
                spoken[Say(step.action.line)] = None
        return tuple(spoken)


# Each pattern is a whole line; TIME and TEXT stand for "1.2s" or "700ms" and for a quoted text.
TIME = r"(\d+(?:\.\d+)?\s*(?:ms|s))"
TEXT = r"(\".*\"|'.*')"
FORMS: tuple[tuple[str, Callable[..., Action]], ...] = (
    (rf"wait {TIME}", lambda t: Wait(ms(t))),
    (rf"wait for speech(?: within {TIME})?", lambda t: WaitForSpeech(ms(t, SPEECH_WITHIN_MS))),
    (
        rf"wait for quiet(?: {TIME})?(?: within {TIME})?",
        lambda t, w: WaitForQuiet(ms(t, QUIET_FOR_MS), ms(w, QUIET_WITHIN_MS)),
    ),
    (rf"wait for hang ?up(?: within {TIME})?", lambda t: WaitForHangUp(ms(t, HANG_UP_WITHIN_MS))),
    (rf"say {TEXT}", lambda text: Say(unquoted(text))),
    (rf"play {TEXT}", lambda text: Say(unquoted(text), is_file=True)),
    (rf"interrupt after {TIME} {TEXT}", lambda t, text: Interrupt(ms(t), unquoted(text))),
    (r"press (.+)", lambda keys: Press(pressed(keys))),
    (rf"leave tones {TIME}", lambda t: LeaveTones(tone(t))),
    (rf"wait for beep(?: within {TIME})?", lambda t: WaitForBeep(ms(t, BEEP_WITHIN_MS))),
    (rf"expect speech within {TIME}", lambda t: WaitForSpeech(ms(t), required=False)),
    (rf"expect quiet within {TIME}", lambda t: ExpectQuiet(ms(t))),
    (rf"expect silence {TIME}", lambda t: ExpectSilence(ms(t))),
    (rf"expect heard at least {TIME}", lambda t: ExpectHeard(ms(t))),
    (rf"expect hung ?up within {TIME}", lambda t: WaitForHangUp(ms(t), required=False)),
    (r"hang ?up", lambda: HangUp()),
)
EXAMPLES = {
    "wait": "wait for speech | wait for quiet 700ms | wait for beep | wait 2s | wait for hang up within 20s",
    "say": 'say "when are you open"',
    "play": 'play "file.wav"',
    "interrupt": 'interrupt after 1.2s "sorry wait"',
    "press": "press 1 2 3 #",
    "leave": "leave tones 160ms",
    "expect": "expect speech within 3s | expect quiet within 500ms | expect silence 2s | expect heard at least 1.5s"
    " | expect hung up within 10s",
    "hang": "hang up",
}


def parse(text: str, folder: Path | None = None) -> Script:
    """Read a script. Raises `ScriptError` for the first line that is not understood."""
    steps = []
    for number, line in enumerate(text.splitlines(), start=1):
        written = " ".join(without_comment(line).split())
        if written:
            steps.append(Step(_action(written, number), f"line {number}: {written}"))
    if not steps:
        raise ScriptError("the script has no steps: begin with `wait for speech`")
    return Script(tuple(steps), folder)


def load(path: Path) -> Script:
    """Read a script file. Raises `ScriptError`, also when the file cannot be read."""
    try:
        return parse(path.read_text(encoding="utf-8"), path.parent)
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}") from None
    except ScriptError as error:
        raise ScriptError(f"{path}, {error}") from None


def of(*actions: Action) -> Script:
    """A script made in code."""
    return Script(tuple(Step(action, f"step {i}: {action}") for i, action in enumerate(actions, start=1)))


def without_comment(line: str) -> str:
    """The line without `# ...`: a # in quotes stays, and so does the key # of a telephone."""
    if line.lstrip().startswith("#"):
        return ""
    if line.split()[:1] == ["press"]:
        return re.sub(r"\s#\s+\S*[^\s0-9*#A-D].*$", "", line)
    quote = ""
    for place, letter in enumerate(line):
        if letter in "\"'" and quote in ("", letter) and (quote or letter == '"' or line[place - 1] == " "):
            quote = "" if quote else letter
        elif letter == "#" and not quote:
            return line[:place]
    return line


def _action(written: str, number: int) -> Action:
    for pattern, make in FORMS:
        match = re.fullmatch(pattern, written, re.IGNORECASE)
        if match:
            try:
                return make(*match.groups())
            except ValueError as error:
                raise ScriptError(f"line {number}: {written}: {error}") from None
    first = written.split()[0].lower()
    known = EXAMPLES.get(first)
    fix = f"write it as: {known}" if known else f"a line begins with one of: {', '.join(EXAMPLES)}"
    raise ScriptError(f"line {number}: {written}: not understood; {fix}")


def ms(written: str | None, default: int = 0) -> int:
    """Milliseconds of "1.2s" or "700ms"."""
    if written is None:
        return default
    number = float(written.rstrip("mMsS").strip())
    return round(number if written.lower().endswith("ms") else number * 1000)


def tone(written: str) -> int:
    length = ms(written)
    if length and not 40 <= length <= LONGEST_TONE_MS:
        raise ValueError(f"a key sounds for 40 to {LONGEST_TONE_MS} ms, or 0ms for not at all")
    return length


def unquoted(written: str) -> str:
    text = written[1:-1].strip()
    if not text:
        raise ValueError("the quotes are empty; put words into them")
    return text


def pressed(keys: str) -> str:
    digits = "".join(keys.split()).upper()
    strange = sorted(set(digits) - DIGITS)
    if strange:
        raise ValueError(f"{''.join(strange)} is not on a telephone; keys are 0 to 9, *, # and A to D")
    return digits
