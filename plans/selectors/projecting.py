"""What the next invoice will probably come to: the bill's own composition over projected quantities."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext, ngettext

from core.periods import Window, midnight, utc_day
from invoices.previewing import Credit
from plans.charges import SpellFacts, compose_charges
from plans.projection import LEAST_DAYS, PATTERN_DAYS, History, Outlook, by_weekday, is_thin, outlook, with_quantities
from plans.selectors.upcoming import Days, Running, UpcomingInvoice, previewed
from usage.aggregation import RULES
from usage.selectors import Span, daily_quantities, quantities

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)

Step = tuple[datetime, dict[int, Decimal]]


@dataclass(frozen=True, slots=True)
class Projection:
    """Totals with tax in minor units: as usual, and between what and what. `days`: how many full days it knows."""

    total: int
    low: int
    high: int
    days: int

    @property
    def is_certain(self) -> bool:
        """Whether quiet and busy days come to the same."""
        return self.low == self.high == self.total

    @property
    def method(self) -> str:
        """How it is made, in one sentence."""
        if by_weekday(self.days):
            return gettext(
                "Projected by counting the median of the same weekdays of the last 28 days for each day that is left, "
                "priced by your plan; the range takes their 10th and 90th percentile."
            )
        count = min(self.days, 7)
        text = ngettext(
            "Projected by counting the last full day for each day that is left, priced by your plan.",
            "Projected by counting the median of the last %(count)d full days for each day that is left, "
            "priced by your plan; the range takes their 10th and 90th percentile.",
            count,
        )
        return text % {"count": count}


@dataclass(frozen=True, slots=True)
class Point:
    """What the running window had come to at an instant, minor units."""

    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Course:
    """How the running window came to what it is: from its start, at the end of every UTC day, until now. The last
    point is what the next invoice comes to so far, with fees, tax and credits; while an announced one waits for its
    billing date, the usage since then, as beside it; on a credits-only plan the credits used.

    `used_up`: (name of the price, end of the day) where the included units were used up, in the order of the list.
    """

    window: Window
    points: tuple[Point, ...]
    used_up: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class Prospects:
    """Where the running window comes from and goes to; None: nothing is used or priced, or it can't be told."""

    course: Course | None
    projection: Projection | None


def projection(now: Running, upcoming: UpcomingInvoice) -> Projection | None:
    """What `upcoming` will be when its window ends; None where it is final, nothing is metered or data is thin.

    One query, and what credit asks.
    """
    if not _can_project(now, upcoming):
        return None
    outlooks = _outlooks(now, upcoming.window, _days_read(now))
    return _projection(now, _totals(now, upcoming, _ends(now, outlooks)))


def prospects(now: Running, upcoming: UpcomingInvoice, *, credit: Credit | None = None) -> Prospects:
    """Both at once, with the same reads. `credit`: the customer's, where somebody has read it."""
    projects = _can_project(now, upcoming)
    if not (projects or _is_priced(now)):
        return Prospects(None, None)
    days = _days_read(now)
    steps = _steps(now, days)
    ends = _ends(now, _outlooks(now, upcoming.window, days)) if projects else []
    facts = [with_quantities(now.facts, used, closed=False) for _at, used in steps]
    totals = _totals(now, upcoming, [*facts, *ends], credit)
    points = tuple(Point(at, total) for (at, _used), total in zip(steps, totals[: len(steps)], strict=True))
    return Prospects(
        course=Course(now.facts.usage[-1].planned, points, tuple(_used_up(now, steps))) if steps else None,
        projection=_projection(now, totals[len(steps) :]) if projects else None,
    )


def thin_days(now: Running) -> int | None:
    """How many full days of usage a projection still lacks; 0 where only a larger part of the window; None: nothing."""
    known = len(_full_days(now))
    if not is_thin(now.facts.usage[-1].planned, now.as_of, known):
        return None
    return max(LEAST_DAYS - known, 0)


def _can_project(now: Running, upcoming: UpcomingInvoice) -> bool:
    is_open = not upcoming.draft and upcoming.has_document and _bills_usage(now)
    return is_open and not is_thin(upcoming.window, now.as_of, len(_full_days(now)))


def _projection(now: Running, totals: list[int]) -> Projection:
    # A volume price may make more usage cheaper, so the range is not always in the order of the quantities.
    return Projection(total=totals[1], low=min(totals), high=max(totals), days=len(_full_days(now)))


def _is_priced(now: Running) -> bool:
    return any(card.is_priced for card in now.facts.terms.metered)


def _bills_usage(now: Running) -> bool:
    bills = now.subscription.next_billing_on is not None and not now.facts.terms.is_credit_only
    return bills and _is_priced(now)


def _full_days(now: Running) -> list[date]:
    """The last days on which the spell ran from midnight to midnight, oldest first."""
    today, starts_at = utc_day(now.as_of), now.subscription.starts_at
    begun = utc_day(starts_at)
    first = max(begun if starts_at == midnight(begun) else begun + DAY, today - PATTERN_DAYS * DAY)
    return [first + number * DAY for number in range((today - first).days)]


