"""What things cost in the plain ledger: fees, prices of usage and taxes, worked out without the engine.

Only the standard library is used here, not even the engine's rounding. Amounts are in minor units.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

EXACT = Context(prec=80)
DIGITS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}


def rounded(value: Fraction) -> int:
    exact = EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP, EXACT))


@dataclass(frozen=True)
class Tax:
    """Rates in percent, each of the net amount; `inclusive`: one that the prices contain already."""

    percents: tuple[str, ...] = ()
    inclusive: bool = False

    def split(self, amount: int) -> tuple[int, int]:
        """A sum of lines as net amount and tax."""
        if self.inclusive:
            net = rounded(Fraction(amount * 100) / (100 + Fraction(self.percents[0])))
            return net, amount - net
        return amount, sum(rounded(amount * Fraction(percent) / 100) for percent in self.percents)


@dataclass(frozen=True)
class Fee:
    """`timing`: in_arrears, in_advance or one_time; for a period of so many months."""

    key: str
    amount: int
    timing: str = "in_arrears"
    months: int = 1


@dataclass(frozen=True)
class Price:
    """Of one feature. `tiers` are (up to, unit price, flat price); minimum, maximum and flat prices in minor units."""

    feature: str
    model: str
    unit: str = "0"
    per: int = 1
    free: int = 0
    tiers: tuple[tuple[int | None, str, int], ...] = ()
    discount: str = "0"
    minimum: int | None = None
    maximum: int | None = None

    def lines(self, quantity: Fraction, share: Fraction, limits: Fraction, currency: str) -> tuple[int, int]:
        """Usage and what is missing to the minimum. `limits`: the share of bounds and maximum."""
        scale = 10 ** DIGITS[currency]
        units = max(quantity - self.free * share, Fraction(0))
        price = self._listed(units, share, limits, scale) * (1 - Fraction(self.discount) / 100)
        if self.maximum is not None:
            price = min(price, self.maximum * limits)
        usage = rounded(price)
        least = rounded(self.minimum * share) if self.minimum is not None else 0
        return usage, max(least - usage, 0)

    def _listed(self, units: Fraction, share: Fraction, limits: Fraction, scale: int) -> Fraction:
        if self.model in ("unit", "free"):
            return units / self.per * Fraction(self.unit) * scale
        if self.model == "package":
            return -(-units // self.per) * Fraction(self.unit) * scale
        bounds = [None if up_to is None else up_to * limits for up_to, _unit, _flat in self.tiers]
        if self.model == "volume":
            place = next(n for n, bound in enumerate(bounds) if bound is None or units <= bound)
            _up_to, unit, flat = self.tiers[place]
            return units / self.per * Fraction(unit) * scale + flat * share
        price, start = Fraction(0), Fraction(0)
        for bound, (_up_to, unit, flat) in zip(bounds, self.tiers, strict=True):
            end = units if bound is None else min(bound, units)
            price += (end - start) / self.per * Fraction(unit) * scale + flat * share
            start = end
            if start == units:
                break
        return price


@dataclass(frozen=True)
class PlainPlan:
    """One version of a plan."""

    key: str
    currency: str
    fees: tuple[Fee, ...]
    prices: tuple[Price, ...]
    version: int = 1
    by_contract: bool = False
