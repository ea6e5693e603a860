"""Where the time of one answered turn went."""

from typing import Literal

from app.call.commands import TurnMeasured


class Waterfall:
    """Follows one turn from the caller's last sound to our first frame."""

    def __init__(self) -> None:
        self.turns = 0
        self._stopped: int | None = None
        self._transcript: int | None = None
        self._text: int | None = None
        self._audio: int | None = None
        self._by: Literal["model", "phrase"] = "model"

    def caller_spoke(self) -> None:
        """More of the caller's turn: the end of it is still to come. After its transcript it is another turn."""
        if self._transcript is None:
            self._stopped = None
        else:
            self._reset()

    def caller_stopped(self, at: int) -> None:
        if self._transcript is None:
            self._stopped = at

    def transcript(self, now: int) -> None:
        if self._audio is not None:
            self._reset()
        if self._transcript is None:
            self._transcript = now

    def reply_text(self, now: int) -> None:
        if self._text is None:
            self._text = now

    def reply_audio(self, now: int) -> None:
        if self._audio is None:
            self._audio = now

    def phrase_answers(self) -> None:
        """A phrase answers this turn, not the model."""
        self._by = "phrase"

    def void(self) -> None:
        """The turn came to something that takes as long as somebody presses keys or is rung: what the model says to
        that tells nothing of us."""
        if self._by == "model":
            self._reset()

    def first_frame(self, now: int) -> TurnMeasured | None:
        """The first frame of an answer leaves. None where no turn of the caller came before it."""
        answered = self._stopped is not None or self._transcript is not None
        if not answered:
            self._reset()
            return None
        self.turns += 1
        measured = TurnMeasured(self.turns, self._stopped, self._transcript, self._text, self._audio, now, self._by)
        self._reset()
        return measured

    def _reset(self) -> None:
        self._stopped = self._transcript = self._text = self._audio = None
        self._by = "model"
