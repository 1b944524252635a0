"""PURE: what was used → what it costs, and the lines for it (docs/algorithms/rating.md). Amounts in minor units.

Every line of usage carries in `explain` all that is needed to derive its amount again, years later. Exact numbers
are text, as decimals ("12345.5") or fractions ("469/200"); amounts are integers of minor units.

`line`                          usage: posts `amount − billed_amount`; minimum: posts `shortfall`; late (usage that
                                came after the window was billed): posts `total − billed_amount`
`plan` `plan_name` `price_version` `rate_card` `rate_card_id` `model` `currency`    which price it was
`feature` `unit` `unit_plural`  what was counted
`window` `planned_window`       [start, end) that was rated, and as it would have run
`share`                         part of the window that was kept, by UTC days; 1 where it ran to its planned end
`quantity`                      used in the window, all of it, also what was billed before
`free_units` `included`         of a whole window; × share
`billable`                      max(quantity − included, 0)
`unit_amount` `per_units`       price in major units of so many units; of a package: of one, and its size
`packages`                      begun packages (package only)
`tiers`                         reached ones (graduated), or the one that prices all (volume): `number`, `start` and
                                `up_to` (× share, of one day at least; null: open), `quantity` in it, `unit_amount`,
                                `flat_amount` (× share) and `amount` = flat + quantity × unit price ÷ per_units, all in
                                major units
`list_amount`                   the price, major units, before discount and maximum
`discount_percent`              taken off `list_amount`, where there is one
`maximum` `maximum_amount`      in major units: × share, of one day at least, and of a whole window, where there is one
`exact_amount`                  major units; `amount` is it, rounded as `rounding` says
`minimum` `minimum_amount`      in major units: × share, and of a whole window, where there is one
`shortfall`                     max(round(minimum) − amount, 0), once the window is closed; else 0
`total`                         amount + shortfall: what the window comes to
`billed_quantity` `billed_amount`  of the window before
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core.language import in_english
from core.money import quantize
from core.periods import Window, fraction
from invoices.lines import LineDraft
from plans.keys import ROUNDING, explain_card, instants
from plans.pricing import WHOLE, CardTerms, PlanTerms, PricedTier, PricedUsage, price_usage
from plans.words import minimum_in_words, units, usage_in_words

__all__ = [
    "RatedWindow",
    "UsageFacts",
    "minimum_key",
    "minimum_line",
    "rate_windows",
    "units",
    "usage_key",
    "usage_line",
    "usage_lines",
]

NOTHING_RATED = (Decimal(0), 0)
Rated = Mapping[tuple[int, datetime], tuple[Decimal, int]]


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """What was used in a window that was planned to run longer, or equal. Quantities by feature id.

    `closed`: the quantities are seen until its end. A window that still runs has no minimum yet.
    """

    cut: Window
    planned: Window
    quantities: Mapping[int, Decimal]
    closed: bool = True

    @property
    def share(self) -> Fraction:
        """The part of free units, tiers, minimum and maximum it has: all where it ran to its end, else by UTC days."""
        return WHOLE if self.cut == self.planned else fraction(self.cut.period, self.planned.period)

    @property
    def limit_share(self) -> Fraction:
        """The part of the tiers' upper bounds and of the maximum: that of one day at least."""
        return self.share or Fraction(1, max(self.planned.period.days, 1))


@dataclass(frozen=True, slots=True)
class RatedWindow:
    """One rate card over one usage window: its price now, and what was billed of it before (minor units).

    `amount` is the usage alone and `shortfall` what is missing to the minimum; `billed_amount` is of both.
    """

    card: CardTerms
    facts: UsageFacts
    priced: PricedUsage
    amount: int
    shortfall: int
    billed_quantity: Decimal
    billed_amount: int

    @property
    def total(self) -> int:
        """What the window comes to. This is the watermark: what is billed of it once its lines are posted."""
        return self.amount + self.shortfall

    @property
    def difference(self) -> int:
        """What is left to post for usage. Rounding is cumulative: however often it is rated, the parts sum up."""
        return self.amount - self.billed_amount

    @property
    def has_line(self) -> bool:
        """Whether it has a line of usage: within the included units one of 0, without usage only where it costs
        something."""
        return bool(self.priced.quantity or self.difference)

    @property
    def total_difference(self) -> int:
        """What is left to post in all."""
        return self.total - self.billed_amount


def rate_windows(terms: PlanTerms, usage: Iterable[UsageFacts], rated: Rated) -> tuple[RatedWindow, ...]:
    """Every metered card over every usage window, also where nothing was used: the watermark moves all the same.

    `rated` says what of a window has been billed before, by (rate card id, start): its quantity and amount.
    """
    return tuple(_rate(terms, facts, card, rated) for facts in usage for card in terms.metered)


