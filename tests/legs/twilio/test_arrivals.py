"""How punctually the caller's frames come, told by the carrier's own count and clock."""

from itertools import count

import pytest

from app.legs.leg import LineMeasured
from app.legs.twilio.arrivals import EVERY, Arrivals

PAYLOAD = "f39/" * 53


def message(chunk: int, timestamp: int) -> str:
    return (
        f'{{"event":"media","sequenceNumber":"{chunk + 1}","media":{{"track":"inbound","chunk":"{chunk}",'
        f'"timestamp":"{timestamp}","payload":"{PAYLOAD}"}},"streamSid":"MZ1"}}'
    )


def told(arrivals: list[tuple[float, int]]) -> list[LineMeasured]:
    """`arrivals`: seconds at which each chunk came (its timestamp is what it should be)."""
    line = Arrivals(3)
    found = (line.frame(at_s, message(chunk, chunk * 20)) for at_s, chunk in arrivals)
    return [measured for measured in found if measured is not None]


def test_a_punctual_line_has_gaps_of_a_frame_and_no_delay() -> None:
    measured = told([(5 + chunk / 50, chunk) for chunk in range(1, 2 * EVERY + 2)])
    assert [(line.leg, line.missing) for line in measured] == [(3, 0), (3, 0)]
    assert [line.gap_s for line in measured] == pytest.approx([0.02, 0.02])
    assert [line.delay_s for line in measured] == pytest.approx([0, 0], abs=0.001)


def test_frames_that_never_came_are_counted_and_the_gap_they_left_is_seen() -> None:
    came = [chunk for chunk in range(1, 2 * EVERY + 12) if not 20 <= chunk < 30]
    first, second = told([(chunk / 50, chunk) for chunk in came])
    assert (first.missing, second.missing) == (10, 0)
    assert first.gap_s == pytest.approx(0.22)


def test_frames_that_come_in_a_burst_are_late_and_none_is_missing() -> None:
    held_up = {chunk: 1.5 for chunk in range(30, 76)}  # all at once
    first, _ = told([(held_up.get(chunk, chunk / 50), chunk) for chunk in range(1, 2 * EVERY + 2)])
    assert first.missing == 0
    assert first.delay_s == pytest.approx(1.5 - (EVERY + 1) / 50, abs=0.001)
    assert first.gap_s == pytest.approx(1.5 - 29 / 50)


def test_a_clock_that_runs_a_little_slower_than_ours_is_no_delay() -> None:
    ours = 1.00005  # an hour apart makes 180 ms
    measured = told([(chunk / 50 * ours, chunk) for chunk in range(1, 600 * EVERY)])
    assert max(line.delay_s for line in measured) < 0.002


def test_a_message_without_the_carrier_s_figures_tells_nothing() -> None:
    line, numbers = Arrivals(1), count(1)
    assert all(
        line.frame(next(numbers) / 50, '{"event":"media","media":{"payload":"f39/"}}') is None for _ in range(200)
    )
