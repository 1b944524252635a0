"""Payments nobody knows the outcome of are resolved by asking the gateway – never by paying again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from accounts.selectors import present_in_sql
from core.due import only
from core.questions import Given, Question
from invoices.checking import next_check
from invoices.models import UNRESOLVED, Payment
from invoices.resolving import resolve_payment


def reconcile_payments(*, at: datetime, limit: int = 100, customer_id: int | None = None) -> int:
    """How many of the payments due for a question got their outcome. Runs outside any transaction.

    An intent that was never confirmed is cancelled at the gateway, and so is one whose bank confirmation did not
    come; the invoice may then be paid by a new payment. No answer: asked again after 1 min, 5 min, 1 h, then daily.
    With `customer_id` those of that customer alone. Times go by the customer's own clock.
    """
    if not _is_due.ask(at=at, customer_id=customer_id):
        return 0
    return sum(resolve_payment(payment, payment.customer.present(at)) for payment in _claim(at, limit, customer_id))


@Question
def _is_due(at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    return _due(at, customer_id).values_list("pk")[:1]


def _due(at: datetime | Given, customer_id: int | Given | None) -> "QuerySet[Payment]":
    waiting = Payment.objects.filter(status__in=UNRESOLVED, **only(customer_id))
    return waiting.filter(check_at__lte=present_in_sql(at))


@transaction.atomic
def _claim(at: datetime, limit: int, customer_id: int | None) -> Sequence[Payment]:
    """Take what is due and move its next question ahead, so that no other worker asks at the same time."""
    waiting = _due(at, customer_id).order_by("check_at")
    rows = waiting.select_related("customer", "invoice").select_for_update(of=("self",), skip_locked=True, no_key=True)
    payments = list(rows[:limit])
    for payment in payments:
        payment.check_at = next_check(payment.checks + 1, payment.customer.present(at))
        payment.checks = F("checks") + 1
        payment.save(update_fields=["check_at", "checks"])
        payment.refresh_from_db(fields=["checks"])
    return payments
