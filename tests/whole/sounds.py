"""What sounds in these calls: a phrase of the house, a sentence of the model, the carrier's own voice.

Each has a name and a pitch, by which a recording of the telephone is read (`app.simulator.tonal`).
"""

from typing import Any

from app.simulator.tonal import Tones

PHRASES = {  # by wording: name, Hz, ms
    "Harbour Parcels, hello!": ("greeting", 400, 600),
    "One moment.": ("wait", 500, 400),
    "Sorry, I lost my thread.": ("sorry", 600, 500),
    "Are you there?": ("still_there", 700, 400),
    "Please say that again.": ("repeat", 800, 500),
    "There you are again.": ("back_again", 900, 500),
    "Thank you, goodbye!": ("goodbye", 1_000, 1_240),
    "Our line is out of order. Goodbye.": ("apology", 1_100, 700),
    "All lines are busy. Goodbye.": ("busy", 1_200, 600),
    "We open at ten.": ("hours", 1_400, 900),
    "Harbour Parcels, good day!": ("edited greeting", 2_200, 600),
    "Thank you, and fair winds!": ("edited goodbye", 2_300, 800),
    "Please enter your card number, then press pound.": ("ask_card", 2_400, 900),
    "That was not right.": ("try_again", 2_500, 400),
    "I will put you through.": ("transfer", 2_600, 700),
    "Hold the line, please.": ("hold", 2_700, 600),
    "Nobody could take your call.": ("nobody_answered", 2_800, 700),
    "Please speak after the tone.": ("leave_message", 2_900, 700),
    "We have your message.": ("message_taken", 3_000, 600),
    "Our assistant is out of order, I only take keys.": ("offline_notice", 2_100, 700),
    "Hours, press one. A person, press zero.": ("offline_menu", 3_100, 800),
    "Please press a key.": ("press_a_key", 3_200, 400),
    "This is Harbour Parcels, about your parcel.": ("about_your_parcel", 3_300, 1_000),
    "Your parcel is here, please call us back.": ("voicemail_message", 3_400, 1_500),
}
CARRIER = ("carrier", 1_300, 600)  # what Twilio's own voice says that is no phrase of ours
REPLIES = {name: 1_500 + 100 * place for place, name in enumerate(("one", "two", "three", "four", "five", "six"))}
STAMMER_MS = 1_000  # A busy machine's server is late at times. How late it may be is measured, not asserted here.
TONES = Tones(PHRASES, CARRIER, REPLIES, breath_ms=STAMMER_MS)


def sentence(name: str, seconds: float = 0.8, text: str = "") -> dict[str, Any]:
    """A sentence of the scripted model, as its script has it."""
    return {"text": text or f"This is sentence {name}.", "tone": REPLIES[name], "seconds": seconds}


def turn(heard: str, *sentences: dict[str, Any] | str, **more: Any) -> dict[str, Any]:
    """What the scripted model makes of one utterance of the caller, and what it says to it."""
    said = [sentence(spoken) if isinstance(spoken, str) else spoken for spoken in sentences]
    return {"heard": heard, "say": said} | more
