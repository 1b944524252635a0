"""Refunds are taken to the gateway by their key; an answer nobody heard is retrieved, never asked for anew."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.selectors import present_in_sql
from core.due import only
from invoices.checking import next_check
from invoices.models import REFUNDING, Refund
from invoices.resolving import resolve_refund


def reconcile_refunds(*, at: datetime, limit: int = 100, customer_id: int | None = None) -> int:
    """How many of the refunds due for a question got their outcome. Runs outside any transaction.

    The first question makes the refund. Later ones look for it under its key; only where the gateway has none is it
    made, with the same key. No answer: asked again after 1 min, 5 min, 1 h, then daily. With `customer_id` those of
    that customer alone. Times go by the customer's own clock.
    """
    return sum(resolve_refund(refund, refund.customer.present(at)) for refund in _claim(at, limit, customer_id))


@transaction.atomic
def _claim(at: datetime, limit: int, customer_id: int | None) -> Sequence[Refund]:
    """Take what is due and move its next question ahead, so that no other worker asks at the same time."""
    present = present_in_sql(at)
    waiting = Refund.objects.filter(status__in=REFUNDING, **only(customer_id))
    waiting = waiting.filter(check_at__lte=present)
    rows = (
        waiting.order_by("check_at", "pk")
        .select_related("payment", "customer")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
    )
    refunds = list(rows[:limit])
    for refund in refunds:
        refund.check_at = next_check(refund.checks, refund.customer.present(at))
        refund.checks += 1
        refund.save(update_fields=["check_at", "checks"])
    return refunds
