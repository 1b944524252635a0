"""PURE: what was used → what it costs, and the lines for it (docs/algorithms/rating.md). Amounts in minor units."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from core import formats
from core.money import quantize
from core.periods import Window, fraction
from invoices.lines import LineDraft
from plans.keys import ROUNDING, explain_card, instants
from plans.pricing import WHOLE, CardTerms, PlanTerms, PricedUsage, price_usage

NOTHING_RATED = (Decimal(0), 0)
Rated = Mapping[tuple[int, datetime], tuple[Decimal, int]]


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


def rate_windows(terms: PlanTerms, usage: Iterable[UsageFacts], rated: Rated) -> tuple[RatedWindow, ...]:
    """Every metered card over every usage window, also where nothing was used: the watermark moves all the same.

    `rated` says what of a window has been billed before, by (rate card id, start): its quantity and amount.
    """
    return tuple(_rate(terms, facts, card, rated) for facts in usage for card in terms.metered)


def _rate(terms: PlanTerms, usage: UsageFacts, card: CardTerms, rated: Rated) -> RatedWindow:
    quantity = usage.quantities.get(card.feature_id or 0, Decimal(0))
    priced = price_usage(card, quantity, usage.share)
    amount = quantize(priced.amount, terms.currency)
    billed_quantity, billed_amount = rated.get((card.id, usage.cut.start), NOTHING_RATED)
    return RatedWindow(card, usage, priced, amount, billed_quantity, billed_amount)


def usage_lines(subscription_id: int, terms: PlanTerms, windows: Iterable[RatedWindow]) -> Iterator[LineDraft]:
    """One line per rated window; a window without usage has none, usage within the included units has one, of 0."""
    for rated in windows:
        if rated.priced.quantity or rated.difference:
            yield _usage_line(subscription_id, terms, rated)


def _usage_line(subscription_id: int, terms: PlanTerms, rated: RatedWindow) -> LineDraft:
    card, window = rated.card, rated.facts.cut
    return LineDraft(
        key=usage_key(subscription_id, card.key, window),
        kind="usage",
        title=card.name,
        detail=_usage_in_words(rated, terms.currency),
        starts_at=window.start,
        ends_at=window.end,
        quantity=rated.priced.quantity,
        amount=rated.difference,
        unit_amount=card.unit_amount,
        per_units=card.per_units,
        feature_key=card.feature_key,
        explain=_explain_usage(terms, rated),
    )


def usage_key(subscription_id: int, card_key: str, window: Window) -> str:
    """The key of the line of a rated window, and its Explain address."""
    return f"subscription:{subscription_id}:usage:{card_key}:{instants(window)}"


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
        **explain_card(terms, card),
        "feature": card.feature_key,
        "unit": card.unit,
        "unit_plural": card.unit_plural,
        "window": instants(usage.cut),
        "planned_window": instants(usage.planned),
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
