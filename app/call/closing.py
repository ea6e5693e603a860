"""The last words of a call: what is waited for before the telephone is hung up."""

from dataclasses import dataclass

from app.call.disposition import Disposition


@dataclass(slots=True)
class Closing:
    """A rendered goodbye is heard to its mark. Without one, the model's own is waited for, but not for ever."""

    disposition: Disposition
    waits_for_reply: bool
    until_ms: int  # a reply that has not begun by then will not come
    replied: bool = False

    def give_up_reply(self) -> None:
        self.waits_for_reply = False

    def over(self, now: int, idle: bool, silent: bool, reply_open: bool) -> bool:
        """`idle`: all of ours was heard; `silent`: nothing sounds, though more might come."""
        if not self.waits_for_reply or (self.replied and not reply_open):
            return idle
        return now >= self.until_ms and silent

    def deadline(self, now: int) -> int | None:
        return self.until_ms if self.waits_for_reply and now < self.until_ms else None
