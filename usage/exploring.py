"""What was used, looked at from all sides: step by step, and by the dimensions of its meter. Reads only.

The same half-open windows, roll-ups and rules as the bill: what a window comes to here is what it is rated by.
"""

from collections.abc import Collection, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q

from core.periods import Window, midnight, utc_day
from usage import dimensions, summed_days
from usage.aggregation import RULES, Partial, answer
from usage.models import Feature, UsageHour
from usage.selectors import Span, quantities

STEPS = {"day": timedelta(days=1), "hour": timedelta(hours=1)}
SHOWN = 20


class Part(NamedTuple):
    """What was used in a step of a window; the first and the last step are cut at the window's instants."""

    window: Window
    quantity: Decimal


class Timeline(NamedTuple):
    """A window step by step, and as a whole. `adds_up`: whether the parts sum to it."""

    parts: tuple[Part, ...]
    quantity: Decimal
    adds_up: bool


class Member(NamedTuple):
    """What was used with one value of a dimension; None: with none."""

    name: str | None
    quantity: Decimal


class Breakdown(NamedTuple):
    """The values that used most. `others`: how many more there are; `rest`: what those used, if the meter adds up."""

    members: tuple[Member, ...]
    others: int
    rest: Decimal | None


def explorable_features(customer_id: int, feature_keys: Collection[str]) -> list[Feature]:
    """The metered features named and those that the customer ever used, with their meters, by name. One query."""
    used = Exists(UsageHour.objects.filter(customer_id=customer_id, feature=OuterRef("pk")))
    rows = Feature.objects.select_related("meter").filter(Q(key__in=feature_keys) | used, meter__isnull=False)
    return list(rows.order_by("name", "key"))


def steps_of(window: Window, step: str) -> list[Window]:
    """The UTC hours or days that a window touches, cut at its instants."""
    size = STEPS[step]
    day = midnight(utc_day(window.start))
    edge = day + (window.start - day) // size * size + size
    found: list[Window] = []
    start = window.start
    while start < window.end:
        found.append(Window(start, min(edge, window.end)))
        start, edge = edge, edge + size
    return found


def timeline(customer_id: int, feature: Feature, window: Window, step: str) -> Timeline:
    """What was used in every step (`hour` or `day`) of the window; steps without usage are there with 0. One query."""
    spans = [Span(customer_id, feature.pk, part.start, part.end) for part in steps_of(window, step)]
    adds_up = adds(feature)
    whole = Span(customer_id, feature.pk, window.start, window.end)
    used = quantities(spans if adds_up else [*spans, whole])
    parts = tuple(Part(Window(span.start, span.end), used[span]) for span in spans)
    total = sum((part.quantity for part in parts), Decimal(0)) if adds_up else used[whole]
    return Timeline(parts, total, adds_up)


def adds(feature: Feature) -> bool:
    """Whether the quantities of parts of a window sum to that of the whole."""
    return feature.meter is not None and RULES[feature.meter.aggregation].adds_up


def breakdown(customer_id: int, feature: Feature, window: Window, dimension: str) -> Breakdown:
    """The window by a dimension of the feature's meter: the SHOWN values that used most. One query."""
    asked = dimensions.Asked(customer_id, feature, window, dimension, "day")
    rows, count, whole = summed_days.most(asked, steps_of(window, "day"), SHOWN)
    members = tuple(Member(name, _answer(feature, part)) for name, part in rows)
    rest = whole - sum(member.quantity for member in members) if adds(feature) else None
    return Breakdown(members, count - len(members), rest)


def breakdown_rows(
    customer_id: int, feature: Feature, window: Window, dimension: str, step: str
) -> Iterator[tuple[Window, Member]]:
    """Every value of the dimension in every step that has one, in order, never all in memory."""
    size = STEPS[step]
    for bucket, name, part in dimensions.every(dimensions.Asked(customer_id, feature, window, dimension, step)):
        cut = Window(max(bucket, window.start), min(bucket + size, window.end))
        yield cut, Member(name, _answer(feature, part))


def _answer(feature: Feature, part: Partial) -> Decimal:
    return answer(feature.meter.aggregation, part) if feature.meter else Decimal(0)
