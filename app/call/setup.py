"""All that is fixed when a call begins. Built by the assembly from an edition; the machine asks nobody for more."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Phrase:
    """A known line. `audio` is whole frames in the leg's format, or None where it has not been rendered."""

    id: str
    text: str
    audio: bytes | None = None
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class CallFacts:
    """Who, where, when. Numbers stay whole here and are masked wherever they leave the process."""

    call_sid: str
    caller: str
    called: str
    agent: str
    edition: str
    language: str
    started_at_ms: int  # wall clock, Unix milliseconds


@dataclass(frozen=True, slots=True)
class Timings:
    """Every wait of the machine, in ms. Defaults are design 3, 5b and 6."""

    frame: int = 20
    lead: int = 200  # how far playout keeps ahead of real time
    group: int = 100  # audio in one message after the first
    attach_after: int = 10_000  # the model is attached at the latest
    uplink_buffer: int = 5_000  # caller audio kept while no session is attached
    lead_in: int = 300  # of the caller's audio before an onset: a detector decides late
    utterance_kept: int = 15_000  # caller audio kept until it is answered, for a session that must hear it again
    blip: int = 400  # speech shorter than this may be no barge-in
    resume_after_blip: int = 300  # quiet after a blip before playing on
    endpointing: int = 1_750  # the engine's own pause that ends a turn
    no_turn_grace: int = 700  # above endpointing: our onset was a false alarm
    interrupted_without_words: int = 2_000
    slow_answer: int = 2_500
    slow_answer_again: int = 6_000
    give_up_answer: int = 10_000
    known_failure: int = 1_500
    deaf_speech: int = 400
    deaf_quiet: int = 4_000
    leg_lost: int = 20_000  # wait for /twilio/next
    mark_echo_grace: int = 2_000  # above what is left to play, before we stop waiting for a mark
    silence_prompt: int = 12_000  # neither side speaks: "are you still there?"
    silence_prompts: int = 2  # then a goodbye
    tool_limit: int = 20_000
    max_call: int = 3_600_000
    attach_limit: int = 5_000  # a cold open


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """How the caller's audio travels to the engine."""

    rate: int = 16_000  # Hz, PCM16 mono
    quiet_batch_ms: int = 100  # size of an event in long quiet; 20 turns batching off
    quiet_after_ms: int = 2_000  # quiet since the end of speech before batching begins
    gate: bool = False  # send digital silence instead of line noise between utterances
    audio_while_tool_pending: bool = True


@dataclass(frozen=True, slots=True)
class CallSetup:
    """`phrases` by id. Ids the machine knows: greeting, wait (filler), sorry (recovery), still_there, goodbye, apology
    (we cannot go on), back_again (after a lost leg), repeat (please say that again). A missing one is no error."""

    facts: CallFacts
    phrases: Mapping[str, Phrase]
    first_phrase: str = "greeting"  # what the caller hears first; "sorry" where a call had to start afresh
    opening: str = ""  # call facts for the model: the first USER block of every history
    greeting_prompt: str = ""  # live text that makes the model greet where the greeting has no audio
    frame_bytes: int = 160  # of `timings.frame` ms in the leg's format
    frame_silence: bytes = b"\xff"  # one byte of silence, to pad the last frame
    timings: Timings = field(default_factory=Timings)
    uplink: UplinkSettings = field(default_factory=UplinkSettings)
