"""WebSocket frames by hand, checked against the `websockets` library on the other end."""

import pytest
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from app.simulator.load.frames import CLOSE, TEXT, Deframer, FrameError, frame, upgrade


def opened_server() -> ServerProtocol:
    server = ServerProtocol()
    server.receive_data(upgrade("127.0.0.1:80", "/twilio/media"))
    (request,) = server.events_received()
    server.send_response(server.accept(request))  # type: ignore[arg-type]
    return server


@pytest.mark.parametrize("size", [0, 5, 125, 126, 380, 65_535])
def test_a_server_reads_the_texts_we_write(size: int) -> None:
    server = opened_server()
    server.receive_data(frame(b"x" * size))
    (read,) = server.events_received()
    assert isinstance(read, Frame) and read.opcode is Opcode.TEXT and bytes(read.data) == b"x" * size


def test_a_server_reads_our_goodbye() -> None:
    server = opened_server()
    server.receive_data(frame((1000).to_bytes(2), CLOSE))
    server.events_received()
    assert server.close_rcvd is not None and server.close_rcvd.code == 1000


def test_texts_of_a_server_are_read_in_whatever_pieces_they_come() -> None:
    server = opened_server()
    server.data_to_send()
    texts = [b"a", b"b" * 300, b"c" * 70_000]
    for text in texts:
        server.send_text(text)
    wire = b"".join(server.data_to_send())
    for step in (1, 7, len(wire)):
        deframer = Deframer()
        pieces = (wire[at : at + step] for at in range(0, len(wire), step))
        assert [read for piece in pieces for read in deframer.feed(piece)] == [(TEXT, text) for text in texts]


@pytest.mark.parametrize("head", [b"\x01\x02", b"\xc1\x02", b"\x81\x82"], ids=["fragment", "compressed", "masked"])
def test_what_a_telephone_does_not_read_is_refused(head: bytes) -> None:
    with pytest.raises(FrameError):
        list(Deframer().feed(head + b"ab"))
