"""PURE: what a price comes to, for people who are about to set it: "10,000 units = $10.00"."""

from decimal import Decimal
from fractions import Fraction

from core import formats
from core.money import quantize
from plans.pricing import CardTerms, PlanTerms, price_usage

ROUND = (1, 100, 10_000, 1_000_000)
SHOWN = 5


def examples(card: CardTerms, currency: str) -> list[str]:
    """Up to five sentences, from few units to many: `10,000 requests = $10.00`. None for a flat fee.

    Quantities are round, and those where a tier ends or free units are used up are among them.
    """
    if card.model == "flat":
        return []
    quantities = _quantities(card)
    return [f"{formats.quantity(each)} {_unit(card, each)} = {_price(card, each, currency)}" for each in quantities]


def month_price(terms: PlanTerms, used: dict[int, Decimal]) -> int:
    """What a whole month comes to before tax, minor units: fees of a month, and usage by feature id with minimum."""
    fees = sum(card.amount for card in terms.fees if card.cadence == "monthly" and card.timing != "one_time")
    return fees + sum(_usage_amount(card, used.get(card.feature_id or 0, Decimal(0)), terms) for card in terms.metered)


def _usage_amount(card: CardTerms, quantity: Decimal, terms: PlanTerms) -> int:
    priced = price_usage(card, quantity)
    return max(quantize(priced.amount, terms.currency), quantize(priced.minimum, terms.currency))


def _quantities(card: CardTerms) -> list[Decimal]:
    """Round numbers around where the price does something."""
    bounds = {tier.up_to + card.free_units for tier in card.tiers if tier.up_to is not None}
    first = max(card.free_units or min(bounds, default=Decimal(1)), Decimal(card.per_units))
    round_ones = [Decimal(each) for each in ROUND if each >= first]
    wanted = sorted({*bounds, *([card.free_units] if card.free_units else [])})[: SHOWN - 2]
    rest = [each for each in round_ones if each not in wanted and (not wanted or each > wanted[-1])]
    return sorted({*wanted, *rest[: SHOWN - len(wanted)]})


def _unit(card: CardTerms, quantity: Decimal) -> str:
    if quantity == 1:
        return card.unit or "unit"
    return card.unit_plural or "units"


def _price(card: CardTerms, quantity: Decimal, currency: str) -> str:
    priced = price_usage(card, quantity)
    least = Fraction(0) if card.minimum is None else Fraction(card.minimum)
    amount = quantize(max(priced.amount, least), currency)
    return formats.money(amount, currency) + (" (minimum)" if least > priced.amount else "")
