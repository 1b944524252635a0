"""How events become a quantity, pure.

A *measure* is what one feature reads from an event: the aggregation, the keys of the value, and the filters on
dimensions. `measured` gives the value one event brings (None: it does not count), `Partial` is the running state
of one customer, feature and hour. The database knows the same rule as `usage_measure()` (migration 0002); a test
holds the two together.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import reduce
from typing import Self

from usage.paths import resolve

ZERO = Decimal(0)
ONE = Decimal(1)
DECIMALS = 12  # a value with more of them could not be summed exactly in the roll-ups
EXACT = Context(prec=60)  # the default of 28 digits would round large sums
MAX_VALUE = Decimal(10) ** 15  # of one event: an hour's sum stays far inside its column


@dataclass(frozen=True, slots=True)
class Measure:
    """What one feature reads from an event. `filters`: keys of a dimension and the texts it may have."""

    aggregation: str
    value_keys: tuple[str, ...] = ()
    filters: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = ()


@dataclass(frozen=True, slots=True)
class Partial:
    """Running state of one hour. Merging is associative and commutative, so order and batches do not matter."""

    quantity: Decimal = ZERO
    events: int = 0

    def merge(self, other: Self) -> "Partial":
        return Partial(EXACT.add(self.quantity, other.quantity), self.events + other.events)


@dataclass(frozen=True, slots=True)
class Rule:
    """One aggregation: what an event brings, given its value and whether it corrects another one."""

    needs_value: bool
    brings: Callable[[Decimal, bool], Decimal]
    additive: bool = field(default=True)  # the whole is the sum of its hours


RULES: Mapping[str, Rule] = {
    # A correction takes back the event that it names.
    "count": Rule(needs_value=False, brings=lambda _value, corrects: -ONE if corrects else ONE),
    "sum": Rule(needs_value=True, brings=lambda value, _corrects: value),
}


def number(value: object) -> Decimal | None:
    """A JSON number as it is; None for everything else (text, true, null, an object) and for NaN and Infinity."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    exact = Decimal(value)
    return exact if exact.is_finite() else None


def text(value: object) -> str | None:
    """A dimension's value as text, the way the database writes it; None for objects, lists and null."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return format(value, "f") if isinstance(value, Decimal) and value.is_finite() else None


def measured(measure: Measure, data: Mapping[str, object], *, corrects: bool) -> Decimal | None:
    """What one event brings to a feature; None where a filter keeps it out or the value is no number."""
    for names, allowed in measure.filters:
        if text(resolve(data, names)) not in allowed:
            return None
    rule = RULES[measure.aggregation]
    if not rule.needs_value:
        return rule.brings(ONE, corrects)
    value = number(resolve(data, measure.value_keys))
    return None if value is None else rule.brings(value, corrects)


def combine(quantities: Iterable[Decimal]) -> Partial:
    """What several events bring together, exact."""
    parts = list(quantities)
    return Partial(reduce(EXACT.add, parts, ZERO), len(parts))
