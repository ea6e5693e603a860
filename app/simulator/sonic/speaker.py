"""When each piece of a reply leaves, and what of it was still unheard when the caller took the floor.

Audio is generated faster than real time, so it leaves in chunks at `speed` times the rate at which it will be played.
The client is taken to play each chunk as soon as it has it and the chunk before it has ended: `playing_until_ms` says
when the last one will be over. Until then speech or live text interrupts the reply; what was generated but not yet
played by then was never said, and what was not yet generated never is.

FINAL texts come late: after a sentence has been generated, and played, and a while more.
"""

from collections import deque
from dataclasses import dataclass

from app.simulator.mind import Say, Sentence
from app.simulator.sonic.manner import Manner


@dataclass(frozen=True, slots=True)
class SentenceBegan:
    text: str
    first: bool  # of its reply


@dataclass(frozen=True, slots=True)
class Chunk:
    pcm: bytes


@dataclass(frozen=True, slots=True)
class HalfSpoken:
    """Half of the audio of a reply's first sentence has left: the place where faults strike in the middle of a word."""


@dataclass(frozen=True, slots=True)
class SentenceEnded:
    end_of_turn: bool
    text: str


@dataclass(frozen=True, slots=True)
class FinalText:
    text: str
    end_of_turn: bool


Utterance = SentenceBegan | Chunk | HalfSpoken | SentenceEnded | FinalText


@dataclass(slots=True)
class _Final:
    text: str
    end_of_turn: bool
    due_ms: int
    play_from_ms: int
    play_to_ms: int


@dataclass(slots=True)
class _Sentence:
    sentence: Sentence
    first: bool
    end_of_turn: bool
    at: int = 0  # bytes sent
    begun: bool = False
    halved: bool = False
    play_from_ms: int = 0


class Speaker:
    """The one voice of a session. Give it replies, and ask at `next_deadline` what is due."""

    def __init__(self, manner: Manner, output_rate: int) -> None:
        self._manner = manner
        self._bytes_per_ms = output_rate // 500
        self._step_ms = max(1, round(manner.chunk_ms / manner.speed))
        self._waiting: deque[_Sentence] = deque()
        self._finals: list[_Final] = []
        self._next_ms = 0
        self._reply_open = False
        self.playing_until_ms = 0

    def say(self, say: Say, now_ms: int) -> None:
        """Put sentences behind what is still waiting; the first chunk is due at once if nothing is."""
        if not self._waiting:
            self._next_ms = max(now_ms, self._next_ms)
        for index, sentence in enumerate(say.sentences):
            last = say.last and index == len(say.sentences) - 1
            self._waiting.append(_Sentence(sentence, not self._reply_open, last))
            self._reply_open = True
        if say.last:
            self._reply_open = False

    def stall(self, ms: int, now_ms: int) -> None:
        """Nothing is generated for `ms`."""
        self._next_ms = max(now_ms, self._next_ms) + ms

    def next_deadline(self) -> int | None:
        deadlines = [final.due_ms for final in self._finals]
        if self._waiting:
            deadlines.append(self._next_ms)
        return min(deadlines, default=None)

    def due(self, now_ms: int) -> list[Utterance]:
        """All that leaves by `now_ms`, in order."""
        out: list[Utterance] = []
        while self._waiting and self._next_ms <= now_ms:
            self._advance(self._waiting[0], out)
        late = [final for final in self._finals if final.due_ms <= now_ms]
        if late:
            self._finals = [final for final in self._finals if final.due_ms > now_ms]
            out += [FinalText(final.text, final.end_of_turn) for final in late]
        return out

    def _advance(self, current: _Sentence, out: list[Utterance]) -> None:
        pcm = current.sentence.pcm
        if not current.begun:
            current.begun = True
            current.play_from_ms = max(self._next_ms, self.playing_until_ms)
            out.append(SentenceBegan(current.sentence.text, current.first))
        chunk = pcm[current.at : current.at + self._manner.chunk_ms * self._bytes_per_ms]
        if chunk:
            current.at += len(chunk)
            out.append(Chunk(chunk))
            self.playing_until_ms = max(self._next_ms, self.playing_until_ms) + len(chunk) // self._bytes_per_ms
        if current.first and not current.halved and current.at * 2 >= len(pcm):
            current.halved = True
            out.append(HalfSpoken())
        if current.at >= len(pcm):
            self._finish(current, out)
        self._next_ms += self._step_ms

    def _finish(self, current: _Sentence, out: list[Utterance]) -> None:
        out.append(SentenceEnded(current.end_of_turn, current.sentence.text))
        self._waiting.popleft()
        due = max(self._next_ms, self.playing_until_ms) + self._manner.final_delay_ms
        self._finals.append(
            _Final(
                current.sentence.text,
                current.end_of_turn,
                due,
                current.play_from_ms,
                self.playing_until_ms,
            )
        )

    def interrupt(self, now_ms: int) -> bool:
        """Give up the reply. True when some of it is out and not yet played: then the client must be told."""
        begun = bool(self._waiting) and self._waiting[0].begun
        told = begun or now_ms < self.playing_until_ms
        if begun:
            self._keep_heard_part(self._waiting[0], now_ms)
        self._waiting.clear()
        self._reply_open = False
        self._finals = [heard for final in self._finals if (heard := self._as_heard(final, now_ms))]
        self.playing_until_ms = min(now_ms, self.playing_until_ms)
        self._next_ms = now_ms
        return told

    def _keep_heard_part(self, current: _Sentence, now_ms: int) -> None:
        whole_ms = len(current.sentence.pcm) // self._bytes_per_ms
        play_to = current.play_from_ms + whole_ms
        due = now_ms + self._manner.final_delay_ms
        self._finals.append(_Final(current.sentence.text, True, due, current.play_from_ms, play_to))

    def _as_heard(self, final: _Final, now_ms: int) -> _Final | None:
        """The FINAL text of an interrupted reply holds only what was played by then, cut at a word."""
        if now_ms >= final.play_to_ms:
            return final
        if now_ms <= final.play_from_ms:
            return None
        words = final.text.split()
        share = (now_ms - final.play_from_ms) / (final.play_to_ms - final.play_from_ms)
        heard = " ".join(words[: int(len(words) * share)])
        due = now_ms + self._manner.final_delay_ms
        return _Final(heard, True, due, final.play_from_ms, now_ms) if heard else None

    def flush_finals(self) -> list[FinalText]:
        """All late texts now: the session is ending."""
        finals, self._finals = self._finals, []
        return [FinalText(final.text, final.end_of_turn) for final in finals]
