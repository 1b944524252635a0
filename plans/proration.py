"""PURE: the share of a fee that some days of its period cost (docs/algorithms/proration.md)."""

from fractions import Fraction

from core.money import round_half_away
from core.periods import Period


def prorate(amount: int, part: Period, whole: Period) -> int:
    """What `part` of `whole` costs when the whole costs `amount` minor units; the part must lie inside (ValueError).

    Cumulative: the price of the days up to the part's end less that of the days up to its start, each rounded.
    So however a period is split, its parts sum to the whole.
    """
    if part.start < whole.start or part.end > whole.end:
        raise ValueError(f"{part} is not inside {whole}")
    until_end = _price_of_first_days(amount, (part.end - whole.start).days, whole.days)
    return until_end - _price_of_first_days(amount, (part.start - whole.start).days, whole.days)


def unused_share(charged: int, unused: Period, whole: Period, given_back: int = 0) -> int:
    """What is given back for days of `whole` that were charged and not used, in minor units.

    With what the days that were used cost it sums to the whole; `given_back` caps it as in `cap_credit`.
    """
    return cap_credit(prorate(charged, unused, whole), charged, given_back)


def cap_credit(credit: int, charged: int, given_back: int = 0) -> int:
    """A credit in minor units: never more than what is left of the amount charged after what was given back of it
    before, and never below 0. So nothing is returned twice."""
    return max(0, min(credit, charged - given_back))


def _price_of_first_days(amount: int, days: int, of: int) -> int:
    return round_half_away(Fraction(amount * days, of)) if of else 0
