"""The usage windows of a customer, as they were and are billed: by spell, from calculation to calculation."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from django.utils.translation import gettext

from core.periods import Window, billing_period, midnight, period_number, usage_windows, utc_day
from invoices.selectors import line_amounts
from plans.charges import RatedWindow, usage_key
from plans.late import posted_lines
from plans.line_words import title
from plans.models import RatedUsage, Subscription
from plans.selectors.upcoming import Running, running_window


class UsedWindow(NamedTuple):
    """One usage window of one spell, cut where the spell ended. `is_running`: it is not calculated yet."""

    window: Window
    subscription: Subscription
    is_running: bool


class UsageLine(NamedTuple):
    """One line of a window, with its Explain address; what has none is explained elsewhere."""

    key: str
    title: str
    amount: int


class BilledUsage(NamedTuple):
    """What has been rated of one feature in one window: the quantity, and minor units before tax. `lines` sum to the
    amount, except where it is 0 or settled by the hour: then there may be none."""

    quantity: Decimal
    amount: int
    currency: str
    lines: tuple[UsageLine, ...]

    @property
    def line_key(self) -> str:
        """The Explain address of the amount, where a single line is all of it."""
        return self.lines[0].key if len(self.lines) == 1 else ""

    @property
    def parts(self) -> tuple[UsageLine, ...]:
        """The lines, where the amount is of several."""
        return self.lines if len(self.lines) > 1 else ()


def recent_windows(customer_id: int, at: datetime, *, past: int) -> list[UsedWindow]:
    """The running usage window, then those before it, the newest first, with their spells' terms. Four queries."""
    spells = Subscription.objects.filter(customer_id=customer_id, starts_at__lte=at).with_terms()
    found = (row for spell in spells.order_by("-starts_at", "-pk")[: past + 1] for row in _windows(spell, at))
    return list(islice(found, past + 1))


def _windows(spell: Subscription, at: datetime) -> Iterator[UsedWindow]:
    """Those of one spell, the newest first."""
    until = spell.ends_at
    if until is None:
        now = running_window(spell, at)
        yield UsedWindow(now, spell, is_running=True)
        until = now.start
    billed = spell.plan.terms().is_priced
    pairs = usage_windows(spell.anchor_on, spell.starts_at, until) if billed else _months(spell, until)
    for cut, _planned in reversed(list(pairs)):
        yield UsedWindow(cut, spell, is_running=False)


def _months(spell: Subscription, until: datetime) -> Iterator[tuple[Window, Window]]:
    """A plan that never bills counts by months from the anchor, as `running_window` does."""
    number = period_number(spell.anchor_on, utc_day(spell.starts_at))
    start = spell.starts_at
    while start < until:
        month = billing_period(spell.anchor_on, number)
        planned = Window(start, midnight(month.end))
        yield planned.until(until), planned
        start, number = planned.end, number + 1


def billed_usage(used: UsedWindow, feature_id: int) -> BilledUsage | None:
    """What was calculated of a feature in a window by now, with what came late; None where nothing was. Two queries."""
    rows = RatedUsage.objects.filter(
        subscription=used.subscription, window_starts_at=used.window.start, rate_card__feature_id=feature_id
    )
    postings = list(rows.select_related("rate_card").order_by("rate_card_id", "number"))
    if not postings:
        return None
    newest = {row.rate_card_id: row for row in postings}
    terms = used.subscription.plan.terms()
    return BilledUsage(
        quantity=next(iter(newest.values())).quantity,
        amount=sum(row.amount for row in newest.values()),
        currency=terms.currency,
        lines=() if terms.is_credit_only else _stored_lines(postings),
    )


def _stored_lines(postings: Sequence[RatedUsage]) -> tuple[UsageLine, ...]:
    """Those that the postings stand on. A window without usage has none, and what came to nothing may have none."""
    titles: dict[str, str] = {}
    for row in postings:
        window = Window(row.window_starts_at, row.window_ends_at)
        titles |= posted_lines(row.subscription_id, row.rate_card.key, row.rate_card.name, window, row.number)
    amounts = line_amounts(titles)
    return tuple(UsageLine(key, title(kept), amounts[key]) for key, kept in titles.items() if key in amounts)


def running_usage(now: Running, feature_id: int) -> BilledUsage | None:
    """The same of the running window, as far as it is used: what the overview shows. None where it has no price."""
    rated = [row for row in now.facts.rated_usage if row.card.feature_id == feature_id]
    if not rated:
        return None
    return BilledUsage(
        quantity=rated[0].priced.quantity,
        amount=sum(row.amount for row in rated),
        currency=now.facts.terms.currency,
        lines=tuple(line for row in rated for line in _running_lines(now, row)),
    )


def _running_lines(now: Running, rated: RatedWindow) -> Iterator[UsageLine]:
    """What credit has paid of the window stands in «Transaction History», hour by hour."""
    if rated.billed_amount:
        yield UsageLine("", gettext("Charged to credits so far"), rated.billed_amount)
    if rated.has_line:
        key = usage_key(now.subscription.pk, rated.card.key, rated.facts.cut)
        said = gettext("Not charged yet") if rated.billed_amount else rated.card.name
        yield UsageLine(key, said, rated.difference)
