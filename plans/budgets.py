"""PURE: what a budget asks to be told, given what was spent and used."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple


class BudgetTerms(NamedTuple):
    """What the customer agrees to be told. `amount`: per usage window, minor units of `currency`; None: none."""

    currency: str
    amount: int | None
    spend_percents: Sequence[int] = ()
    projected: bool = False
    included_percents: Sequence[int] = ()


def reached(part: Decimal | int, whole: Fraction | int, percents: Iterable[int]) -> int | None:
    """The highest of the percents of `whole` that `part` has reached; None where it has reached none, or there is
    nothing to reach."""
    if whole <= 0:
        return None
    return max((percent for percent in percents if Fraction(part) * 100 >= whole * percent), default=None)


def share(part: int, whole: int) -> int:
    """How many full percent of `whole` that is."""
    return part * 100 // whole
