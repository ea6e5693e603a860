"""A labelled set for the speech detector: scenes of a telephone line of which we know when somebody speaks.

A scene is what the line carries, what we play meanwhile, and where speech truly is. It is made of clean utterances
(mono, 8000 Hz, brought to `SPEECH_DBFS`), noise, tones and echo paths, and always goes through mu-law, as a call does.

*True onset*: the first sample over -40 dBFS within the first 10 ms whose RMS is over -40 dBFS too, that is 20 dB under
the level of the voice. (The first sample alone would do on a clean line. But "five" may begin with 80 ms of breath at
-45 dBFS in which single samples reach -40; in noise 20 dB under the voice that breath is under the noise.)
*Decided*: the end of the 20 ms push at which the detector said so; the delay counts from the true onset.
*Missed*: not decided within `LATEST_MS`, nor before the utterance ended. *False start*: decided where nobody speaks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.audio import g711, tones
from app.audio.clip import Clip, levelled
from app.audio.tones import Samples
from app.audio.transcoder import Transcoder
from app.audio.vad import SpeechBegan, SpeechStopped

RATE = 8_000
SPEECH_DBFS = -20.0
ONSET_DBFS = -40.0
LATEST_MS = 500
EARLIEST_MS = 150  # a breath before the true onset may be heard on a quiet line
_FRAME = 160


@dataclass(frozen=True, slots=True)
class Spoken:
    """Where somebody speaks, in samples of the line: true onset and last sample over -40 dBFS."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """`line` and `played` are int16 at 8000 Hz; `played` is what the telephone plays at the same moment."""

    name: str
    line: Samples
    spoken: tuple[Spoken, ...] = ()
    played: Samples | None = None


@dataclass(frozen=True, slots=True)
class Echo:
    """How what we play comes back: `loss_db` weaker, `delay_ms` later, smeared over 15 ms."""

    loss_db: float
    delay_ms: int

    def of(self, played: Samples) -> Samples:
        path = np.zeros((self.delay_ms + 16) * RATE // 1000)
        at = self.delay_ms * RATE // 1000
        path[at], path[at + 32], path[at + 88] = 0.9, 0.4, -0.18  # together 0 dB
        length = len(played)
        returned = np.zeros(length)
        for delay in np.flatnonzero(path):
            returned[delay:] += path[delay] * played[: length - delay]
        return tones.to_samples(returned * 10 ** (-self.loss_db / 20))


@dataclass(frozen=True, slots=True)
class Score:
    """What came of one scene or of several; delays and errors in ms."""

    spoken: int = 0
    missed: int = 0
    false_starts: int = 0
    minutes: float = 0.0
    delays: tuple[float, ...] = ()  # true onset to decision
    onset_errors: tuple[float, ...] = ()  # what the detector dates the onset to, less the true onset
    end_errors: tuple[float, ...] = ()  # the same of the end, where the utterance was one piece
    names: tuple[str, ...] = field(default=(), repr=False)  # where something was missed or falsely heard

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.spoken + other.spoken,
            self.missed + other.missed,
            self.false_starts + other.false_starts,
            self.minutes + other.minutes,
            self.delays + other.delays,
            self.onset_errors + other.onset_errors,
            self.end_errors + other.end_errors,
            self.names + other.names,
        )

    def delay(self, percentile: float) -> float:
        return float(np.percentile(self.delays, percentile)) if self.delays else float("nan")

    @property
    def false_per_10_min(self) -> float:
        return self.false_starts * 10 / self.minutes if self.minutes else 0.0


def onset_of(speech: Samples) -> Spoken | None:
    """The true onset and end of clean speech; None where there is none."""
    loud = np.abs(speech.astype(np.int32)) > tones.from_db(ONSET_DBFS)
    power = np.concatenate(([0.0], np.cumsum(np.square(speech, dtype=np.float64))))
    window = RATE // 100
    sustained = (power[window:] - power[:-window]) / window > tones.from_db(ONSET_DBFS) ** 2
    if not sustained.any():
        return None
    first = int(sustained.argmax())
    return Spoken(first + int(loud[first:].argmax()), len(loud) - int(loud[::-1].argmax()))


def prepared(clips: Iterable[Clip]) -> list[Samples]:
    """Utterances of 8000 Hz at the level of the set."""
    return [levelled(clip, SPEECH_DBFS).samples for clip in clips]


def lined_up(utterances: Sequence[Samples], seed: int, gap_ms: int = 1_200, lead_ms: int = 1_500) -> Scene:
    """Clean speech: one utterance after another with pauses between, at any offset to the frames."""
    random = np.random.default_rng(seed)
    parts, spoken, at = [tones.silence(lead_ms)], [], lead_ms * RATE // 1000
    for utterance in utterances:
        truth = onset_of(utterance)
        if truth:
            spoken.append(Spoken(at + truth.start, at + truth.end))
        pause = np.zeros(gap_ms * RATE // 1000 + int(random.integers(_FRAME)), np.int16)
        parts += [utterance, pause]
        at += len(utterance) + len(pause)
    return Scene("speech", np.concatenate(parts), tuple(spoken))


def in_noise(scene: Scene, kind: str, snr_db: float, seed: int) -> Scene:
    """The scene with `white`, `pink` or `babble` noise `snr_db` under the level of its speech."""
    noise = noise_of(kind, len(scene.line) * 1000 // RATE + 1, SPEECH_DBFS - snr_db, seed)
    line = tones.mix(scene.line, noise[: len(scene.line)])
    return Scene(f"{scene.name}, {kind} at {snr_db:g} dB", line, scene.spoken, scene.played)


def noise_of(kind: str, ms: int, dbfs: float, seed: int) -> Samples:
    makers = {"white": tones.white, "pink": tones.pink, "babble": tones.babble}
    return makers[kind](ms, dbfs, seed)


def with_echo(scene: Scene, played: Samples, echo: Echo) -> Scene:
    """The scene while the bot speaks and is echoed. `played` is repeated as long as the scene lasts."""
    played = np.resize(played, len(scene.line))
    name = f"{scene.name}, echo at -{echo.loss_db:g} dB after {echo.delay_ms} ms"
    return Scene(name, tones.mix(scene.line, echo.of(played)), scene.spoken, played)


def hiss(ms: int, dbfs: float = -65.0, seed: int = 0) -> Scene:
    """A good line on which nobody speaks."""
    return Scene("hiss", tones.white(ms, dbfs, seed))


def keys_and_signals(dbfs: float, seed: int, hiss_dbfs: float = -60.0) -> Scene:
    """About two minutes: every key, short and long, and the call progress signals, one after another."""
    keys = "".join(tones.DTMF)
    parts = [tones.silence(1_000)]
    parts += [tones.dtmf(keys, on, off, dbfs) for on, off in ((50, 50), (80, 70), (120, 133), (400, 217))]
    for name in tones.SIGNALS:
        parts += [tones.signal(name, 8_000, dbfs), tones.silence(2_003)]
    line = np.concatenate(parts)
    return Scene(f"tones at {dbfs:g} dBFS", tones.mix(line, tones.white(len(line) // 8, hiss_dbfs, seed)))


def evaluate(scene: Scene, transcoder: Transcoder | None = None) -> Score:
    """Send a scene through a transcoder (a telephone's, unless given) frame by frame and mark what it says."""
    ears = transcoder or Transcoder("mulaw", RATE, RATE, RATE)
    begun, stopped = _heard(scene, ears)
    found = [_first_within(spoken, begun) for spoken in scene.spoken]
    hits = [(spoken, at) for spoken, at in zip(scene.spoken, found, strict=True) if at is not None]
    false = [at for at, _ in begun if not any(_near(spoken, at) for spoken in scene.spoken)]
    ends = [min((stop - spoken.end for stop in stopped), key=abs, default=0) for spoken, _ in hits]
    deaf = [spoken for spoken, at in zip(scene.spoken, found, strict=True) if at is None]
    names = [f"missed at {spoken.start / RATE:.2f} s in {scene.name}" for spoken in deaf]
    names += [f"falsely heard at {at / RATE:.2f} s in {scene.name}" for at in false]
    return Score(
        spoken=len(scene.spoken),
        missed=len(deaf),
        false_starts=len(false),
        minutes=len(scene.line) / RATE / 60,
        delays=tuple((at[0] - spoken.start) * 1000 / RATE for spoken, at in hits),
        onset_errors=tuple((at[1] - spoken.start) * 1000 / RATE for spoken, at in hits),
        end_errors=tuple(end * 1000 / RATE for end in ends),
        names=tuple(names),
    )


def _heard(scene: Scene, ears: Transcoder) -> tuple[list[tuple[int, int]], list[int]]:
    """Begun: (decided, dated) of each; stopped: the date of each; in samples."""
    line = g711.encode(scene.line.astype("<i2").tobytes())
    played = g711.encode(scene.played.astype("<i2").tobytes()) if scene.played is not None else b""
    begun, stopped = [], []
    for at in range(0, len(line) - _FRAME + 1, _FRAME):
        ears.played(played[at : at + _FRAME])
        edge = ears.push(line[at : at + _FRAME]).edge
        now = at + _FRAME
        if isinstance(edge, SpeechBegan):
            begun.append((now, now - edge.ago_ms * RATE // 1000))
        elif isinstance(edge, SpeechStopped):
            stopped.append(now - edge.ago_ms * RATE // 1000)
    return begun, stopped


def _near(spoken: Spoken, at: int) -> bool:
    return spoken.start - EARLIEST_MS * RATE // 1000 <= at <= spoken.end + _FRAME * 3


def _first_within(spoken: Spoken, begun: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    latest = min(spoken.end, spoken.start + LATEST_MS * RATE // 1000)
    return next((b for b in begun if _near(spoken, b[0]) and b[0] <= latest), None)
