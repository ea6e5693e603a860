"""What many calls will cost: exact where prices are known, and unknown where they are not."""

from decimal import Decimal

from app.call.estimate import (
    MEMO_MINUTE,
    MEMO_PRICES,
    MEMO_TOKENS_A_SECOND,
    Assumed,
    estimate,
    speech_minute,
    tokens_for,
)
from app.call.prices import CarrierPrices, Prices, TokenPrices, Usage

KNOWN = TokenPrices(Decimal("0.003"), Decimal("0.012"), Decimal("0.00033"), Decimal("0.00275"))
CARRIER = CarrierPrices(inbound=Decimal("0.0085"), outbound=None, stream=Decimal("0.004"))
PRICES = Prices("2026-11-21", "USD", {"us-east-1:sonic": KNOWN}, CARRIER)
NO_TEXT = Assumed(caller_share=Decimal("0.5"), bot_share=Decimal("0.5"), turns_a_minute=Decimal(0))


def test_a_call_is_its_tokens_and_its_minutes() -> None:
    one = estimate(PRICES, "us-east-1:sonic", Decimal(150), NO_TEXT, "inbound")
    assert one.usage == Usage(speech_in=1875, speech_out=1875)
    assert one.model == Decimal("1.875") * Decimal("0.015")
    assert one.carrier == 3 * Decimal("0.0125")  # minutes are begun and paid for whole
    assert one.together == one.model + one.carrier


def test_a_turn_brings_its_text() -> None:
    usage = Assumed(turns_a_minute=Decimal(4), text_in_a_turn=900, text_out_a_turn=70).usage(Decimal(90))
    assert (usage.text_in, usage.text_out) == (5_400, 420)


def test_what_has_no_price_is_unknown_and_makes_the_sum_unknown() -> None:
    elsewhere = estimate(PRICES, "eu-north-1:sonic", Decimal(60), NO_TEXT, "inbound")
    assert (elsewhere.model, elsewhere.together) == (None, None) and elsewhere.carrier is not None
    outbound = estimate(PRICES, "us-east-1:sonic", Decimal(60), NO_TEXT, "outbound")
    assert (outbound.carrier, outbound.together) == (None, None) and outbound.model is not None
    assert speech_minute(TokenPrices(speech_in=Decimal("0.003")), Decimal(25), NO_TEXT).call is None
    assert tokens_for(MEMO_MINUTE, TokenPrices(), NO_TEXT) is None


def test_the_memos_table_comes_out_and_its_claim_does_not() -> None:
    minute = speech_minute(MEMO_PRICES, MEMO_TOKENS_A_SECOND, Assumed())
    assert minute.caller is not None and minute.bot is not None
    assert (round(minute.caller, 3), round(minute.bot, 3)) == (Decimal("0.035"), Decimal("0.139"))
    assert minute.caller > 2 * MEMO_MINUTE  # so no mix of speech at all costs as little as it claims
    meant = tokens_for(MEMO_MINUTE, MEMO_PRICES, Assumed())
    assert meant is not None and meant < MEMO_TOKENS_A_SECOND / 4
    again = speech_minute(MEMO_PRICES, meant, Assumed()).call
    assert again is not None and abs(again - MEMO_MINUTE) < Decimal("1e-12")


def test_at_the_hinted_rate_and_todays_prices_a_minute_is_cents() -> None:
    minute = speech_minute(KNOWN, Decimal(25), Assumed())
    assert (minute.caller, minute.bot) == (Decimal("0.0045"), Decimal("0.018"))
