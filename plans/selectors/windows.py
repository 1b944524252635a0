"""The usage windows of a customer, as they were and are billed: by spell, from calculation to calculation."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from core.periods import Window, billing_period, midnight, period_number, usage_windows, utc_day
from plans.charges import usage_key
from plans.models import RatedUsage, Subscription
from plans.selectors.upcoming import Running, running_window


class UsedWindow(NamedTuple):
    """One usage window of one spell, cut where the spell ended. `is_running`: it is not calculated yet."""

    window: Window
    subscription: Subscription
    is_running: bool


class BilledUsage(NamedTuple):
    """What has been rated of one feature in one window: the quantity, and minor units before tax. `line_key`: its
    Explain address, where it has a single one."""

    quantity: Decimal
    amount: int
    currency: str
    line_key: str


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
    """What was calculated of a feature in a window by now, with what came late; None where nothing was. One query."""
    rows = RatedUsage.objects.filter(
        subscription=used.subscription, window_starts_at=used.window.start, rate_card__feature_id=feature_id
    )
    newest = list(rows.select_related("rate_card").order_by("rate_card_id", "-number").distinct("rate_card_id"))
    if not newest:
        return None
    terms = used.subscription.plan.terms()
    single = len(newest) == 1 and not terms.is_credit_only
    return BilledUsage(
        quantity=newest[0].quantity,
        amount=sum(row.amount for row in newest),
        currency=terms.currency,
        line_key=usage_key(used.subscription.pk, newest[0].rate_card.key, used.window) if single else "",
    )


def running_usage(now: Running, feature_id: int) -> BilledUsage | None:
    """The same of the running window, as far as it is used: what the overview shows. None where it has no price."""
    rated = [row for row in now.facts.rated_usage if row.card.feature_id == feature_id]
    if not rated:
        return None
    return BilledUsage(
        quantity=rated[0].priced.quantity,
        amount=sum(row.amount for row in rated),
        currency=now.facts.terms.currency,
        line_key=usage_key(now.subscription.pk, rated[0].card.key, rated[0].facts.cut) if len(rated) == 1 else "",
    )
