"""PURE: the facts of one spell → what it charges. The one composition behind every figure of this room.

The monthly calculation, the closing invoice, the confirm pages and the upcoming invoice all gather facts
(`plans.selectors.gathering`) and compose them here, so what is shown is what is billed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from core import formats
from core.money import quantize
from core.periods import Period, Window, fraction, midnight
from invoices.lines import LineDraft
from plans.pricing import WHOLE, CardTerms, PlanTerms, PricedUsage, price_usage
from plans.proration import prorate

ROUNDING = "half away from zero, once per line"
NOTHING_RATED = (Decimal(0), 0)


@dataclass(frozen=True, slots=True)
class FeeFacts:
    """Days to charge of one billing period: `part` lies in `whole`."""

    part: Period
    whole: Period


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """What was used in a window that was planned to run longer, or equal. Quantities by feature id."""

    cut: Window
    planned: Window
    quantities: Mapping[int, Decimal]

    @property
    def share(self) -> Fraction:
        """The part of the free units it has: all where it ran to its planned end, else by UTC days."""
        return WHOLE if self.cut == self.planned else fraction(self.cut.period, self.planned.period)


@dataclass(frozen=True, slots=True)
class SpellFacts:
    """Everything that decides what one subscription owes now.

    `rated` says what of a window has been billed before, by (rate card id, start): its quantity and amount.
    """

    subscription_id: int
    customer_id: int
    terms: PlanTerms
    fees: tuple[FeeFacts, ...] = ()
    usage: tuple[UsageFacts, ...] = ()
    rated: Mapping[tuple[int, datetime], tuple[Decimal, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RatedWindow:
    """One rate card over one usage window: its price now, and what was billed of it before (minor units)."""

    card: CardTerms
    facts: UsageFacts
    priced: PricedUsage
    amount: int
    billed_quantity: Decimal
    billed_amount: int

    @property
    def difference(self) -> int:
        """What is left to post. Rounding is cumulative: however often it is rated, the parts sum to `amount`."""
        return self.amount - self.billed_amount


def rate_usage(facts: SpellFacts) -> tuple[RatedWindow, ...]:
    """Every metered card over every usage window, also where nothing was used: the watermark moves all the same."""
    return tuple(_rate(facts, usage, card) for usage in facts.usage for card in facts.terms.metered)


def _rate(facts: SpellFacts, usage: UsageFacts, card: CardTerms) -> RatedWindow:
    quantity = usage.quantities.get(card.feature_id or 0, Decimal(0))
    priced = price_usage(card, quantity, usage.share)
    amount = quantize(priced.amount, facts.terms.currency)
    billed_quantity, billed_amount = facts.rated.get((card.id, usage.cut.start), NOTHING_RATED)
    return RatedWindow(card, usage, priced, amount, billed_quantity, billed_amount)


def compose_charges(facts: SpellFacts) -> tuple[LineDraft, ...]:
    """The lines: fees first, then usage by window, in the order of the price list. Amounts in minor units.

    A fee of no days and a window without usage have no line; usage within the included units has one, of 0.
    """
    return (*_fee_lines(facts), *_usage_lines(facts))


def _fee_lines(facts: SpellFacts) -> Iterator[LineDraft]:
    for fee in facts.fees:
        if fee.part.days:
            yield from (_fee_line(facts, card, fee) for card in facts.terms.fees)


def _fee_line(facts: SpellFacts, card: CardTerms, fee: FeeFacts) -> LineDraft:
    return LineDraft(
        key=f"subscription:{facts.subscription_id}:fee:{card.key}:{_days(fee.part)}",
        kind="fee",
        title=card.name,
        detail=_fee_in_words(card, fee, facts.terms.currency),
        starts_at=midnight(fee.part.start),
        ends_at=midnight(fee.part.end),
        quantity=Decimal(1),
        amount=prorate(card.amount, fee.part, fee.whole),
        explain=_explain_fee(facts.terms, card, fee),
    )


def _fee_in_words(card: CardTerms, fee: FeeFacts, currency: str) -> str:
    price = formats.money(card.amount, currency)
    if fee.part == fee.whole:
        return f"{price} × 1 month"
    return f"{price} × {fee.part.days} of {fee.whole.days} days"


def _explain_fee(terms: PlanTerms, card: CardTerms, fee: FeeFacts) -> dict[str, Any]:
    return {
        **_explain_card(terms, card),
        "fee": card.amount,
        "part": _days(fee.part),
        "period": _days(fee.whole),
        "days": fee.part.days,
        "of_days": fee.whole.days,
        "rounding": ROUNDING + ", cumulative over the days of the period",
    }


def _usage_lines(facts: SpellFacts) -> Iterator[LineDraft]:
    for rated in rate_usage(facts):
        if rated.priced.quantity or rated.difference:
            yield _usage_line(facts, rated)


def _usage_line(facts: SpellFacts, rated: RatedWindow) -> LineDraft:
    card, window = rated.card, rated.facts.cut
    return LineDraft(
        key=usage_key(facts.subscription_id, card.key, window),
        kind="usage",
        title=card.name,
        detail=_usage_in_words(rated, facts.terms.currency),
        starts_at=window.start,
        ends_at=window.end,
        quantity=rated.priced.quantity,
        amount=rated.difference,
        unit_amount=card.unit_amount,
        per_units=card.per_units,
        feature_key=card.feature_key,
        explain=_explain_usage(facts.terms, rated),
    )


def usage_key(subscription_id: int, card_key: str, window: Window) -> str:
    """The key of the line of a rated window, and its Explain address."""
    return f"subscription:{subscription_id}:usage:{card_key}:{_instants(window)}"


def _usage_in_words(rated: RatedWindow, currency: str) -> str:
    card, priced = rated.card, rated.priced
    quantity = formats.quantity(priced.quantity)
    price = _unit_price(card, currency)
    counted = f"({quantity} − {units(priced.included)} included)" if priced.included else quantity
    if priced.included and not priced.billable:
        words = f"{quantity} of {units(priced.included)} included"
    else:
        words = f"{counted} × {price}"
    return words + (f" − {formats.money(rated.billed_amount, currency)} billed before" if rated.billed_amount else "")


@lru_cache(maxsize=1024)
def _unit_price(card: CardTerms, currency: str) -> str:
    """Written once per price, not once per customer."""
    return formats.unit_price(card.unit_amount, card.per_units, currency, card.unit, card.unit_plural)


@lru_cache(maxsize=4096)
def units(exact: Fraction) -> str:
    """An exact number of units for people: at most two decimals, with a sign where that is not the whole truth."""
    near = Decimal(exact.numerator) / Decimal(exact.denominator)
    shown = near.quantize(Decimal("0.01")).normalize()
    return ("" if Fraction(shown) == exact else "≈ ") + formats.quantity(shown)


def _explain_usage(terms: PlanTerms, rated: RatedWindow) -> dict[str, Any]:
    card, priced, usage = rated.card, rated.priced, rated.facts
    return {
        **_explain_card(terms, card),
        "feature": card.feature_key,
        "unit": card.unit,
        "unit_plural": card.unit_plural,
        "window": _instants(usage.cut),
        "planned_window": _instants(usage.planned),
        "share": str(usage.share),
        "quantity": str(priced.quantity),
        "free_units": str(card.free_units),
        "included": str(priced.included),
        "billable": str(priced.billable),
        "unit_amount": str(card.unit_amount),
        "per_units": card.per_units,
        "exact_amount": str(priced.amount),
        "amount": rated.amount,
        "billed_quantity": str(rated.billed_quantity),
        "billed_amount": rated.billed_amount,
        "rounding": ROUNDING,
    }


def _explain_card(terms: PlanTerms, card: CardTerms) -> dict[str, Any]:
    return {
        "plan": terms.key,
        "plan_name": terms.name,
        "price_version": terms.version,
        "rate_card": card.key,
        "rate_card_id": card.id,
        "model": card.model,
        "currency": terms.currency,
    }


def _days(period: Period) -> str:
    return f"{period.start}/{period.end}"


def _instants(window: Window) -> str:
    return f"{_instant(window.start)}/{_instant(window.end)}"


def _instant(at: datetime) -> str:
    """As short as it can be exact: 2026-12-17 where it is midnight, else to the second or the microsecond."""
    if at == midnight(at.date()):
        return at.date().isoformat()
    return at.replace(tzinfo=None).isoformat() + "Z"
