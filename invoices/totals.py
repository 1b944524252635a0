"""PURE: lines → subtotal, tax, total. The same function for previews, drafts and documents."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from core.money import round_half_away


@dataclass(frozen=True, slots=True)
class TaxRule:
    """One rate as printed: label and percent."""

    label: str
    percent: Decimal


NO_TAX = TaxRule(label="", percent=Decimal(0))


@dataclass(frozen=True, slots=True)
class Totals:
    """Minor units; `total == subtotal + tax`."""

    subtotal: int
    tax: int
    total: int


def total_up(amounts: Iterable[int], rule: TaxRule) -> Totals:
    """Tax is computed once, on the sum, rounded half away from zero."""
    subtotal = sum(amounts)
    tax = round_half_away(subtotal * Fraction(rule.percent) / 100)
    return Totals(subtotal=subtotal, tax=tax, total=subtotal + tax)
