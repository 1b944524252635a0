"""What periodic jobs ask of credits: what is due, by each customer's own clock. Parked customers wait."""

from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from accounts.selectors import present_in_sql
from core.due import Due, only
from core.questions import DueQuestion, Given
from credits.models import CreditGrant, OpenCharge


def due_to_book(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Customers with a grant whose release or expiry is due and not booked (`book_due_credits`); each once."""
    found = _grants_to_book(at, customer_id)
    return list(dict.fromkeys(Due(row.customer_id, row.customer_id, row.present) for row in found))


@DueQuestion
def _grants_to_book(at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    releasing = Q(pending__gt=0, paid_at__isnull=False, effective_at__lte=F("present"))
    expiring = Q(available__gt=0, expires_at__lte=F("present"))
    return _due(CreditGrant.objects.filter(**only(customer_id)), at, releasing | expiring)


@DueQuestion
def due_open_charges(at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    """Open charges whose time to settle has come (`settle_open_charges`)."""
    waiting = OpenCharge.objects.filter(settles_at__isnull=False, **only(customer_id))
    return _due(waiting, at, Q(settles_at__lte=F("present")))


def _due(rows: "QuerySet[Any]", at: Given, condition: Q) -> "QuerySet[Any, Any]":
    present = present_in_sql(at)
    found = rows.filter(customer__parked_at__isnull=True).annotate(present=present).filter(condition)
    columns: QuerySet[Any, Any] = found.order_by("present", "pk").values_list("pk", "customer_id", "present")
    return columns
