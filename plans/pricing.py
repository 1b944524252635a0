"""PURE: rate card × quantity → price, exact. Nothing is rounded here (docs/algorithms/rating.md).

quantity → free units → price → percentage discount → maximum; the minimum is a line of its own (plans/rating.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from math import ceil
from typing import Literal

from invoices.lines import Settlement

WHOLE = Fraction(1)
NOTHING = Fraction(0)

Model = Literal["flat", "unit", "graduated", "volume", "package", "free"]
TIERED: tuple[Model, ...] = ("graduated", "volume")

Timing = Literal["in_arrears", "in_advance", "one_time"]
CadenceName = Literal["monthly", "yearly"]


@dataclass(frozen=True, slots=True)
class Tier:
    """The price of the units up to and including `up_to` (None: of all further ones), major units.

    `unit_amount` is per the card's `per_units`; `flat_amount` is charged as soon as the tier is reached.
    """

    up_to: Decimal | None
    unit_amount: Decimal = Decimal(0)
    flat_amount: Decimal = Decimal(0)

    @property
    def is_priced(self) -> bool:
        return bool(self.unit_amount or self.flat_amount)


@dataclass(frozen=True, slots=True)
class CardTerms:
    """The price of one thing. `amount` is a fee in minor units; everything else is in major units.

    `unit_amount` is per `per_units`; of a package it is the price of one, and `per_units` its size. `tiers` ascend
    and the last one is open. `discount_percent` is 0…100. `minimum` and `maximum` are of one usage window.
    """

    id: int
    key: str
    name: str
    model: Model
    amount: int = 0
    unit_amount: Decimal = Decimal(0)
    per_units: int = 1
    free_units: Decimal = Decimal(0)
    feature_id: int | None = None
    feature_key: str = ""
    unit: str = ""
    unit_plural: str = ""
    tiers: tuple[Tier, ...] = ()
    discount_percent: Decimal = Decimal(0)
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    timing: Timing = "in_arrears"  # of a flat fee: when it is due; usage is always in arrears
    cadence: CadenceName = "monthly"  # of a flat fee: the period it is for; usage is always monthly

    @property
    def is_priced(self) -> bool:
        """Whether it can ever charge anything."""
        if self.model == "flat":
            return bool(self.amount)
        return bool(self.minimum) or self.prices_usage

    @property
    def prices_usage(self) -> bool:
        """Whether any quantity of usage costs something."""
        if self.model in TIERED:
            return any(tier.is_priced for tier in self.tiers)
        return self.model in ("unit", "package") and bool(self.unit_amount)


@dataclass(frozen=True)
class PlanTerms:
    """One version of a plan, as far as it decides a price; all customers of a run share it."""

    id: int
    key: str
    name: str
    version: int
    currency: str
    cards: tuple[CardTerms, ...]
    settlement: Settlement = "credit_then_invoice"

    @property
    def is_credit_only(self) -> bool:
        """Whether its charges never stand on an invoice."""
        return self.settlement == "credit_only"

    @cached_property
    def fees(self) -> tuple[CardTerms, ...]:
        return tuple(card for card in self.cards if card.model == "flat")

    @cached_property
    def metered(self) -> tuple[CardTerms, ...]:
        return tuple(card for card in self.cards if card.model != "flat")

    @cached_property
    def feature_ids(self) -> tuple[int, ...]:
        """What has to be measured for it."""
        return tuple(sorted({card.feature_id for card in self.metered if card.feature_id is not None}))

    @property
    def is_priced(self) -> bool:
        """Whether a customer on it can owe anything: only then there is something to calculate."""
        return any(card.is_priced for card in self.cards)


@dataclass(frozen=True, slots=True)
class PricedTier:
    """The part of a quantity in one tier: `quantity` units above `start`, exact; amounts in major units."""

    number: int
    start: Fraction
    up_to: Fraction | None
    quantity: Fraction
    unit_amount: Decimal
    flat_amount: Fraction
    amount: Fraction


@dataclass(frozen=True, slots=True)
class PricedUsage:
    """A quantity and its price, exact and in major units.

    `included` units are free, `billable` ones cost `list_amount`, which comes to `amount` after the percentage
    discount and the maximum. `packages` were begun; `tiers` were reached, ascending (of a volume price the one that
    prices all). `minimum` and `maximum` are what the share leaves of the card's.
    """

    quantity: Decimal
    included: Fraction
    billable: Fraction
    amount: Fraction
    list_amount: Fraction = NOTHING
    packages: int = 0
    tiers: tuple[PricedTier, ...] = ()
    minimum: Fraction = NOTHING
    maximum: Fraction | None = None

    @property
    def is_capped(self) -> bool:
        """Whether the maximum is what decides the amount."""
        return self.maximum is not None and self.amount == self.maximum and bool(self.list_amount)


def price_usage(
    card: CardTerms, quantity: Decimal, share: Fraction = WHOLE, limit_share: Fraction | None = None
) -> PricedUsage:
    """Price `quantity` units of a metered card. What belongs to a window counts by `share`, its part that was kept:
    free units, tiers (upper bounds and flat prices), minimum and maximum.

    `limit_share`: of the upper bounds and the maximum, where that is more than `share`: a window of no whole day has
    those of one day, else its usage would cost nothing. Usage below the included units – or corrected below zero –
    counts as none; it is never a credit.
    """
    limits = share if limit_share is None else limit_share
    included = _free_units(card.free_units, share)
    billable = max(Fraction(quantity) - included, NOTHING)
    packages = ceil(billable / card.per_units) if card.model == "package" else 0
    tiers = _priced_tiers(card, billable, share, limits)
    listed = _list_amount(card, billable, packages, tiers)
    maximum = None if card.maximum is None else Fraction(card.maximum) * limits
    return PricedUsage(
        quantity=quantity,
        included=included,
        billable=billable,
        amount=_capped(_discounted(listed, card.discount_percent), maximum),
        list_amount=listed,
        packages=packages,
        tiers=tiers,
        minimum=Fraction(card.minimum) * share if card.minimum else NOTHING,
        maximum=maximum,
    )


def _list_amount(card: CardTerms, billable: Fraction, packages: int, tiers: tuple[PricedTier, ...]) -> Fraction:
    """The price before discount and maximum."""
    if card.model == "unit":
        return billable * _price_of_one(card.unit_amount, card.per_units)
    if card.model == "package":
        return packages * Fraction(card.unit_amount)
    return sum((tier.amount for tier in tiers), NOTHING)


@lru_cache(maxsize=1024)
def _price_of_one(unit_amount: Decimal, per_units: int) -> Fraction:
    return Fraction(unit_amount) / per_units


@lru_cache(maxsize=1024)
def _free_units(free_units: Decimal, share: Fraction) -> Fraction:
    return Fraction(free_units) * share


def _discounted(amount: Fraction, percent: Decimal) -> Fraction:
    return amount * (100 - Fraction(percent)) / 100 if percent else amount


def _capped(amount: Fraction, maximum: Fraction | None) -> Fraction:
    return amount if maximum is None else min(amount, maximum)


def _priced_tiers(
    card: CardTerms, billable: Fraction, share: Fraction, limit_share: Fraction
) -> tuple[PricedTier, ...]:
    """The tiers that price `billable` units. The first one is reached also by none: its flat price is always due."""
    if card.model not in TIERED:
        return ()
    reached = tuple(_reached(card, billable, share, limit_share))
    if card.model == "graduated":
        return reached
    last = reached[-1]
    price = Fraction(last.unit_amount) / card.per_units
    return (replace(last, start=NOTHING, quantity=billable, amount=last.flat_amount + billable * price),)


def _reached(card: CardTerms, billable: Fraction, share: Fraction, limit_share: Fraction) -> Iterator[PricedTier]:
    """Every tier that `billable` units reach, with those of them that fall into it."""
    start = NOTHING
    for number, tier in enumerate(card.tiers, 1):
        up_to = None if tier.up_to is None else Fraction(tier.up_to) * limit_share
        end = billable if up_to is None else min(up_to, billable)
        flat = Fraction(tier.flat_amount) * share
        price = Fraction(tier.unit_amount) / card.per_units
        yield PricedTier(
            number=number,
            start=start,
            up_to=up_to,
            quantity=end - start,
            unit_amount=tier.unit_amount,
            flat_amount=flat,
            amount=flat + (end - start) * price,
        )
        start = end
        if start == billable:
            return
