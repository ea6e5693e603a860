"""Keys nobody asked for: the keys of one input reach the model as one line of text."""

END_OF_INPUT = "#"
NEXT_KEY_MS = 1_000  # how long another key may take
MOST_KEYS = 32


class Keys:
    def __init__(self) -> None:
        self._pressed = ""
        self._due: int | None = None

    @property
    def pressed(self) -> bool:
        """An input has begun."""
        return bool(self._pressed)

    def press(self, key: str, now: int) -> None:
        self._pressed = (self._pressed + key)[-MOST_KEYS:]
        self._due = now if key == END_OF_INPUT else now + NEXT_KEY_MS

    def take(self, now: int) -> str | None:
        """The input as text for the model, once no more keys are to be expected."""
        if self._due is None or now < self._due:
            return None
        pressed, self._pressed, self._due = self._pressed, "", None
        return f"(The caller pressed these keys on the telephone: {' '.join(pressed)})"

    def deadline(self) -> int | None:
        return self._due
