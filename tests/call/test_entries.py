"""One entry at a time: what each key and each vain wait makes of it."""

import pytest

from app.call import commands as c
from app.call.dtmf import Keys
from app.call.entries import Asked, Offered, Verdict
from app.call.pad import Guard, Pad
from app.call.setup import Choice, Collection, Menu, Timings

MENU = Menu("main", "offer", {"1": Choice("say", "hours")}, wait_ms=6_000, retries=1)
PERSON = Choice("transfer", "workshop")


def verdicts(entry: Asked | Offered, keys: str) -> list[str]:
    """Of each key; `.` is a wait that brought nothing."""
    return [entry.lapse() if key == "." else entry.press(key) for key in keys]


@pytest.mark.parametrize(
    ("keys", "last"),
    [
        ("4712#", Verdict.DONE),
        ("471234#", Verdict.DONE),
        ("4712.", Verdict.DONE),
        ("47#", Verdict.WRONG),
        ("4712345#", Verdict.WRONG),
        ("4712345.", Verdict.WRONG),
        ("#", Verdict.ASK_AGAIN),
        (".", Verdict.ASK_AGAIN),
        ("47*", Verdict.CANCELLED),
        ("47A1", Verdict.OPEN),
        ("..", Verdict.NOTHING_ENTERED),
        (".47#", Verdict.WRONG_LENGTH),
        ("47#4712#", Verdict.DONE),
    ],
)
def test_four_to_six_digits_and_pound_with_one_more_try(keys: str, last: Verdict) -> None:
    entry = Asked(Collection("order", "ask", 4, 6, retries=1), None)
    assert verdicts(entry, keys)[-1] == last


def test_a_failed_try_leaves_no_digit_behind() -> None:
    entry = Asked(Collection("order", "ask", 4, 6), None)
    verdicts(entry, "47#4712#")
    assert entry.digits == "4712"


def test_the_length_alone_may_end_it() -> None:
    entry = Asked(Collection("pin", "ask", 4, 4, terminator=""), None)
    assert verdicts(entry, "4711") == [Verdict.OPEN] * 3 + [Verdict.DONE]


def test_a_star_may_be_the_end_and_then_it_cancels_nothing() -> None:
    entry = Asked(Collection("order", "ask", 2, 4, terminator="*"), None)
    assert verdicts(entry, "12*") == [Verdict.OPEN, Verdict.OPEN, Verdict.DONE]


def test_the_first_digit_is_waited_for_longer_than_the_next_and_nobody_hurries_who_hears_us() -> None:
    entry = Asked(Collection("order", "ask", first_ms=8_000, gap_ms=4_000), None)
    entry.wait(1_000)
    entry.wait(2_000)
    assert entry.due == 9_000
    entry.press("4")
    assert entry.due is None
    entry.wait(3_000)
    assert entry.due == 7_000


def test_a_menu_takes_its_keys_and_zero_and_gives_up_in_the_end() -> None:
    menu = Offered(MENU, PERSON)
    assert (menu.press("1"), menu.choice) == (Verdict.DONE, MENU.keys["1"])
    assert (menu.press("0"), menu.choice) == (Verdict.DONE, PERSON)
    assert verdicts(Offered(MENU, None), "01") == [Verdict.WRONG, Verdict.DONE]
    assert verdicts(Offered(MENU, None), "08") == [Verdict.WRONG, Verdict.UNKNOWN_KEY]
    assert verdicts(Offered(MENU, None), "..") == [Verdict.ASK_AGAIN, Verdict.NOTHING_ENTERED]


def test_a_menu_may_say_otherwise_of_zero() -> None:
    menu = Offered(Menu("main", "offer", {"0": Choice("hang_up")}), PERSON)
    menu.press("0")
    assert menu.choice == Choice("hang_up")


def test_the_guard_stays_for_the_tail_of_the_last_key() -> None:
    guard = Guard(Timings(guard_tail=500))
    assert guard.request(0) == [c.GuardCaller(True)]
    assert guard.awaited and guard.lifts_at(0) is None
    guard.stands()
    guard.pressed(4_000)
    guard.release(4_000)
    assert guard.lifts_at(4_000) == 4_500
    guard.pressed(4_300)
    assert guard.lifts_at(4_300) == 4_800
    assert guard.lift() == [c.GuardCaller(False)]
    assert guard.lift() == [] and guard.lifts_at(5_000) is None


def test_a_guard_that_saw_no_key_has_no_tail() -> None:
    guard = Guard(Timings())
    guard.request(0)
    guard.release(8_000)
    assert guard.lifts_at(8_000) == 8_000


def test_the_guard_stays_longer_where_the_rest_of_the_digits_may_come() -> None:
    guard = Guard(Timings(guard_tail=500))
    guard.request(0)
    guard.stands()
    guard.pressed(4_000)
    guard.release(8_000, broken_off=True)
    assert guard.lifts_at(8_000) == 11_000
    guard.pressed(10_000)
    assert guard.lifts_at(10_000) == 13_000


def test_digits_without_an_end_were_broken_off() -> None:
    entry = Asked(Collection("card", "ask", 4, 19, retries=0), None)
    assert verdicts(entry, "47.")[-1] == Verdict.WRONG_LENGTH and entry.broken_off
    for keys in (".", "4712#", "47*"):
        entry = Asked(Collection("card", "ask", 4, 19, retries=0), None)
        verdicts(entry, keys)
        assert not entry.broken_off


def test_tokens_are_never_given_twice_even_by_another_process() -> None:
    pad = Pad(Timings())
    first = pad.next_token("card")
    other = Pad(Timings())
    other.restore("", pad.secrets)
    assert other.next_token("card") != first


def test_stray_keys_become_one_text() -> None:
    keys = Keys()
    keys.press("1", 0)
    keys.press("2", 500)
    assert keys.pressed and keys.take(1_400) is None
    assert keys.take(1_500) == "(The caller pressed these keys on the telephone: 1 2)"
    assert not keys.pressed
