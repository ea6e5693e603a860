"""What a number should be told, and how far it is from it."""

import pytest

from app.legs.twilio.handling import Owned, changes_to, compare, handling, unfit

PUBLIC = "https://bot.example.com"
WANTED = handling(PUBLIC)


def number(phone_number: str = "+15035550199", **settings: str) -> Owned:
    return Owned("PN1", phone_number, "", True, settings)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://bot.example.com", ""),
        ("https://8.8.8.8/x", ""),
        ("http://bot.example.com", "not https"),
        ("https://bot_1.example.com", "underscore"),
        ("https://localhost", "reached"),
        ("https://bot", "reached"),
        ("https://bot.local", "reached"),
        ("https://127.0.0.1:8000", "reached"),
        ("https://10.0.0.4", "reached"),
        ("https://[::1]", "reached"),
        ("", "not https"),
    ],
)
def test_an_address_is_fit_for_twilio_or_it_is_said_why_not(url: str, problem: str) -> None:
    assert problem in unfit(url)
    assert bool(unfit(url)) == bool(problem)


def test_only_what_differs_is_changed() -> None:
    changes = changes_to(number(**{**WANTED, "voice_method": "GET"}), WANTED)
    assert [(change.field, change.now, change.then) for change in changes] == [("voice_method", "GET", "POST")]


def test_a_number_is_ours_by_its_route_or_by_its_path() -> None:
    numbers = [
        number("+15035550101", **WANTED),
        number("+15035550102", voice_url="https://old.example.com/twilio/voice/"),
        number("+15035550103", voice_url="https://other.example.com/answer"),
        number("+15035550104", voice_url="https://other.example.com/answer"),
        number("+15035550105", **WANTED, trunk_sid="TK1"),
    ]
    found = compare(numbers, WANTED, ["+15035550104", "+15035550199", "sip:bot@example.com"])
    assert [finding.state for finding in found.findings] == ["right", "drifted", "elsewhere", "drifted", "overridden"]
    assert [finding.number.phone_number[-1] for finding in found.wrong] == ["2", "4", "5"]
    assert any("+15035550199" in warning for warning in found.warnings) and not found.problems


def test_an_account_without_any_number_of_ours_is_a_problem() -> None:
    assert "no number" in compare([], WANTED, []).problems[0]