def _days_read(now: Running) -> Days:
    """Every day since the window began, and the full days before that are compared with. One query, or none."""
    if now.days is not None:
        return now.days
    known, window = _full_days(now), now.facts.usage[-1].planned
    since = min([window.start, *(midnight(day) for day in known[:1])])
    return daily_quantities(now.subscription.customer_id, now.facts.terms.feature_ids, Window(since, now.as_of))


def _outlooks(now: Running, window: Window, days: Days) -> dict[int, Outlook]:
    adds_up, known = _adding_up(now), _full_days(now)
    so_far, today = now.facts.usage[-1].quantities, utc_day(now.as_of)
    return {
        feature: outlook(
            _history(
                [day for day in days[feature] if day[0] in {*known, today}],
                now.as_of,
                so_far[feature],
                feature in adds_up,
            ),
            window,
            now.as_of,
        )
        for feature in now.facts.terms.feature_ids
    }


def _ends(now: Running, outlooks: Mapping[int, Outlook]) -> list[SpellFacts]:
    """The window at its end: if the days left are quiet, as usual, busy."""
    places = range(len(Outlook._fields))
    return [
        with_quantities(now.facts, {feature: look[place] for feature, look in outlooks.items()}) for place in places
    ]


def _steps(now: Running, days: Days) -> list[Step]:
    """What had been used in the window at its start, at the end of every day, and now; none where nothing was used.

    One query more where a meter does not add up: what it read then is asked.
    """
    running = now.facts.usage[-1]
    if not any(running.quantities.values()):
        return []
    instants = _instants(running.planned.until(now.as_of))
    adds_up, customer_id = _adding_up(now), now.subscription.customer_id
    rest = [feature for feature in now.facts.terms.feature_ids if feature not in adds_up]
    read = quantities([Span(customer_id, each, instants[0], end) for each in rest for end in instants[1:]])
    first = {feature: Decimal(0) for feature in now.facts.terms.feature_ids}
    steps = [(instants[0], first)]
    for end in instants[1:]:
        day = utc_day(end - MICROSECOND)
        added = {each: steps[-1][1][each] + _on(days[each], day) for each in adds_up if each in first}
        steps.append((end, {**added, **{each: read[Span(customer_id, each, instants[0], end)] for each in rest}}))
    return steps


def _instants(window: Window) -> list[datetime]:
    """Its start, the midnights in it, its end."""
    first = utc_day(window.start) + DAY
    inside = [midnight(first + number * DAY) for number in range((utc_day(window.end) - first).days + 1)]
    return [window.start, *(each for each in inside if each < window.end), window.end]


def _on(days: list[tuple[date, Decimal]], on: date) -> Decimal:
    return next((quantity for day, quantity in days if day == on), Decimal(0))


def _used_up(now: Running, steps: list[Step]) -> Iterator[tuple[str, datetime]]:
    for rated in now.facts.rated_usage:
        included, feature = rated.priced.included, rated.card.feature_id or 0
        end = next((at for at, used in steps if included and used.get(feature, 0) >= included), None)
        if rated.facts is now.facts.usage[-1] and end is not None:
            yield rated.card.name, end


def _adding_up(now: Running) -> set[int]:
    """The features of which more days use more."""
    features = [card.feature for card in now.subscription.plan.rate_cards.all() if card.feature]
    return {row.pk for row in features if row.meter and RULES[row.meter.aggregation].adds_up}


def _history(days: list[tuple[date, Decimal]], at: datetime, so_far: Decimal, adds_up: bool) -> History:
    today = utc_day(at)
    return History(
        so_far=so_far,
        today=sum((quantity for on, quantity in days if on == today), Decimal(0)),
        days=[(on, quantity) for on, quantity in days if on < today],
        adds_up=adds_up,
    )


def _totals(now: Running, upcoming: UpcomingInvoice, each: list[SpellFacts], credit: Credit | None = None) -> list[int]:
    """What the invoice comes to with each of these, by the bill's own composition.

    The usage before tax where credit alone pays it, and where `upcoming` is announced already: the one after that has
    no fee yet, and the credit it would take may still pay for something else.
    """
    if upcoming.draft or now.facts.terms.is_credit_only:
        return [sum(rated.amount for rated in facts.rated_usage) for facts in each]
    usage = [tuple(line for line in compose_charges(facts) if line.kind == "usage") for facts in each]
    if not (credit or upcoming.credits):
        credit = Credit(now.subscription.customer_id, now.as_of, has_credit=False)
    documents = [(*upcoming.owed, *lines) for lines in usage]
    paid = previewed(upcoming.subscription, documents, upcoming.rule, upcoming.as_of, credit)
    return [one.totals.total for one in paid]
