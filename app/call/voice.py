"""What we say, joined to what of it was heard: phrases go into the playout and the account under one key, and whatever
the playout learns of the ear is told to the account."""

from collections.abc import Callable, Iterable

from app.call.history import Account, Line
from app.call.playout import Heard, Playout
from app.call.setup import CallSetup, Phrase


class Voice:
    """`note(what, detail)` is told of each phrase said, and once of each that has no audio."""

    def __init__(self, setup: CallSetup, note: Callable[[str, str], None]) -> None:
        self.playout = Playout(setup.frame_bytes, setup.frame_silence, setup.timings)
        self.account = Account()
        self.heard_more = False  # since this was last set to False
        self.language = setup.facts.language
        self._phrases = setup.phrases
        self._tongues = setup.tongues
        self._note = note
        self._said = 0
        self._missing: set[str] = set()

    # --- saying ---------------------------------------------------------------------------------------------------

    def say(self, name: str, first: bool = False, answers: bool = False) -> bool:
        """Play a phrase after (or before) what is in hand. False where it has no audio. `answers`: by itself, what the
        caller has just said."""
        phrase = self.phrase(name)
        if phrase is None or phrase.audio is None:
            return False
        self._said += 1
        key = f"phrase {self._said}"
        self.account.phrase(key, phrase.text)
        self.playout.say(key, phrase.audio, phrase.interruptible, first, answers)
        self._note("phrase", name)
        return True

    def phrase(self, name: str) -> Phrase | None:
        """As it is said now: in the present language, or in the first where that has none. None without audio."""
        phrase = self._tongues.get(self.language, self._phrases).get(name)
        if phrase is not None and phrase.audio:
            return phrase
        phrase = self._phrases.get(name)
        if phrase is None or not phrase.audio:
            self._note_once("phrase missing", name)
            return None
        self._note_once("phrase not translated", f"{name} {self.language}")
        return phrase

    def fill(self, name: str, now: int) -> bool:
        """A line into a silence; where anything of ours still sounds, none is needed. False where it has no audio."""
        return not self.playout.silent(now) or self.say(name, first=True)

    def begin(self, session: int, content: str) -> None:
        """A content of the model's speech: what was planned before it is said now."""
        self.account.speak(_key(session, content), session)

    def speak(self, session: int, content: str, audio: bytes) -> None:
        self.playout.append(_key(session, content), audio)

    def end(self, session: int, content: str) -> None:
        self.playout.end(_key(session, content))

    def break_off(self) -> None:
        """The model will say no more of what it had begun or planned."""
        self.account.forget_plans()
        self.playout.end_all()

    # --- hearing --------------------------------------------------------------------------------------------------

    def echoed(self, mark: str, now: int) -> None:
        self._tell(self.playout.echoed(mark, now))

    def lapse(self, now: int) -> bool:
        """Take marks that should long have come for heard. True where there were any."""
        heard = self.playout.lapse(now)
        self._tell(heard)
        return bool(heard)

    def hold(self, now: int) -> bool:
        """Take back what was not heard. True where some of it was already at the telephone, which must be cleared."""
        sounding = self.playout.in_flight > 0
        self._tell(self.playout.hold(now))
        return sounding

    def drop(self, now: int) -> int:
        """What was not heard is not said. Its length in ms."""
        cut_ms, heard = self.playout.drop(now)
        self._tell(heard, settled=True)
        return cut_ms

    def move(self, leg: int | None, now: int) -> None:
        self._tell(self.playout.move(leg, now))

    def transcript(self, now: int) -> list[Line]:
        """What was said and heard until now."""
        self.measure(now)
        return self.account.lines()

    def measure(self, now: int) -> None:
        """Tell the account how far the ear is, by estimate."""
        for piece in self.playout.report(now):
            self.account.heard(piece.key, piece.heard_ms, piece.arrived_ms, piece.complete)

    def _note_once(self, what: str, detail: str) -> None:
        if detail not in self._missing:
            self._missing.add(detail)
            self._note(what, detail)

    def _tell(self, pieces: Iterable[Heard], settled: bool = False) -> None:
        for piece in pieces:
            self.account.heard(piece.key, piece.heard_ms, piece.arrived_ms, piece.complete)
            if settled or piece.whole:
                self.account.settled(piece.key)
            self.heard_more = True


def _key(session: int, content: str) -> str:
    return f"{session}:{content}"
