"""Where a call stands: no state is a trap, none is out of reach, and what the table says is what the call has."""

from collections.abc import Mapping
from enum import StrEnum

import pytest

from app.call.course import LINE, SERVICE, Course, LineSign, Phase, Service, ServiceSign


@pytest.mark.parametrize(
    ("table", "first", "last"),
    [(LINE, Phase.RINGING, {Phase.ENDED}), (SERVICE, Service.NOBODY, {Service.GOODBYE})],
    ids=["line", "service"],
)
def test_every_state_can_be_reached_and_all_but_the_last_be_left(
    table: Mapping[tuple[StrEnum, StrEnum], StrEnum], first: StrEnum, last: set[StrEnum]
) -> None:
    assert set(table.values()) | {first} == set(type(first))
    assert {state for state, _ in table} == set(type(first)) - last


def test_whatever_happens_an_ended_call_stays_ended() -> None:
    course = Course()
    course.line(LineSign.OVER)
    for sign in LineSign:
        course.line(sign)
    assert course.phase is Phase.ENDED


def test_a_call_that_fell_from_the_model_never_comes_back_to_it() -> None:
    course = Course()
    course.serve(ServiceSign.ASKED)
    course.serve(ServiceSign.FELL)
    seen = {course.service}
    while seen != (further := seen | {to for (at, _), to in SERVICE.items() if at in seen}):
        seen = further
    assert seen == {Service.GIVEN_UP, Service.MENU, Service.SPENT, Service.PERSON, Service.GOODBYE}
    assert not course.with_model and course.fallen


def test_a_renewal_changes_nothing_for_the_caller_until_the_next_one_takes_over() -> None:
    course = Course()
    for sign in (ServiceSign.ASKED, ServiceSign.ATTACHED, ServiceSign.NEXT_ASKED):
        course.serve(sign)
    assert (course.service, course.served) == (Service.RENEWING, True)
    course.serve(ServiceSign.NEXT_GONE)
    assert course.service is Service.SERVED
    course.serve(ServiceSign.NEXT_ASKED)
    course.serve(ServiceSign.TOOK_OVER)
    assert course.service is Service.SERVED
