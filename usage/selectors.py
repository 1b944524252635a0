"""What other rooms and pages may ask about usage. Reads only."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from accounts.models import UsageSubject
from core.periods import Window, midnight, utc_day
from usage import late, measuring, storage
from usage.acceptance import Listeners, Subject, Value
from usage.aggregation import RULES, ZERO, Measure, Partial, answer, merge
from usage.exceptions import UnknownCustomerError
from usage.late import Looked as Looked
from usage.models import Feature, Meter
from usage.paths import keys

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EVER = datetime(1970, 1, 1, tzinfo=UTC)
FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
LAG = timedelta(minutes=15)  # later than that, usage of a steady stream is late
RHYTHM = timedelta(days=7)  # from which it is told how long a customer ordinarily pauses
STORING = timedelta(minutes=5)  # longer than a batch needs from its arrival until it is visible

Interval = tuple[datetime, datetime]


class Span(NamedTuple):
    """One question: how much of a feature a customer used in `[start, end)`, instants in UTC."""

    customer_id: int
    feature_id: int
    start: datetime
    end: datetime


class Freshness(NamedTuple):
    """How old what we know of a customer's usage is. `received_at`: when some last reached us; None: never.

    `pause` is the longest time from one hour in which something was used to the next, in the last seven days; None
    where there are not two.
    """

    received_at: datetime | None = None
    pause: timedelta | None = None

    def is_delayed(self, at: datetime) -> bool:
        """Whether they are silent for longer than they use to be: 15 minutes where usage comes every hour."""
        if self.received_at is None or self.pause is None:
            return False
        return at - self.received_at > (LAG if self.pause <= HOUR else self.pause + HOUR)

    def misses_days(self, at: datetime) -> bool:
        """Whether a day that is over may not be complete yet."""
        return self.received_at is not None and self.is_delayed(at) and utc_day(self.received_at) < utc_day(at)


def quantities(spans: Sequence[Span]) -> dict[Span, Decimal]:
    """How much was used in each span, exact to the microsecond; 0 where nothing was. One query for any number.

    Whole hours come from the roll-ups, the rest of the first and the last hour from the events themselves; unique
    values are counted in the events.
    """
    asked = list(dict.fromkeys(spans))
    if not asked:
        return {}
    hours: list[measuring.Asked] = []
    edges: list[measuring.Asked] = []
    for place, (customer_id, feature_id, start, end) in enumerate(asked):
        whole, rest = split(start, end)
        hours += [(place, customer_id, feature_id, since, until) for since, until in whole]
        edges += [(place, customer_id, feature_id, since, until) for since, until in rest]
    found: dict[tuple[int, str], list[Partial]] = {}
    for place, aggregation, part in measuring.measure_spans(hours, edges):
        found.setdefault((place, aggregation), []).append(part)
    used = {place: answer(aggregation, merge(aggregation, parts)) for (place, aggregation), parts in found.items()}
    return {span: used.get(place, ZERO) for place, span in enumerate(asked)}


def touched_hours(looks: Mapping[int, Looked]) -> set[tuple[int, int, datetime]]:
    """(customer, feature, hour) of the hours before `until` that usage may have reached since `at`. One query.

    Never misses one, and sometimes names one where nothing arrived: the last minutes before the look count too,
    because a batch that had arrived then may not have been stored yet. Rating again tells; it is idempotent.
    """
    if not looks:
        return set()
    return set(late.touched_hours({customer: Looked(at - STORING, until) for customer, (at, until) in looks.items()}))


def hours_since(seen: Mapping[int, datetime | None]) -> dict[int, list[tuple[int, datetime]]]:
    """By customer (feature id, hour) of the hours that usage may have reached since the customer was looked at last;
    None: all there are. Customers without any are absent. One query, for any number of customers.

    As with `touched_hours` the last minutes before are named again. Looking again must change nothing.
    """
    found: dict[int, list[tuple[int, datetime]]] = {}
    looks = {customer_id: Looked(at or EVER, FOR_EVER) for customer_id, at in seen.items()}
    for customer_id, feature_id, hour in touched_hours(looks):
        found.setdefault(customer_id, []).append((feature_id, hour))
    return found


def used_hours(spans: Sequence[Span]) -> dict[Span, list[datetime]]:
    """The hours of each span in which something was used, ascending; the first one may begin before the span. One
    query."""
    if not spans:
        return {}
    found: dict[Span, list[datetime]] = {span: [] for span in spans}
    for place, hour in measuring.used_hours([(place, *span) for place, span in enumerate(spans)]):
        found[spans[place]].append(hour)
    return found


@lru_cache(maxsize=4096)  # customers that are billed together ask about few windows
def split(start: datetime, end: datetime) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
    """A window as (whole hours, edges): at most one run of whole hours, at most two edges; none of them empty."""
    first, last = _ceil(start), _floor(end)
    if first > last:  # both ends inside one hour
        return (), _not_empty((start, end))
    return _not_empty((first, last)), _not_empty((start, first), (last, end))


def _not_empty(*intervals: Interval) -> tuple[Interval, ...]:
    return tuple((start, end) for start, end in intervals if start < end)


def _floor(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _ceil(at: datetime) -> datetime:
    return at if _floor(at) == at else _floor(at) + HOUR


def daily_quantities(
    customer_id: int, feature_ids: Collection[int], window: Window
) -> dict[int, list[tuple[date, Decimal]]]:
    """What was used on every UTC day that the window touches, within the window: feature id → [(day, quantity)].

    Days without usage are there with 0. The first and the last day are cut at the window's instants, so the days
    sum to the window. One query.
    """
    spans = day_spans(customer_id, feature_ids, window)
    used = quantities(list(spans.values()))
    days: dict[int, list[tuple[date, Decimal]]] = {feature_id: [] for feature_id in feature_ids}
    for (feature_id, on), span in spans.items():
        days[feature_id].append((on, used[span]))
    return days


def day_spans(customer_id: int, feature_ids: Collection[int], window: Window) -> dict[tuple[int, date], Span]:
    """The questions behind `daily_quantities`, by feature id and day, in the order of the days."""
    days: list[tuple[date, Window]] = []
    day = utc_day(window.start)
    while midnight(day) < window.end:
        start = max(midnight(day), window.start)
        days.append((day, Window(start, min(midnight(day) + DAY, window.end))))
        day += DAY
    return {
        (feature_id, on): Span(customer_id, feature_id, part.start, part.end)
        for feature_id in feature_ids
        for on, part in days
    }


def features_by_key(feature_keys: Collection[str]) -> dict[str, Feature]:
    """The features of these keys, with their meters; unknown keys are absent."""
    rows = Feature.objects.select_related("meter").filter(key__in=feature_keys)
    return {feature.key: feature for feature in rows}


def freshness(customer_id: int, at: datetime) -> Freshness:
    """How old what we know of the customer's usage is at their present. One query."""
    return Freshness(*storage.freshness(customer_id, at - RHYTHM, at))


