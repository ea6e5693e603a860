"""Secrets: who learns what of them."""

import json
from typing import Any

import pytest

from app.bridge.vault import SecretGone, Vault
from app.call.events import HIDDEN_KEY

CARD = "4111111111111111"
TOKEN = "secret_card_1"


def with_card() -> Vault:
    vault = Vault()
    vault.guard(True)
    told = [vault.take(key) for key in CARD + "#"]
    assert told == [HIDDEN_KEY] * 16 + ["#"]
    vault.seal(TOKEN)
    vault.guard(False)
    return vault


def revealed(vault: Vault, arguments: Any) -> Any:
    return json.loads(vault.reveal(json.dumps(arguments)))


def masked(vault: Vault, result: Any) -> Any:
    return json.loads(vault.mask(json.dumps(result)))


def test_without_a_guard_keys_are_told_and_nothing_is_kept() -> None:
    vault = Vault()
    assert [vault.take(key) for key in "47*"] == ["4", "7", "*"]
    vault.seal(TOKEN)
    assert revealed(vault, {"card": TOKEN}) == {"card": ""}


def test_a_tool_gets_the_digits_wherever_a_whole_value_is_the_token() -> None:
    vault = with_card()
    assert revealed(vault, {"card": TOKEN, "cents": 4_200}) == {"card": CARD, "cents": 4_200}
    assert revealed(vault, {"pay": [{"card": f" {TOKEN} "}]}) == {"pay": [{"card": CARD}]}
    assert revealed(vault, {"note": f"card is {TOKEN}"}) == {"note": f"card is {TOKEN}"}


def test_json_text_within_json_is_looked_into() -> None:
    vault = with_card()
    inner = revealed(vault, {"payment": json.dumps({"card": TOKEN})})["payment"]
    assert json.loads(inner) == {"card": CARD}
    whole = json.loads(vault.reveal(json.dumps(json.dumps({"card": TOKEN}))))
    assert json.loads(whole) == {"card": CARD}


@pytest.mark.parametrize("arguments", ["", "[", "null", "7", '{"a":' * 5_000])
def test_what_is_no_json_passes_as_it_is(arguments: str) -> None:
    assert with_card().reveal(arguments) == arguments


def test_a_token_of_nothing_is_refused() -> None:
    with pytest.raises(SecretGone):
        with_card().reveal('{"card": "secret_card_2"}')


@pytest.mark.parametrize(
    "said",
    [CARD, "4111 1111 1111 1111", "4111-1111-1111-1111", "4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", f"number {CARD}, thanks"],
)
def test_a_result_shows_the_token_where_the_digits_were(said: str) -> None:
    shown = masked(with_card(), {"echo": said, "paid": True, "cents": 4_200})
    assert TOKEN in shown["echo"] and "1111" not in shown["echo"]
    assert (shown["paid"], shown["cents"]) == (True, 4_200)


def test_digits_are_found_as_numbers_in_keys_and_in_inner_json() -> None:
    vault = with_card()
    shown = vault.mask(json.dumps({CARD: [int(CARD)], "inner": json.dumps({"card": CARD})}))
    assert "1111" not in shown and json.loads(shown)[TOKEN] == [TOKEN]


def test_the_last_four_may_be_said() -> None:
    assert masked(with_card(), {"card": "ending in 1111"}) == {"card": "ending in 1111"}


def test_what_was_dropped_or_entered_before_the_guard_is_in_no_secret() -> None:
    vault = Vault()
    vault.guard(True)
    vault.take("9")
    vault.drop()
    vault.take("4")
    vault.seal(TOKEN)
    assert revealed(vault, {"pin": TOKEN}) == {"pin": "4"}


def test_at_the_end_nothing_is_left_and_nothing_was_ever_printed() -> None:
    vault = with_card()
    assert CARD not in repr(vault) and "4" not in repr(vault)
    vault.empty()
    assert not vault.guarded
    with pytest.raises(SecretGone):
        vault.reveal(json.dumps({"card": TOKEN}))
