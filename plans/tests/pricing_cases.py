"""What the cases of other engines are asked with: a rate card, and a window rated as the bill rates it."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from core.periods import Window, midnight
from plans.pricing import CardTerms, PlanTerms, PricedUsage, Tier, price_usage
from plans.rating import RatedWindow, UsageFacts, rate_windows

Inputs = Mapping[str, Any]

WINDOW = Window(midnight(date(2026, 11, 17)), midnight(date(2026, 12, 17)))


def card(model: str, **values: Any) -> CardTerms:
    names = {"unit": "unit", "unit_plural": "units", "feature_id": 1, "feature_key": "usage"}
    return CardTerms(**{"id": 1, "key": "usage", "name": "Usage", "model": model, **names, **values})


def tiers(rows: Iterable[Inputs], up_to: str, unit: str, flat: str) -> tuple[Tier, ...]:
    return tuple(
        Tier(None if row[up_to] is None else Decimal(row[up_to]), Decimal(row[unit] or 0), Decimal(row[flat] or 0))
        for row in rows
    )


def price(terms: CardTerms, quantity: object) -> PricedUsage:
    return price_usage(terms, Decimal(str(quantity)))


def rate(
    terms: CardTerms, quantity: Decimal, *, billed: int | None = None, currency: str = "USD", closed: bool = True
) -> RatedWindow:
    """The window as the bill rates it. `billed`: minor units of it that were billed before."""
    plan = PlanTerms(id=1, key="plus", name="Plus", version=1, currency=currency, cards=(terms,))
    known = {} if billed is None else {(terms.id, WINDOW.start): (Decimal(0), billed)}
    [rated] = rate_windows(plan, [UsageFacts(WINDOW, WINDOW, {1: quantity}, closed)], known)
    return rated
