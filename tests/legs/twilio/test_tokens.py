"""The stream token."""

import pytest

from app.legs.twilio.tokens import LIFETIME_S, check, issue

NOW = 1_763_690_400


def test_a_fresh_token_is_good_for_its_own_call_and_purpose() -> None:
    token = issue("secret", "CA1", "media", NOW)
    assert check("secret", token, "CA1", "media", NOW) is None


@pytest.mark.parametrize(
    ("secret", "call", "purpose"), [("x", "CA1", "media"), ("secret", "CA2", "media"), ("secret", "CA1", "x")]
)
def test_another_secret_call_or_purpose_makes_it_forged(secret: str, call: str, purpose: str) -> None:
    assert check(secret, issue("secret", "CA1", "media", NOW), call, purpose, NOW) == "forged"


def test_it_is_good_to_its_last_second_and_expired_after_it() -> None:
    token = issue("secret", "CA1", "media", NOW)
    assert check("secret", token, "CA1", "media", NOW + LIFETIME_S) is None
    assert check("secret", token, "CA1", "media", NOW + LIFETIME_S + 1) == "expired"


def test_a_later_expiry_written_by_somebody_else_is_forged() -> None:
    expiry, rest = issue("secret", "CA1", "media", NOW).split(".", 1)
    assert check("secret", f"{int(expiry) + 600}.{rest}", "CA1", "media", NOW) == "forged"


@pytest.mark.parametrize("token", ["", "x", "..", "1.2", "a.b.c", "-1..x", "1.2.3.4", "²..x", "9" * 30])
def test_what_is_no_token_is_malformed(token: str) -> None:
    assert check("secret", token, "CA1", "media", NOW) == "malformed"


def test_a_nonce_tells_two_tokens_of_one_second_apart() -> None:
    first, second = (issue("secret", "CA1", "media", NOW, nonce) for nonce in ("a", "b"))
    assert first != second
    assert check("secret", first, "CA1", "media", NOW) is None
    assert check("secret", second.replace(".b.", ".a."), "CA1", "media", NOW) == "forged"


def test_it_fits_into_a_parameter_and_needs_no_escaping() -> None:
    token = issue("secret", "CA" + "1" * 32, "media", NOW, "0123456789abcdef")
    assert len(token) < 100
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