def _rate(terms: PlanTerms, usage: UsageFacts, card: CardTerms, rated: Rated) -> RatedWindow:
    quantity = usage.quantities.get(card.feature_id or 0, Decimal(0))
    priced = price_usage(card, quantity, usage.share, usage.limit_share)
    amount = quantize(priced.amount, terms.currency)
    shortfall = max(quantize(priced.minimum, terms.currency) - amount, 0) if usage.closed and priced.minimum else 0
    billed_quantity, billed_amount = rated.get((card.id, usage.cut.start), NOTHING_RATED)
    return RatedWindow(card, usage, priced, amount, shortfall, billed_quantity, billed_amount)


def usage_lines(subscription_id: int, terms: PlanTerms, windows: Iterable[RatedWindow]) -> Iterator[LineDraft]:
    """One line per rated window, and one up to its minimum.

    A window without usage has none, usage within the included units has one, of 0.
    """
    for rated in windows:
        if rated.has_line:
            yield usage_line(subscription_id, terms, rated)
        if rated.shortfall:
            yield minimum_line(subscription_id, terms, rated)


@in_english
def usage_line(subscription_id: int, terms: PlanTerms, rated: RatedWindow) -> LineDraft:
    """What is left to post for the usage of a window."""
    card, window = rated.card, rated.facts.cut
    has_one_price = card.model in ("unit", "package")
    return LineDraft(
        key=usage_key(subscription_id, card.key, window),
        kind="usage",
        title=card.name,
        detail=usage_in_words(card, rated.priced, rated.billed_amount, terms.currency),
        starts_at=window.start,
        ends_at=window.end,
        quantity=rated.priced.quantity,
        amount=rated.difference,
        unit_amount=card.unit_amount if has_one_price else None,
        per_units=card.per_units if has_one_price else 1,
        feature_key=card.feature_key,
        explain=_explain_usage(terms, rated, "usage"),
        settlement=terms.settlement,
    )


@in_english
def minimum_line(subscription_id: int, terms: PlanTerms, rated: RatedWindow) -> LineDraft:
    """What is missing to the minimum of a window."""
    card, window = rated.card, rated.facts.cut
    return LineDraft(
        key=minimum_key(subscription_id, card.key, window),
        kind="usage",
        title=f"{card.name} (minimum)",
        detail=minimum_in_words(card, rated.facts.share, rated.amount, terms.currency),
        starts_at=window.start,
        ends_at=window.end,
        quantity=Decimal(1),
        amount=rated.shortfall,
        feature_key=card.feature_key,
        explain=_explain_usage(terms, rated, "minimum"),
        settlement=terms.settlement,
    )


def usage_key(subscription_id: int, card_key: str, window: Window) -> str:
    """The key of the line of a rated window, and its Explain address."""
    return f"subscription:{subscription_id}:usage:{card_key}:{instants(window)}"


def minimum_key(subscription_id: int, card_key: str, window: Window) -> str:
    """The key of the line that lifts a window to its minimum, and its Explain address."""
    return f"subscription:{subscription_id}:minimum:{card_key}:{instants(window)}"


def _explain_usage(terms: PlanTerms, rated: RatedWindow, line: str) -> dict[str, Any]:
    card, priced, usage = rated.card, rated.priced, rated.facts
    return {
        **explain_card(terms, card),
        "line": line,
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
        **_explain_price(card, priced),
        "exact_amount": str(priced.amount),
        "amount": rated.amount,
        "shortfall": rated.shortfall,
        "total": rated.total,
        "billed_quantity": str(rated.billed_quantity),
        "billed_amount": rated.billed_amount,
        "rounding": ROUNDING,
    }


def _explain_price(card: CardTerms, priced: PricedUsage) -> dict[str, Any]:
    """What only some prices have."""
    values: dict[str, Any] = {"list_amount": str(priced.list_amount)}
    if card.model == "package":
        values["packages"] = priced.packages
    if priced.tiers:
        values["tiers"] = [_explain_tier(tier) for tier in priced.tiers]
    if card.discount_percent:
        values["discount_percent"] = str(card.discount_percent)
    if card.maximum is not None:
        values |= {"maximum": str(priced.maximum), "maximum_amount": str(card.maximum)}
    if card.minimum is not None:
        values |= {"minimum": str(priced.minimum), "minimum_amount": str(card.minimum)}
    return values


def _explain_tier(tier: PricedTier) -> dict[str, Any]:
    return {
        "number": tier.number,
        "start": str(tier.start),
        "up_to": None if tier.up_to is None else str(tier.up_to),
        "quantity": str(tier.quantity),
        "unit_amount": str(tier.unit_amount),
        "flat_amount": str(tier.flat_amount),
        "amount": str(tier.amount),
    }
