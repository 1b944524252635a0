"""Refunds are taken to the gateway by their key; an answer nobody heard is retrieved, never asked for anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.selectors import present_in_sql
from core.due import only
from core.questions import Given, Question
from invoices.checking import next_check
from invoices.models import REFUNDING, Refund
from invoices.resolving import resolve_refund

if TYPE_CHECKING:
    from django.db.models import QuerySet


def reconcile_refunds(*, at: datetime, limit: int = 100, customer_id: int | None = None) -> int:
    """How many of the refunds due for a question got their outcome. Runs outside any transaction.

    The first question makes the refund. Later ones look for it under its key; only where the gateway has none is it
    made, with the same key. No answer: asked again after 1 min, 5 min, 1 h, then daily. With `customer_id` those of
    that customer alone. Times go by the customer's own clock.
    """
    if not _is_due.ask(at=at, customer_id=customer_id):
        return 0
    return sum(resolve_refund(refund, refund.customer.present(at)) for refund in _claim(at, limit, customer_id))


@Question
def _is_due(at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    return _due(at, customer_id).values_list("pk")[:1]


def _due(at: datetime | Given, customer_id: int | Given | None) -> "QuerySet[Refund]":
    waiting = Refund.objects.filter(status__in=REFUNDING, **only(customer_id))
    return waiting.filter(check_at__lte=present_in_sql(at))


@transaction.atomic
def _claim(at: datetime, limit: int, customer_id: int | None) -> Sequence[Refund]:
    """Take what is due and move its next question ahead, so that no other worker asks at the same time."""
    rows = (
        _due(at, customer_id)
        .order_by("check_at", "pk")
        .select_related("payment", "customer")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
    )
    refunds = list(rows[:limit])
    for refund in refunds:
        refund.check_at = next_check(refund.checks, refund.customer.present(at))
        refund.checks += 1
        refund.save(update_fields=["check_at", "checks"])
    return refunds