def all_features() -> list[Feature]:
    """The whole catalogue by name, each feature with its meter. One query."""
    return list(Feature.objects.select_related("meter").order_by("name", "key"))


def subjects(names: Collection[str], at: datetime) -> dict[str, Subject]:
    """Whose each subject is, and what that customer's clock shows (`at`, unless it has one of its own)."""
    rows = UsageSubject.objects.filter(subject__in=names).values_list("subject", "customer_id", "customer__clock_at")
    return {subject: Subject(customer_id, clock_at or at) for subject, customer_id, clock_at in rows}


def subject_of(name: str) -> UsageSubject:
    """The usage subject of this name, else the first one of the customer with this key or person.

    Raises UnknownCustomerError where there is none, or where the person has several customers.
    """
    rows = UsageSubject.objects.order_by("pk")
    found = (
        rows.filter(subject=name).first()
        or rows.filter(customer__key=name).first()
        or _only_customer(rows.filter(customer__users__email=name.lower()))
    )
    if found is None:
        raise UnknownCustomerError(f"no customer of its own: {name!r}")
    return found


def _only_customer(rows: Iterable[UsageSubject]) -> UsageSubject | None:
    found = list(rows)
    return found[0] if len({row.customer_id for row in found}) == 1 else None


def listeners(types: Collection[str]) -> dict[str, Listeners]:
    """Who listens to each event type; types nobody listens to are absent. Two queries."""
    meters = Meter.objects.filter(event_type__in=types).prefetch_related("features")
    by_type: dict[str, list[Meter]] = {}
    for meter in meters:
        by_type.setdefault(meter.event_type, []).append(meter)
    return {event_type: _listeners(group) for event_type, group in by_type.items()}


def _listeners(meters: Sequence[Meter]) -> Listeners:
    reads = {(meter.value_path, RULES[meter.aggregation].reads) for meter in meters}
    return Listeners(
        values=tuple(Value(path, keys(path), kind == "number") for path, kind in sorted(reads) if kind != "nothing"),
        aggregations=frozenset(meter.aggregation for meter in meters),
        measures=tuple((feature.pk, measure(meter, feature)) for meter in meters for feature in meter.features.all()),
    )


def measure(meter: Meter, feature: Feature) -> Measure:
    """What a feature reads from an event."""
    filters: Mapping[str, Sequence[str]] = feature.filters
    return Measure(
        aggregation=meter.aggregation,
        value_keys=keys(meter.value_path) if RULES[meter.aggregation].needs_value else (),
        filters=tuple((keys(meter.dimensions[name]), frozenset(allowed)) for name, allowed in filters.items()),
    )


def feature_names() -> dict[str, str]:
    """Every feature's name by its key, in the order of their names."""
    return dict(Feature.objects.order_by("name").values_list("key", "name"))
