"""Payments nobody knows the outcome of are resolved by asking the gateway – never by paying again."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts.selectors import present_in_sql
from core.due import only
from invoices.checking import next_check
from invoices.models import UNRESOLVED, Payment
from invoices.resolving import resolve_payment


def reconcile_payments(*, at: datetime, limit: int = 100, customer_id: int | None = None) -> int:
    """How many of the payments due for a question got their outcome. Runs outside any transaction.

    An intent that was never confirmed is cancelled at the gateway, and so is one whose bank confirmation did not
    come; the invoice may then be paid by a new payment. No answer: asked again after 1 min, 5 min, 1 h, then daily.
    With `customer_id` those of that customer alone. Times go by the customer's own clock.
    """
    return sum(resolve_payment(payment, payment.customer.present(at)) for payment in _claim(at, limit, customer_id))


@transaction.atomic
def _claim(at: datetime, limit: int, customer_id: int | None) -> Sequence[Payment]:
    """Take what is due and move its next question ahead, so that no other worker asks at the same time."""
    present = present_in_sql(at)
    waiting = Payment.objects.filter(status__in=UNRESOLVED, **only(customer_id))
    waiting = waiting.filter(check_at__lte=present).order_by("check_at")
    rows = waiting.select_related("customer", "invoice").select_for_update(of=("self",), skip_locked=True, no_key=True)
    payments = list(rows[:limit])
    for payment in payments:
        payment.check_at = next_check(payment.checks + 1, payment.customer.present(at))
        payment.checks = F("checks") + 1
        payment.save(update_fields=["check_at", "checks"])
        payment.refresh_from_db(fields=["checks"])
    return payments
