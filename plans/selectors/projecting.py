"""What the next invoice will probably come to: the bill's own composition over projected quantities."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from core.periods import Window, midnight, utc_day
from invoices.selectors import totals_of
from plans.charges import compose_charges
from plans.projection import PATTERN_DAYS, History, Outlook, by_weekday, is_thin, outlook, with_quantities
from plans.selectors.upcoming import Running, UpcomingInvoice, previewed
from usage.aggregation import RULES
from usage.selectors import daily_quantities

DAY = timedelta(days=1)


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
            return _(
                "Projected by counting the median of the same weekdays of the last 28 days for each day that is left, "
                "priced by your plan; the range takes their 10th and 90th percentile."
            )
        known = min(self.days, 7)
        return _(
            "Projected by counting the median of the last %(days)s full days for each day that is left, "
            "priced by your plan; the range takes their 10th and 90th percentile."
        ) % {"days": known}


def projection(now: Running, upcoming: UpcomingInvoice) -> Projection | None:
    """What `upcoming` will be when its window ends; None where it is final, nothing is metered or data is thin.

    One query.
    """
    window = upcoming.window
    known = _full_days(now)
    if upcoming.draft or not upcoming.has_document or not _bills_usage(now) or is_thin(window, now.as_of, len(known)):
        return None
    outlooks = _outlooks(now, window, known)
    totals = [
        _total(now, upcoming, {feature: look[place] for feature, look in outlooks.items()})
        for place in range(len(Outlook._fields))
    ]
    # A volume price may make more usage cheaper, so the range is not always in the order of the quantities.
    return Projection(total=totals[1], low=min(totals), high=max(totals), days=len(known))


def _bills_usage(now: Running) -> bool:
    return now.subscription.next_billing_on is not None and any(card.is_priced for card in now.facts.terms.metered)


def _full_days(now: Running) -> list[date]:
    """The last days on which the spell ran from midnight to midnight, oldest first."""
    today, starts_at = utc_day(now.as_of), now.subscription.starts_at
    begun = utc_day(starts_at)
    first = max(begun if starts_at == midnight(begun) else begun + DAY, today - PATTERN_DAYS * DAY)
    return [first + number * DAY for number in range((today - first).days)]


def _outlooks(now: Running, window: Window, known: list[date]) -> dict[int, Outlook]:
    terms, at = now.facts.terms, now.as_of
    adds_up = _adding_up(now)
    used = daily_quantities(now.subscription.customer_id, terms.feature_ids, Window(midnight(known[0]), at))
    so_far = now.facts.usage[-1].quantities
    return {
        feature: outlook(_history(used[feature], at, so_far[feature], feature in adds_up), window, at)
        for feature in terms.feature_ids
    }


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


def _total(now: Running, upcoming: UpcomingInvoice, quantities: Mapping[int, Decimal]) -> int:
    composed = compose_charges(with_quantities(now.facts, quantities))
    usage = (line for line in composed if line.kind == "usage")
    lines = (*upcoming.owed, *usage)
    if not upcoming.credits:
        return totals_of(lines, upcoming.rule).total
    return previewed(upcoming.subscription, lines, upcoming.rule, upcoming.as_of).totals.total
