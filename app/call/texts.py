"""Live text: what we tell the model in writing, answered like a turn of the caller.

Text that reaches a model while it speaks interrupts it, so each line waits until both sides are quiet; the machine says
when. A line that was sent and not answered is sent again to the next session.
"""

GO_ON = "(The line was interrupted for a moment. Please go on from where the caller last heard you.)"
BACK_AGAIN = "(The line was lost and is back. Say so in a few words, and go on.)"
SAY_AGAIN = "(What the caller said while the line was lost was not heard. Ask them in a few words to say it again.)"
STILL_THERE = "(The caller has been silent for a while. Ask in a few words whether they are still there.)"
WRAP_UP = (
    "(This call has to end within half a minute. Tell the caller so in one short sentence, say what is still open and "
    "where they can turn, and then end the call.)"
)
SAY_GOODBYE = "(The call is ending now. Say goodbye in one short sentence.)"
MESSAGE_TAKEN = (
    "(The caller has left a message for the staff, it is kept, and they have been told so. "
    "Ask in a few words whether there is anything else.)"
)
NO_MESSAGE = "(The caller was asked for a message and left none. Ask in a few words how you can help.)"
_REFUSALS = {"busy": "the line is busy", "declined": "the call was not taken", "no_answer": "nobody answered"}
NOTHING_CHOSEN = "(The caller chose nothing from the keypad's menu. Ask in a few words what you can do for them.)"

NOBODY_THERE = "(The caller pressed a key for a person who cannot be reached now. Say so, and offer your help.)"


def say_for_us(text: str) -> str:
    return f"(The caller pressed a key to hear this. Say it to them: {text})"


def go_on_after(text: str) -> str:
    return f'(The caller pressed a key. A recorded line told them: "{text}" Go on from there.)'


def entered(name: str, outcome: str) -> str:
    return f"(The caller was asked to enter {name} on the keypad. What came of it: {outcome})"


def told(text: str) -> str:
    return f'(A recorded line has answered the caller. They were told: "{text}" Do not answer this again.)'


def closed(target: str, messages: bool) -> str:
    return f"(The caller wants to speak to {target}, and nobody is there at this hour. Say so. {_instead(messages)})"


def nobody_took_it(target: str, result: str, messages: bool) -> str:
    why = _REFUSALS.get(result, "the connection failed")
    return (
        f"(The caller was to be put through to {target}: {why}. They are back with you and have been told so. "
        f"{_instead(messages)})"
    )


def never_mind(target: str) -> str:
    return f"(The caller does not want to wait for {target} any longer and is back with you. Ask how you can help.)"


def ring_lost(target: str) -> str:
    return f"(The caller waited for {target} and the line broke before anybody answered. Offer to try again.)"


def _instead(messages: bool) -> str:
    return "Offer to take a message or to note a call-back." if messages else "Offer to help them yourself."


def result_came_late(name: str, result: str) -> str:
    return f"(The tool {name} has answered now: {result})"


def result_lost(name: str) -> str:
    return f"(The tool {name} was broken off and has no result. If it is still needed, start it again.)"


class Texts:
    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._sent: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def waits_for_more_than(self, text: str) -> bool:
        return any(waiting != text for waiting in self._waiting)

    def ask(self, text: str) -> None:
        if text not in self._waiting:
            self._waiting.append(text)

    def withdraw(self, text: str) -> None:
        """The model has learnt it in another way."""
        self._waiting = [waiting for waiting in self._waiting if waiting != text]

    def send(self) -> str:
        """All that waits, as one text."""
        text = "\n".join(self._waiting)
        self._sent += self._waiting
        self._waiting = []
        return text

    def answered(self) -> None:
        self._sent = []

    def send_again(self) -> None:
        """The session is gone: what it did not answer waits for the next one."""
        self._waiting = self._sent + self._waiting
        self._sent = []

    def clear(self) -> None:
        self._waiting = []
        self._sent = []

    def unanswered(self) -> list[str]:
        return self._sent + self._waiting
