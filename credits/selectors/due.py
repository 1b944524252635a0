"""What periodic jobs ask of credits: what is due, by each customer's own clock. Parked customers wait."""

from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from accounts.selectors import due_rows
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
    return due_rows(CreditGrant.objects.filter(**only(customer_id)), at, releasing | expiring)


@DueQuestion
def due_open_charges(at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    """Open charges whose time to settle has come (`settle_open_charges`)."""
    waiting = OpenCharge.objects.filter(settles_at__isnull=False, **only(customer_id))
    return due_rows(waiting, at, Q(settles_at__lte=F("present")))
