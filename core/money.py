"""Money: integer minor units, ISO 4217 codes, and the only rounding in the house.

An *amount* is an `int` in minor units of its currency (cents, yen, fils). Prices, quantities and everything
between them are exact (`Decimal` or `Fraction`) until `quantize` turns them into an amount, once per line.
See docs/algorithms/rounding.md.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache

from babel.numbers import get_currency_precision, list_currencies

Exact = Decimal | Fraction | int


class UnknownCurrencyError(ValueError):
    """The code is not an ISO 4217 currency."""


@cache
def exponent(currency: str) -> int:
    """Number of decimals of the minor unit: JPY 0, USD 2, KWD 3. Raises UnknownCurrencyError."""
    if currency not in list_currencies():
        raise UnknownCurrencyError(currency)
    return get_currency_precision(currency)


def round_half_away(value: Exact) -> int:
    """The nearest integer; a tie goes away from zero (2.5 → 3, −2.5 → −3)."""
    return _nearest(*value.as_integer_ratio())


def quantize(value: Exact, currency: str) -> int:
    """Major units, exact → amount in minor units. The ONLY rounding of money in the house."""
    numerator, denominator = value.as_integer_ratio()
    return _nearest(numerator * 10 ** exponent(currency), denominator)


def _nearest(numerator: int, denominator: int) -> int:
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def to_major(amount: int, currency: str) -> Decimal:
    """Amount in minor units → major units, exact: to_major(1797, "USD") == Decimal("17.97")."""
    return Decimal(amount).scaleb(-exponent(currency))


def allocate(total: int, weights: Sequence[Exact]) -> list[int]:
    """Split an amount by weights without losing a cent (largest remainder; a tie goes to the first).

    The parts sum to `total`. Weights must not be negative nor all zero (ValueError).
    """
    exact = [Fraction(weight) for weight in weights]
    whole = sum(exact)
    if whole <= 0 or min(exact) < 0:
        raise ValueError("weights must be non-negative and not all zero")
    sign = 1 if total >= 0 else -1
    shares = [abs(total) * weight / whole for weight in exact]
    parts = [int(share) for share in shares]
    left = abs(total) - sum(parts)
    by_remainder = sorted(range(len(shares)), key=lambda index: (parts[index] - shares[index], index))
    for index in by_remainder[:left]:
        parts[index] += 1
    return [sign * part for part in parts]
