"""The line: echo, noise, lateness, loss."""

import random

import audioop
import numpy as np
import pytest

from app.audio.g711 import encode
from app.audio.tones import sine
from app.simulator.twilio.line import FRAME_BYTES, QUIET_FRAME, Delivery, Line, LineOptions


def db(mulaw: bytes) -> float:
    return float(20 * np.log10(max(1, audioop.rms(audioop.ulaw2lin(mulaw, 2), 2)) / 32_768))


def frames(ms: int, dbfs: float = -20.0) -> list[bytes]:
    mulaw = encode(sine(440, ms, dbfs).tobytes())
    return [mulaw[i : i + FRAME_BYTES] for i in range(0, len(mulaw), FRAME_BYTES)]


def test_a_clean_line_carries_the_very_bytes() -> None:
    line = Line(LineOptions())
    assert all(line.carry(frame, QUIET_FRAME) is frame for frame in frames(100))


@pytest.mark.parametrize("echo_db", [-20, -35])
@pytest.mark.parametrize("echo_ms", [60, 300])
def test_what_is_played_comes_back_so_late_and_so_much_weaker(echo_db: int, echo_ms: int) -> None:
    line = Line(LineOptions(echo_db=echo_db, echo_ms=echo_ms))
    returned = [line.carry(QUIET_FRAME, frame) for frame in frames(1000, -10)]
    before, after = returned[: echo_ms // 20], returned[echo_ms // 20 :]
    assert all(frame == QUIET_FRAME for frame in before)
    assert db(b"".join(after)) == pytest.approx(-10 + echo_db, abs=1)


def test_noise_has_its_level_and_is_the_same_again() -> None:
    def noise(seed: int) -> bytes:
        line = Line(LineOptions(noise_db=-45, seed=seed))
        return b"".join(line.carry(QUIET_FRAME, QUIET_FRAME) for _ in range(200))

    assert db(noise(1)) == pytest.approx(-45, abs=1)
    assert noise(1) == noise(1) != noise(2)


def due(options: LineOptions, count: int) -> list[int | None]:
    delivery = Delivery(options)
    return [delivery.due_ms(index) for index in range(count)]


def test_a_frame_is_delivered_when_it_is_complete() -> None:
    assert due(LineOptions(), 3) == [20, 40, 60]


def test_bursts_hold_frames_back_and_hand_them_over_together() -> None:
    assert due(LineOptions(burst_frames=3), 6) == [60, 60, 60, 120, 120, 120]


def test_a_stall_holds_everything_until_it_is_over() -> None:
    assert due(LineOptions(stall_at_ms=50, stall_ms=100), 8) == [20, 40, 150, 150, 150, 150, 150, 160]


def test_lateness_never_reorders_and_is_never_early() -> None:
    times = [time or 0 for time in due(LineOptions(late_ms=100, seed=random.Random(1).randrange(99)), 200)]
    assert times == sorted(times)
    assert all(20 * i + 20 <= time <= 20 * i + 140 for i, time in enumerate(times))


def test_so_many_frames_are_lost() -> None:
    lost = due(LineOptions(drop_share=0.2), 1000).count(None)
    assert 150 < lost < 250
