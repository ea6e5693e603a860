"""What many calls will cost before there are any: the price table applied to a call that is assumed.

Tokens a second of speech is the assumption that everything hangs on, and nobody publishes it. Once there are calls,
their own usage says more than this (`offhook_model_tokens_total`, `offhook_money_total`).
"""

from dataclasses import dataclass
from decimal import Decimal

from app.call.prices import Direction, Prices, TokenPrices, Usage

MS = 1000


@dataclass(frozen=True, slots=True)
class Assumed:
    """One minute of a call. The caller's quiet is not billed (measured); a turn's text is what one measured turn of
    Nova Sonic used; the shares are those of the bench's callers."""

    tokens_a_second: Decimal = Decimal(25)
    caller_share: Decimal = Decimal("0.35")
    bot_share: Decimal = Decimal("0.45")
    turns_a_minute: Decimal = Decimal(4)
    text_in_a_turn: int = 900
    text_out_a_turn: int = 70

    def usage(self, seconds: Decimal) -> Usage:
        """Tokens of a call that long, to the nearest one."""
        turns = self.turns_a_minute * seconds / 60
        return Usage(
            speech_in=round(seconds * self.caller_share * self.tokens_a_second),
            speech_out=round(seconds * self.bot_share * self.tokens_a_second),
            text_in=round(turns * self.text_in_a_turn),
            text_out=round(turns * self.text_out_a_turn),
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one call, in the table's currency; None where a price is not known."""

    usage: Usage
    model: Decimal | None
    carrier: Decimal | None

    @property
    def together(self) -> Decimal | None:
        return None if self.model is None or self.carrier is None else self.model + self.carrier


def estimate(prices: Prices, where: str, seconds: Decimal, assumed: Assumed, direction: Direction) -> Estimate:
    """One call of `seconds`, answered `where` (`region:model`), its media streamed from beginning to end."""
    usage = assumed.usage(seconds)
    ms = round(seconds * MS)
    return Estimate(usage, prices.of(where, usage), prices.carrier.of(ms, ms, direction))


# --- the founding memo ------------------------------------------------------------------------------------------------

# It counted 170 tokens a second at the prices of Nova Sonic's first edition, and claimed a price for a minute beside.
MEMO_TOKENS_A_SECOND = Decimal(170)
MEMO_MINUTE = Decimal("0.017")
MEMO_PRICES = TokenPrices(speech_in=Decimal("0.0034"), speech_out=Decimal("0.0136"))  # of 1,000 tokens


@dataclass(frozen=True, slots=True)
class Minute:
    """What the speech of one minute costs: a minute that is the caller's alone, the bot's alone, and one of a call."""

    tokens_a_second: Decimal
    caller: Decimal | None
    bot: Decimal | None
    call: Decimal | None


def speech_minute(prices: TokenPrices, tokens_a_second: Decimal, assumed: Assumed) -> Minute:
    tokens = tokens_a_second * 60
    caller, bot = (None if price is None else tokens * price / 1000 for price in (prices.speech_in, prices.speech_out))
    call = None if caller is None or bot is None else caller * assumed.caller_share + bot * assumed.bot_share
    return Minute(tokens_a_second, caller, bot, call)


def tokens_for(minute: Decimal, prices: TokenPrices, assumed: Assumed) -> Decimal | None:
    """How many tokens a second would make a minute of a call cost that much."""
    one = speech_minute(prices, Decimal(1), assumed).call
    return None if not one else minute / one
