"""What an outbound call is for rides in an address that nobody on the way can read or make up."""

import pytest

from app.legs.twilio.orders import GOOD_FOR_S, BadOrder, Order, flaw, seal, unseal

ORDER = Order("+14155550100", "desk", {"name": "Zoë", "slot": "9 o'clock"})
NOW = 1_780_000_000


def test_it_comes_back_as_it_was_and_stands_in_an_address() -> None:
    sealed = seal("secret", ORDER, NOW)
    assert unseal("secret", sealed, ORDER.to, NOW + GOOD_FOR_S - 1) == ORDER
    assert sealed.replace("-", "").replace("_", "").isalnum()
    assert "desk" not in sealed and "4155550100" not in sealed


@pytest.mark.parametrize(
    ("secret", "to", "later", "spoilt"),
    [
        ("another", ORDER.to, 0, ""),
        ("secret", "+14155550101", 0, ""),
        ("secret", ORDER.to, GOOD_FOR_S + 1, ""),
        ("secret", ORDER.to, 0, "A"),
        ("secret", ORDER.to, 0, "é"),
    ],
)
def test_what_is_not_ours_or_for_another_call_is_refused(secret: str, to: str, later: int, spoilt: str) -> None:
    with pytest.raises(BadOrder):
        unseal(secret, seal("secret", ORDER, NOW) + spoilt, to, NOW + later)


@pytest.mark.parametrize("given", [{"a" * 41: "x"}, {"n": "x" * 201}, {"n": "a\nb"}, {"": "x"}, {"a b": "x"}])
def test_facts_that_cannot_ride_along_are_named(given: dict[str, str]) -> None:
    assert flaw(given) is not None


def test_facts_have_room_and_an_end() -> None:
    assert flaw({f"f{n}": "x" * 45 for n in range(20)}) is None
    assert flaw({f"f{n}": "x" * 60 for n in range(20)}) == "have 1250 characters: 1000 at the most"
    assert flaw({f"f{n}": "" for n in range(21)}) == "are 21: 20 at the most"
