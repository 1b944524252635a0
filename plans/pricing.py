"""PURE: rate card × quantity → price, exact. Nothing is rounded here (docs/algorithms/rounding.md)."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

WHOLE = Fraction(1)


@dataclass(frozen=True, slots=True)
class CardTerms:
    """The price of one thing. `amount` is a fee in minor units; `unit_amount` is per `per_units`, in major units."""

    id: int
    key: str
    name: str
    model: Literal["flat", "unit"]
    amount: int = 0
    unit_amount: Decimal = Decimal(0)
    per_units: int = 1
    free_units: Decimal = Decimal(0)
    feature_id: int | None = None
    feature_key: str = ""
    unit: str = ""
    unit_plural: str = ""

    @property
    def is_priced(self) -> bool:
        """Whether it can ever charge anything."""
        return bool(self.amount if self.model == "flat" else self.unit_amount)


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """One version of a plan, as far as it decides a price."""

    id: int
    key: str
    name: str
    version: int
    currency: str
    cards: tuple[CardTerms, ...]

    @property
    def fees(self) -> tuple[CardTerms, ...]:
        return tuple(card for card in self.cards if card.model == "flat")

    @property
    def metered(self) -> tuple[CardTerms, ...]:
        return tuple(card for card in self.cards if card.model == "unit")

    @property
    def feature_ids(self) -> tuple[int, ...]:
        """What has to be measured for it."""
        return tuple(sorted({card.feature_id for card in self.metered if card.feature_id is not None}))

    @property
    def is_priced(self) -> bool:
        """Whether a customer on it can owe anything: only then there is something to calculate."""
        return any(card.is_priced for card in self.cards)


@dataclass(frozen=True, slots=True)
class PricedUsage:
    """A quantity and its price: `included` and `billable` units and `amount` (major units) are exact."""

    quantity: Decimal
    included: Fraction
    billable: Fraction
    amount: Fraction


def price_usage(card: CardTerms, quantity: Decimal, share: Fraction = WHOLE) -> PricedUsage:
    """Price `quantity` units; free units count by `share`, the part of the planned window that was kept.

    Usage below the included units – or corrected below zero – costs nothing; it is never a credit.
    """
    included = Fraction(card.free_units) * share
    billable = max(Fraction(quantity) - included, Fraction(0))
    amount = billable * Fraction(card.unit_amount) / card.per_units
    return PricedUsage(quantity=quantity, included=included, billable=billable, amount=amount)
