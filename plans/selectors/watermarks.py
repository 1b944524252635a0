"""What has been rated and billed of every usage window, and which windows usage has reached since."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.any_of import any_of
from core.periods import Window
from plans.models import RatedUsage
from usage.selectors import Span
from usage.selectors import touched_windows as touched_since


@dataclass(frozen=True, slots=True)
class Watermark:
    """Where one price over one window stands: of `number` postings the last. `amount` of the whole, minor units."""

    subscription_id: int
    customer_id: int
    has_own_clock: bool
    card_id: int
    feature_id: int
    window: Window
    planned: Window
    number: int
    quantity: Decimal
    amount: int
    rated_at: datetime

    @property
    def span(self) -> Span:
        """What usage has to be asked to rate the window again."""
        return Span(self.customer_id, self.feature_id, self.window.start, self.window.end)


def watermarks(customer_ids: Collection[int], discarding: Collection[str]) -> list[Watermark]:
    """Of all spells of these customers, in the order of time; what these invoice keys billed counts as not billed.

    One query.
    """
    rows = (
        RatedUsage.objects.filter(any_of("subscription__customer_id", customer_ids))
        .exclude(invoice_key__in=discarding)
        .order_by("window_starts_at", "rate_card_id", "number")
        .values_list(
            "subscription_id",
            "subscription__customer_id",
            "subscription__customer__clock_at",
            "rate_card_id",
            "rate_card__feature_id",
            "window_starts_at",
            "window_ends_at",
            "planned_ends_at",
            "number",
            "quantity",
            "amount",
            "rated_at",
        )
    )
    found: dict[tuple[int, int, datetime], Watermark] = {}
    for spell, customer, clock, card, feature, start, end, planned_end, number, quantity, amount, rated_at in rows:
        window, planned = Window(start, end), Window(start, planned_end)
        found[spell, card, start] = Watermark(
            spell, customer, clock is not None, card, feature or 0, window, planned, number, quantity, amount, rated_at
        )
    return list(found.values())


def touched_windows(marks: Sequence[Watermark]) -> list[Watermark]:
    """Those whose usage may have changed since they were rated. One query.

    A customer's own clock says nothing about when usage reached us: there every window counts as touched.
    """
    asked: dict[Span, datetime] = {}
    for mark in marks:
        if not mark.has_own_clock:
            asked[mark.span] = min(mark.rated_at, asked.get(mark.span, mark.rated_at))
    touched = touched_since(asked)
    return [mark for mark in marks if mark.has_own_clock or mark.span in touched]
