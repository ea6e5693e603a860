"""Calls that we place ourselves: to people who are asked whether they take a caller."""

from typing import Protocol


class PhoneFailed(Exception):
    """The carrier did not do it. The message is safe for a log: it holds no number."""


class Phone(Protocol):
    """Calls we place ourselves."""

    async def ring(self, to: str, caller_id: str, attempt: str, ring_s: int) -> str:
        """Call a person; whoever answers is asked by the whisper of `attempt`. The CallSid. Raises `PhoneFailed`."""
        ...

    async def hang_up(self, call_sid: str) -> None:
        """End a call in any state; one that is over is fine. Raises `PhoneFailed`."""
        ...

    async def say_and_hang_up(self, call_sid: str, text: str, language: str) -> None:
        """Say a last sentence to a live call. Raises `PhoneFailed`."""
        ...

    async def send_onward(self, call_sid: str, attempt: str) -> None:
        """Take a caller out of wherever they are, to ask what follows. Raises `PhoneFailed`."""
        ...
