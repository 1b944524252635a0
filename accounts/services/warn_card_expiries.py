"""The default card goes out of date soon: the customer is told in time, once per card and term."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.emails import card_expiring, card_expiring_key
from accounts.models import Notice, PaymentMethod, PaymentPolicy
from accounts.selectors import recipients
from accounts.services.queue_notices import queue_notices
from core.periods import midnight, utc_day

TERMS = (7, 30)  # days before, the shorter first: who is told late is told once


@transaction.atomic
def warn_card_expiries(*, at: datetime) -> int:
    """Queue E13 for every default card that expires within a term, on the customer's own clock; how many were queued.

    A card that was added within a term was seen to expire then, and is told about in the next one. Cards that a
    contract manages are nobody's to change here. Again: nothing.
    """
    wanted = {card_expiring_key(card, days): (card, days) for card, days in _due(at)}
    if not wanted:
        return 0
    told = set(Notice.objects.filter(key__in=list(wanted)).values_list("key", flat=True))
    untold = [pair for key, pair in wanted.items() if key not in told]
    to = recipients({card.customer_id for card, _days in untold})
    notices = [card_expiring(card, days, to[card.customer_id]) for card, days in untold]
    queue_notices(notices, at=at)
    return sum(bool(notice.to) for notice in notices)


def _due(at: datetime) -> Iterator[tuple[PaymentMethod, int]]:
    for card in _cards(at):
        today, last = utc_day(card.customer.present(at)), card.expires_after()
        term = next((days for days in TERMS if last - timedelta(days=days) <= today <= last), None)
        if term and card.created_at < midnight(last - timedelta(days=term)):
            yield card, term


def _cards(at: datetime) -> "QuerySet[PaymentMethod]":
    """Those that can be due: of this month and the next, by everybody's clock or the customer's own."""
    soon = Q()
    for day in {_month(utc_day(at)), _month(utc_day(at) + timedelta(days=max(TERMS)))}:
        soon |= Q(exp_year=day.year, exp_month=day.month)
    rows = PaymentMethod.objects.live().select_related("customer").filter(is_default=True)
    rows = rows.exclude(customer__payment_policy=PaymentPolicy.MANAGED_BY_CONTRACT)
    return rows.filter(soon | Q(customer__clock_at__isnull=False)).order_by("pk")


def _month(on: date) -> date:
    return on.replace(day=1)
