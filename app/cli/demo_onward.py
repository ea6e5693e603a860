"""The demo's words for what happens to a caller who is given to a person, or leaves a message."""

from collections.abc import Iterator, Mapping, Sequence

from app.call import commands as c
from app.call import events as e
from app.call.onward import OnwardResult

RESULTS: Mapping[str, str] = {
    OnwardResult.NO_ANSWER: "nobody answers",
    OnwardResult.BUSY: "the line is busy",
    OnwardResult.DECLINED: "the call is not taken",
}


def told_of(event: e.Event, commands: Sequence[c.Command]) -> Iterator[str]:
    """What one step of the call means for a transfer."""
    match event:
        case e.PersonAccepted():
            yield "the person takes the call"
        case e.PersonRefused(result=result):
            yield f"{RESULTS.get(result, 'it failed')}: the caller is back, and a new session knows all that was said"
        case e.OnwardEnded(result=OnwardResult.RECORDED):
            yield "the message is kept for staff; the caller is back"
    for command in commands:
        match command:
            case c.RingPerson(target=target, about=about):
                yield f"rings {target}, while the caller holds"
                if about.get("summary"):
                    yield f"whoever answers would hear: {about['summary']}"
            case c.Note("onward", way):
                yield f"the caller leaves the stream: {way}"


def told_outside(name: str, detail: Mapping[str, object]) -> tuple[str, str] | None:
    """Who does what, of the telephone's own events: only those outside a stream."""
    match name, detail:
        case "verb", {"verb": "Record"}:
            return "carrier", "beeps, and records"
        case "caller_speaks", {"line": line}:
            return "caller", f"{line}  (to the recording)"
        case "digit", {"digit": digit}:
            return "caller", f"presses {digit}"
        case "recorded", {"ms": int(ms)}:
            return "carrier", f"has recorded {ms / 1000:.1f} s"
    return None
