"""Which of the model's contents may be heard.

The protocol has no cancel: to hush a reply is to stop listening to it. A **reply** opens with its first content and is
over with `END_TURN`, an interruption, or the caller's next turn. A content begun before an interruption is stale for
good, known by its id and never by time. A **hushed** reply is one the model goes on making though we cut it (a key, a
goodbye): each content it still begins is stale too, until the reply is over.
"""


class Replies:
    def __init__(self) -> None:
        self.open = False  # a reply is being made
        self.hushed = False  # ... and nobody will hear it
        self.muted = False  # nothing of the model is heard any more: the call is ending
        self.voiced = False  # audio of the open reply has arrived
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
        if self.muted or (self.open and self.hushed):
            self._stale.add(content)
            return False
        if not self.open:
            self.open, self.hushed, self.voiced = True, False, False
        self._live.add(content)
        return True

    def end(self, content: str, ends_turn: bool) -> bool:
        """A content closed. True where that ends a reply."""
        if content in self._stale:
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
        self._over()

    def complete(self) -> None:
        """The model's turn is over, whatever of it is still to come as audio."""
        self._over()

    def hush(self) -> None:
        """The reply was cut without the model's knowledge."""
        self._stale |= self._live
        self._live.clear()
        self.hushed = self.open

    def mute(self) -> None:
        self.hush()
        self.muted = True

    def forget(self) -> None:
        """Another session: its contents share nothing with the last one's."""
        self._live.clear()
        self._stale.clear()
        self._over()

    def _over(self) -> None:
        self.open = self.hushed = self.voiced = False
