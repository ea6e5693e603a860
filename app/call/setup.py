"""All that is fixed when a call begins. Built by the assembly from an edition; the machine asks nobody for more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from app.call.prices import Prices

type AtCap = Literal["wrap_up", "transfer", "end"]
type Follows = Literal["nothing", "hang_up", "transfer", "ask_model"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A known line. `audio` is whole frames in the leg's format, or None where it has not been rendered. `then` says
    what follows it where it answers a caller by itself; `target` names whom a transfer goes to."""

    id: str
    text: str
    audio: bytes | None = None
    interruptible: bool = True
    then: Follows = "nothing"
    target: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody a call may be given to. Only the name travels: numbers stay in the edition, with the desk."""

    name: str
    warm: bool = False  # can be rung while the caller holds in the stream: told first, and asked whether they take it
    queue: bool = False  # several people: the caller waits for one of them
    open: bool = True  # by its hours, when the call began


type OnVoicemail = Literal["hang_up", "leave_message"]


@dataclass(frozen=True, slots=True)
class Outbound:
    """What becomes of a call that we placed and that a machine answers. `message` is the phrase to leave after its
    beep."""

    on_voicemail: OnVoicemail = "hang_up"
    message: str = ""


type Doing = Literal["say", "menu", "collect", "transfer", "language", "tell_model", "hang_up"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a key stands for. `value` is a phrase, a menu, a collection, a target, a language, or a text."""

    do: Doing
    value: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """A fixed menu: `say` names the phrase that offers the keys."""

    name: str
    say: str
    keys: Mapping[str, Choice]
    wait_ms: int = 6_000  # after the phrase, before it is offered again
    retries: int = 1
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by key: what may be said where no model listens


@dataclass(frozen=True, slots=True)
class Collection:
    """Digits to be entered. `say` names the phrase that asks for them ("" where the model asks itself)."""

    name: str
    say: str = ""
    shortest: int = 1
    longest: int = 20
    terminator: str = "#"  # "" where the length alone ends it
    first_ms: int = 8_000  # until the first key
    gap_ms: int = 4_000  # between keys
    retries: int = 2
    sensitive: bool = False  # nobody but a tool may know the digits: nothing of them enters the machine


@dataclass(frozen=True, slots=True)
class Keypad:
    """What keys mean to this agent. `zero` is what 0 means wherever no menu or collection says otherwise; `start` is
    the menu that follows the greeting, "" for none."""

    start: str = ""
    zero: Choice | None = None
    menus: Mapping[str, Menu] = field(default_factory=dict)
    collections: Mapping[str, Collection] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownAnswers:
    """How the model is kept from answering what a phrase has answered. `swap`: by another session that knows the truth,
    where one is at hand. Else the turn is hushed, and with `note` the old session is told in writing (a non-interactive
    USER text; not verified on the service)."""

    swap: bool = True
    note: bool = False


@dataclass(frozen=True, slots=True)
class WithoutModel:
    """What is left of a call that no model can serve: a menu of the keypad, and a target; each "" where there is
    none."""

    menu: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class Caps:
    """What one call may use; None: as much as it likes. Minutes are the caller's with us, tokens and money the model's
    and the carrier's as they are known until now. `then` says what becomes of a call that has used it up: `wrap_up`
    has the model come to an end within `grace` ms, `transfer` gives the caller to `target` (and wraps up where nobody
    is there), `end` says goodbye at once."""

    ms: int | None = None
    tokens: int | None = None
    money: Decimal | None = None  # in the price table's currency
    then: AtCap = "wrap_up"
    target: str = ""
    grace: int = 45_000


@dataclass(frozen=True, slots=True)
class CallFacts:
    """Who, where, when. Numbers stay whole here and are masked wherever they leave the process.

    Whoever placed the call, `caller` is the person we talk with and `called` a number of ours. `given` is what a call
    that we place is to know of that person: as private as a number."""

    call_sid: str
    caller: str
    called: str
    agent: str
    edition: str
    language: str
    started_at_ms: int  # wall clock, Unix milliseconds
    placed_by_us: bool = False
    given: Mapping[str, str] = field(default_factory=dict)


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
    tool_wait: int = 1_500  # a tool runs: the first "one moment"
    tool_wait_again: int = 6_000  # ... the next; each interval after is half as long again
    give_up_answer: int = 10_000
    silent_answer: int = 6_000  # an answer is owed, and the engine shows no sign of any kind
    known_failure: int = 1_500
    deaf_speech: int = 400
    deaf_quiet: int = 4_000
    leg_lost: int = 20_000  # wait for /twilio/next
    unheard_gap: int = 1_500  # nobody listened for so long: the caller may have said something
    mark_echo_grace: int = 2_000  # above what is left to play, before we stop waiting for a mark
    silence_prompt: int = 12_000  # neither side speaks: "are you still there?"
    silence_prompts: int = 2  # then a goodbye
    tool_limit: int = 20_000
    max_call: int = 3_600_000
    attach_limit: int = 5_000  # a cold open
    session_life: int = 480_000  # of a model session: in its last quarter another follows
    lent_unused: int = 30_000  # a session lent and not begun goes back, for a fresh one
    reply_grace: int = 3_000  # a renewal that can wait no longer waits for the rest of a reply
    ring_person: int = 45_000  # a person rings, listens and accepts: longer than any target's own ringing
    with_person: int = 14_400_000  # the carrier's own limit of a call
    guard_limit: int = 2_000  # until the line is guarded, or the secret is not asked for
    guard_tail: int = 500  # a tone may sound on after its key was told


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
    """`phrases` by id, in the call's first language; `tongues` the same for each language the agent speaks, that too.

    Ids the machine knows: greeting, wait (filler), sorry (recovery), still_there, goodbye, apology (we cannot go on),
    back_again (after a lost leg), repeat (please say that again), hold (while somebody is rung), transfer, closed,
    nobody_answered, leave_message, message_taken, try_again (wrong digits), language_changed, offline_notice (no model
    serves the call any more), press_a_key (what was said to a menu was not understood). A missing one is no error.
    """

    facts: CallFacts
    phrases: Mapping[str, Phrase]
    tongues: Mapping[str, Mapping[str, Phrase]] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    keypad: Keypad = field(default_factory=Keypad)
    messages: bool = False  # may take messages and note call-backs
    effects: frozenset[str] = frozenset()  # tools that change something in the world
    known: KnownAnswers = field(default_factory=KnownAnswers)
    without_model: WithoutModel = field(default_factory=WithoutModel)
    outbound: Outbound = field(default_factory=Outbound)  # of a call that we placed
    first_phrase: str = "greeting"  # what the caller hears first; "sorry" where a call had to start afresh
    opening: str = ""  # call facts for the model: the first USER block of every history
    greeting_prompt: str = ""  # live text that makes the model greet where the greeting has no audio
    frame_bytes: int = 160  # of `timings.frame` ms in the leg's format
    frame_silence: bytes = b"\xff"  # one byte of silence, to pad the last frame
    timings: Timings = field(default_factory=Timings)
    uplink: UplinkSettings = field(default_factory=UplinkSettings)
    prices: Prices = field(default_factory=Prices)
    caps: Caps = field(default_factory=Caps)
