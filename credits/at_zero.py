"""What happens once a customer's credit is used up: their plan decides, and those who know the plan hand it down."""

from collections.abc import Callable, Collection, Mapping
from typing import Literal, NamedTuple


class AtZero(NamedTuple):
    """Of credit in this currency: usage goes on below zero, or is refused, or goes on invoices."""

    currency: str
    what: Literal["negative", "refused", "invoiced"]


# By customer; absent where credit in no currency is used by the plan.
AtZeroOf = Callable[[Collection[int]], Mapping[int, AtZero]]


def unknown(_customer_ids: Collection[int]) -> Mapping[int, AtZero]:
    """Where nobody knows the plans."""
    return {}
