"""How events become a quantity, pure.

A *measure* is what one feature reads from an event: the aggregation, the keys of the value, and the filters on
dimensions. `measured` gives the value one event brings (None: it does not count), `Partial` is the running state
of one customer, feature and hour. The database knows the same rule as `usage_measure()` (migration 0003); a test
holds the two together.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import partial, reduce
from typing import Literal, NamedTuple

from core.money import round_half_away
from usage.paths import resolve

ZERO = Decimal(0)
ONE = Decimal(1)
DECIMALS = 12  # a value with more of them could not be summed exactly in the roll-ups
EXACT = Context(prec=60)  # the default of 28 digits would round large sums
NEVER = datetime.min.replace(tzinfo=UTC)
MAX_VALUE = Decimal(10) ** 15  # of one event: an hour's sum stays far inside its column


@dataclass(frozen=True, slots=True)
class Measure:
    """What one feature reads from an event. `filters`: keys of a dimension and the texts it may have."""

    aggregation: str
    value_keys: tuple[str, ...] = ()
    filters: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = ()


class Found(NamedTuple):
    """What one event brings, and when."""

    quantity: Decimal
    time: datetime


@dataclass(frozen=True, slots=True)
class Partial:
    """Running state of one hour, or of any part of a window.

    `quantity` is the sum, the least, the greatest or the latest of what `events` events brought; `latest_at` is known
    of the latest only. Merging is associative and commutative, so order and batches do not matter.
    """

    quantity: Decimal = ZERO
    events: int = 0
    latest_at: datetime | None = None


Choose = Callable[[Partial, Partial], Decimal]


def _sum(one: Partial, other: Partial) -> Decimal:
    return EXACT.add(one.quantity, other.quantity)


def _least(one: Partial, other: Partial) -> Decimal:
    return min(one.quantity, other.quantity)


def _greatest(one: Partial, other: Partial) -> Decimal:
    return max(one.quantity, other.quantity)


def _latest(one: Partial, other: Partial) -> Decimal:
    """Of two at the same instant the greater, so that the order of arrival does not matter."""
    return max((part.latest_at or NEVER, part.quantity) for part in (one, other))[1]


@dataclass(frozen=True, slots=True)
class Rule:
    """One aggregation.

    `reads`: what an event must carry at the meter's path. `choose`: the quantity of two parts together. `additive`:
    an event's quantity is added and a correction's as well, so the whole is the sum of its parts; the others look at
    what is left of every event after its corrections.
    """

    reads: Literal["nothing", "number", "text"]
    choose: Choose = _sum
    additive: bool = True

    @property
    def needs_value(self) -> bool:
        return self.reads != "nothing"

    @property
    def counts(self) -> bool:
        """Every event brings one; a correction takes back the event that it names."""
        return self.reads != "number"

    @property
    def by_value(self) -> bool:
        """Different values are counted, which no part knows: a window is counted from its events."""
        return self.reads == "text"

    @property
    def adds_up(self) -> bool:
        """Whether the quantities of days sum to that of all of them."""
        return self.additive and not self.by_value


RULES: Mapping[str, Rule] = {
    "count": Rule(reads="nothing"),
    "sum": Rule(reads="number"),
    "avg": Rule(reads="number", additive=False),
    "min": Rule(reads="number", choose=_least, additive=False),
    "max": Rule(reads="number", choose=_greatest, additive=False),
    "unique_count": Rule(reads="text"),
    "latest": Rule(reads="number", choose=_latest, additive=False),
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
    """What one event brings to a feature; None where a filter keeps it out or the value is not what is read."""
    for names, allowed in measure.filters:
        if text(resolve(data, names)) not in allowed:
            return None
    rule = RULES[measure.aggregation]
    if rule.reads == "number":
        return number(resolve(data, measure.value_keys))
    if rule.reads == "text" and text(resolve(data, measure.value_keys)) is None:
        return None
    return -ONE if corrects else ONE


def merge(aggregation: str, parts: Iterable[Partial]) -> Partial:
    """Parts of one window together; a part without events changes nothing."""
    choose = RULES[aggregation].choose
    return reduce(partial(_merge, choose), (part for part in parts if part.events), Partial())


def _merge(choose: Choose, one: Partial, other: Partial) -> Partial:
    if not one.events:
        return other
    latest_at = max((one.latest_at or NEVER), (other.latest_at or NEVER))
    events = one.events + other.events
    return Partial(choose(one, other), events, None if latest_at == NEVER else latest_at)


def combine(aggregation: str, found: Iterable[Found]) -> Partial:
    """What several events bring together, exact."""
    if RULES[aggregation].choose is _sum:
        quantities = [quantity for quantity, _time in found]
        return Partial(reduce(EXACT.add, quantities, ZERO), len(quantities))
    keep_time = RULES[aggregation].choose is _latest
    return merge(aggregation, (Partial(quantity, 1, time if keep_time else None) for quantity, time in found))


def answer(aggregation: str, part: Partial) -> Decimal:
    """The quantity of a window whose parts are merged; 0 where nothing counts.

    An average is rounded to 12 decimals, half away from zero: the only rounding of a quantity.
    """
    if aggregation != "avg" or not part.events:
        return part.quantity
    with localcontext(EXACT):
        scaled = Fraction(part.quantity) / part.events * 10**DECIMALS
        return Decimal(round_half_away(scaled)).scaleb(-DECIMALS)
