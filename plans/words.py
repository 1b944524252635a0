"""PURE: prices in words, the same on tiles, tables, forms and in e-mails."""

from core import formats
from plans.pricing import CardTerms, PlanTerms


def card_price(card: CardTerms, currency: str) -> str:
    """`$49.00 per month` · `$1.00 per 1,000 requests after 10,000 included` · `1,000,000 included, then no charge`."""
    if card.model == "flat":
        return f"{formats.money(card.amount, currency)} per month"
    included = formats.quantity(card.free_units) if card.free_units else ""
    if not card.is_priced:
        return f"{included} included, more is not charged" if included else "Not charged"
    price = unit_price(card, currency)
    return f"{price} after {included} included" if included else price


def unit_price(card: CardTerms, currency: str) -> str:
    """`$1.00 per 1,000 requests`; `No charge` where the price is 0."""
    if not card.is_priced:
        return "No charge"
    return formats.unit_price(card.unit_amount, card.per_units, currency, card.unit, card.unit_plural)


def included_units(card: CardTerms) -> str:
    """`10,000 per month`, or that there are none."""
    return f"{formats.quantity(card.free_units)} per month" if card.free_units else "None"


def monthly_fee(terms: PlanTerms) -> int:
    """The flat fees of a month, minor units."""
    return sum(card.amount for card in terms.fees)
