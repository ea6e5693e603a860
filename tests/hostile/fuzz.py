"""The same doors under a fuzzer that sees which branches it reaches: `make fuzz`, which fetches atheris for itself.

Each input's first byte chooses the door, the rest is what is put through it. An exception other than the door's own
ends the run and leaves the input in a file.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module

atheris = import_module("atheris")

with atheris.instrument_imports(include=["app"]):
    from app.call import journal
    from app.content.faults import ContentError
    from app.content.page import read_page
    from app.engines.nova_sonic import events
    from app.engines.nova_sonic.frames import Deframer, FrameError
    from app.engines.nova_sonic.reader import Reader
    from app.legs.twilio.messages import MessageError, parse, quick_media
    from app.tools.template import BadTemplate, Template
    from app.web.line import frame_size
    from app.web.twilio import Refused, form_fields, incoming_call


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def twilio(data: bytes) -> None:
    quick_media(text(data))
    parse(text(data))


def sonic(data: bytes) -> None:
    heard = events.parse(data)
    if heard is not None:
        list(Reader(1).read(heard))


def frames(data: bytes) -> None:
    for whole in Deframer().feed(data):
        whole.message()


DOORS: Sequence[tuple[Callable[[bytes], object], tuple[type[Exception], ...]]] = (
    (twilio, (MessageError,)),
    (sonic, (ValueError,)),
    (frames, (FrameError, ValueError)),
    (lambda data: incoming_call(form_fields(data)), (Refused,)),
    (lambda data: read_page(text(data), "page.yaml"), (ContentError,)),
    (lambda data: journal.read(text(data), journal.no_audio), (ValueError,)),
    (lambda data: Template(text(data)), (BadTemplate,)),
    (lambda data: frame_size(data, 0), ()),
)


def one(data: bytes) -> None:
    if not data:
        return
    door, errors = DOORS[data[0] % len(DOORS)]
    with suppress(*errors):
        door(data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
