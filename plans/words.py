"""PURE: prices and what they come to in words, the same on tiles, tables, forms, lines and in e-mails."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from core import formats
from core.language import cached_by_language, gettext_noop, pgettext
from core.language import gettext as _
from core.money import quantize
from plans.pricing import TIERED, WHOLE, CardTerms, PlanTerms, PricedTier, PricedUsage, Tier

TIERS_SHOWN = 4  # a line that reaches more of them, or needs more room, says how many; Explain has them all
TIERS_WIDTH = 120
FEES = {
    ("monthly", False): gettext_noop("%(amount)s per month"),
    ("monthly", True): gettext_noop("%(amount)s per month, in advance"),
    ("yearly", False): gettext_noop("%(amount)s per year"),
    ("yearly", True): gettext_noop("%(amount)s per year, in advance"),
}


def card_price(card: CardTerms, currency: str) -> str:
    """`$49.00 per month` · `$1.00 per 1,000 requests after 10,000 included` · `1,000,000 included, then no charge`.

    `$0.30 per request up to 1,000, then $0.20 per request up to 5,000, then $0.10 per request, 10 % off`.
    """
    if card.model == "flat":
        return _fee(card, currency)
    words = _usage_price(card, currency) if card.prices_usage else _no_price(card)
    if card.discount_percent:
        words = _("%(price)s, %(percent)s %% off") % {
            "price": words,
            "percent": formats.quantity(card.discount_percent),
        }
    if card.minimum:
        least = formats.price(card.minimum, currency)
        words = _("%(price)s, at least %(least)s per month") % {"price": words, "least": least}
    if card.maximum is not None:
        most = formats.price(card.maximum, currency)
        words = _("%(price)s, at most %(most)s per month") % {"price": words, "most": most}
    return words


def unit_price(card: CardTerms, currency: str) -> str:
    """`$1.00 per 1,000 requests`; `From $0.10 per request` where tiers differ; `No charge` where the price is 0."""
    if not card.prices_usage:
        return _("No charge")
    if card.model not in TIERED:
        return _per_units(card.unit_amount, card.per_units, currency, card.unit, card.unit_plural)
    lowest = min(card.tiers, key=lambda tier: tier.unit_amount)
    price = _per_units(lowest.unit_amount, card.per_units, currency, card.unit, card.unit_plural)
    return _("From %(price)s") % {"price": price}


def included_units(card: CardTerms) -> str:
    """`10,000 per month`, or that there are none."""
    if not card.free_units:
        return pgettext("included units", "None")
    return _("%(units)s per month") % {"units": formats.quantity(card.free_units)}


def monthly_fee(terms: PlanTerms) -> int:
    """The flat fees of a month, minor units; those of a year or once are not among them."""
    return sum(card.amount for card in terms.fees if card.cadence == "monthly" and card.timing != "one_time")


def other_prices(terms: PlanTerms) -> tuple[tuple[str, str], ...]:
    """(name, price in words) of everything beside the monthly fees: usage, and fees of a year or once."""
    monthly = [card for card in terms.fees if card.cadence == "monthly" and card.timing != "one_time"]
    return tuple((card.name, card_price(card, terms.currency)) for card in terms.cards if card not in monthly)


def _fee(card: CardTerms, currency: str) -> str:
    amount = {"amount": formats.money(card.amount, currency)}
    if card.timing == "one_time":
        return _("%(amount)s once") % amount
    return _(FEES[card.cadence, card.timing == "in_advance"]) % amount


def _usage_price(card: CardTerms, currency: str) -> str:
    words = _tier_prices(card, currency) if card.model in TIERED else unit_price(card, currency)
    if card.model == "volume" and len(card.tiers) > 1:
        words = _("%(price)s for all units") % {"price": words}
    if not card.free_units:
        return words
    included = formats.quantity(card.free_units)
    return _("%(price)s after %(included)s included") % {"price": words, "included": included}


def _no_price(card: CardTerms) -> str:
    if not card.free_units:
        return _("Not charged")
    return _("%(included)s included, more is not charged") % {"included": formats.quantity(card.free_units)}


def _tier_prices(card: CardTerms, currency: str) -> str:
    words = ""
    for tier in card.tiers:
        price = _tier_price(card, tier, currency)
        if tier.up_to is not None:
            price = _("%(price)s up to %(bound)s") % {"price": price, "bound": formats.quantity(tier.up_to)}
        words = _("%(prices)s, then %(price)s") % {"prices": words, "price": price} if words else price
    return words


def _tier_price(card: CardTerms, tier: Tier, currency: str) -> str:
    flat = formats.price(tier.flat_amount, currency)
    if tier.flat_amount and not tier.unit_amount:
        return _("%(flat)s flat") % {"flat": flat}
    price = _per_units(tier.unit_amount, card.per_units, currency, card.unit, card.unit_plural)
    return _("%(price)s plus %(flat)s flat") % {"price": price, "flat": flat} if tier.flat_amount else price


@cached_by_language(1024)
def _per_units(unit_amount: Decimal, per_units: int, currency: str, unit: str, unit_plural: str) -> str:
    return formats.unit_price_at_scale(unit_amount, per_units, currency, unit, unit_plural)


@cached_by_language(1024)
def _price_on_line(unit_amount: Decimal, per_units: int, currency: str, unit: str, unit_plural: str) -> str:
    """Written once per price, not once per customer."""
    return formats.unit_price(unit_amount, per_units, currency, unit, unit_plural)


# --- what a line comes to --------------------------------------------------------------------------------------------
# Kept with it in English; for others it is written again from the line's explain data (plans/line_words.py).


def usage_in_words(card: CardTerms, priced: PricedUsage, billed: int, currency: str) -> str:
    """`(12,345 − 10,000 included) × $1.00 per 1,000 requests` · `1,000 × $0.30 + 200 × $0.20 per request, less 10 %`.

    `billed`: what of the window was billed before, minor units.
    """
    words = _counted_in_words(card, priced, currency)
    if card.discount_percent and priced.list_amount:
        less = formats.quantity(card.discount_percent)
        words = _("%(sum)s, less %(percent)s %%") % {"sum": words, "percent": less}
    if priced.is_capped and priced.maximum is not None:
        words = _("%(sum)s, at most %(most)s") % {"sum": words, "most": _money(priced.maximum, currency)}
    if billed:
        words = _("%(sum)s − %(amount)s billed before") % {"sum": words, "amount": formats.money(billed, currency)}
    return words


def minimum_in_words(card: CardTerms, share: Fraction, amount: int, currency: str) -> str:
    """`$100.00 minimum − $63.20 for usage` · `$100.00 minimum × 11/27 − $20.00 for usage`. `amount` in minor units."""
    used = formats.money(amount, currency)
    minimum = formats.price(card.minimum or Decimal(0), currency)
    if share == WHOLE:
        return _("%(minimum)s minimum − %(used)s for usage") % {"minimum": minimum, "used": used}
    said = {"minimum": minimum, "share": share, "used": used}
    return _("%(minimum)s minimum × %(share)s − %(used)s for usage") % said


@cached_by_language(4096)
def units(exact: Fraction) -> str:
    """An exact number of units for people: at most two decimals, with a sign where that is not the whole truth."""
    near = Decimal(exact.numerator) / Decimal(exact.denominator)
    shown = near.quantize(Decimal("0.01")).normalize()
    return ("" if Fraction(shown) == exact else "≈ ") + formats.quantity(shown)


def _counted_in_words(card: CardTerms, priced: PricedUsage, currency: str) -> str:
    quantity = formats.quantity(priced.quantity)
    included = {"quantity": quantity, "included": units(priced.included)} if priced.included else {}
    if included and not priced.billable and not priced.list_amount:
        return _("%(quantity)s of %(included)s included") % included
    counted = _("(%(quantity)s − %(included)s included)") % included if included else quantity
    if card.model == "free":
        return _("%(quantity)s, not charged") % {"quantity": counted}
    if card.model in TIERED:
        return _tiers_in_words(card, priced, counted, currency)
    price = _("No charge")
    if card.prices_usage:
        price = _price_on_line(card.unit_amount, card.per_units, currency, card.unit, card.unit_plural)
    if card.model == "package":
        packages = {"quantity": counted, "packages": formats.quantity(priced.packages), "price": price}
        return _("%(quantity)s in %(packages)s × %(price)s") % packages
    return f"{counted} × {price}"


def _tiers_in_words(card: CardTerms, priced: PricedUsage, counted: str, currency: str) -> str:
    sum_of_tiers = " + ".join(part for tier in priced.tiers for part in _tier_parts(tier, currency))
    if len(priced.tiers) > TIERS_SHOWN or len(sum_of_tiers) > TIERS_WIDTH:
        return _("%(quantity)s in %(count)s tiers") % {"quantity": counted, "count": len(priced.tiers)}
    if not sum_of_tiers:
        return counted
    if any(tier.unit_amount and tier.quantity for tier in priced.tiers):
        sum_of_tiers = _("%(price)s per %(unit)s") % {"price": sum_of_tiers, "unit": _unit(card)}
    return _("%(quantity)s: %(sum)s") % {"quantity": counted, "sum": sum_of_tiers} if priced.included else sum_of_tiers


def _tier_parts(tier: PricedTier, currency: str) -> Iterator[str]:
    if tier.flat_amount:
        yield _("%(flat)s flat") % {"flat": _money(tier.flat_amount, currency)}
    if tier.quantity and (tier.unit_amount or not tier.flat_amount):
        yield f"{units(tier.quantity)} × {formats.price(tier.unit_amount, currency)}"


def _unit(card: CardTerms) -> str:
    if card.per_units == 1:
        return card.unit
    return f"{formats.quantity(card.per_units)} {card.unit_plural or card.unit + 's'}"


def _money(exact: Fraction, currency: str) -> str:
    """Exact major units for people, with a sign where it had to be rounded."""
    amount = quantize(exact, currency)
    shown = formats.money(amount, currency)
    return shown if Fraction(amount) == exact * quantize(1, currency) else f"≈ {shown}"
