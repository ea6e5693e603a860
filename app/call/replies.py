"""Which of the model's contents may be heard.

The protocol has no cancel: to hush a reply is to stop listening to it. A **reply** opens with its first content and is
over with `END_TURN`, an interruption, or the caller's next turn. A content begun before an interruption is stale for
good, known by its id and never by time. A **hushed** reply is one the model goes on making though we cut it (a key, a
goodbye): each content it still begins is stale too, until the reply is over.

A **hushed turn** is one that a phrase has answered: nothing the model says to it is heard, whether it has begun or not,
until the end of its last audio, the caller's next turn, or a text of ours. A tool opened in it puts that end off: what
the model says of the tool's answer belongs to the same turn.
"""


class Replies:
    def __init__(self) -> None:
        self.open = False  # a reply is being made
        self.hushed = False  # ... and nobody will hear it
        self.muted = False  # nothing of the model is heard any more: the call is ending
        self.voiced = False  # audio of the open reply has arrived
        self.turn_hushed = False  # a phrase has answered this turn
        self._tools = 0  # opened in the hushed turn and not answered
        self._passing: set[str] = set()  # contents whose end is not the end of the hushed turn: a tool came after them
        self._live: set[str] = set()
        self._stale: set[str] = set()

    @property
    def audible(self) -> bool:
        """A reply is being made that the caller is to hear."""
        return self.open and not self.hushed and not self.muted

    def admits(self, content: str) -> bool:
        """May this content be heard? Asked at its start and for each piece of its audio."""
        if content in self._live:
            return True
        if content in self._stale:
            return False
        if self.muted or self.turn_hushed or (self.open and self.hushed):
            self._stale.add(content)
            return False
        if not self.open:
            self.open, self.hushed, self.voiced = True, False, False
        self._live.add(content)
        return True

    def end(self, content: str, ends_turn: bool) -> bool:
        """A content closed. True where that ends a reply."""
        if content in self._stale:
            if ends_turn and self.turn_hushed and not self._tools and content not in self._passing:
                self._end_hush()
            if not (ends_turn and self.hushed):
                return False  # the end of a reply that was over before
        elif content not in self._live:
            return False
        self._live.discard(content)
        if ends_turn:
            self._over()
        return ends_turn

    def over(self) -> None:
        """Interrupted, or the caller's next turn: all begun until now is stale, what begins from now on is new."""
        self._stale |= self._live
        self._live.clear()
        self._end_hush()
        self._over()

    def complete(self) -> None:
        """The model's turn is over, whatever of it is still to come as audio."""
        self._over()

    def hush(self) -> None:
        """The reply was cut without the model's knowledge."""
        self._stale |= self._live
        self._live.clear()
        self.hushed = self.open

    def hush_turn(self) -> None:
        """A phrase answers what the caller has just said: nothing the model says to it is heard."""
        self.over()
        self.turn_hushed = True
        self._passing = set(self._stale)

    def asked(self) -> None:
        """We have told the model something in writing: what it begins now is its answer to that."""
        self._end_hush()

    def tool_opened(self) -> None:
        self._tools += self.turn_hushed

    def tool_answered(self) -> None:
        if self._tools:
            self._tools -= 1
            self._passing |= self._stale

    def mute(self) -> None:
        self.hush()
        self.muted = True

    def unmute(self) -> None:
        """What was begun meanwhile stays unheard."""
        self.over()
        self.muted = False

    def forget(self) -> None:
        """Another session: its contents share nothing with the last one's."""
        self._live.clear()
        self._stale.clear()
        self._end_hush()
        self._over()

    def _end_hush(self) -> None:
        self.turn_hushed = False
        self._tools = 0
        self._passing.clear()

    def _over(self) -> None:
        self.open = self.hushed = self.voiced = False
