"""Charges that would have settled themselves later, and no longer will."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.audit import record_all
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from credits.models import OpenCharge


@transaction.atomic
def withdraw_open_charges(*, keys: Collection[str], at: datetime, actor: User | None = None) -> int:
    """Take back these charges before their time; a key without an open charge changes nothing. Returns how many.

    For a fee that was calculated ahead when the plan changes before its billing date.
    """
    rows = OpenCharge.objects.filter(key__in=list(keys), settles_at__isnull=False)
    lock_customers(rows.values_list("customer_id", flat=True))
    waiting = list(rows.order_by("pk"))
    OpenCharge.objects.filter(pk__in=[row.pk for row in waiting]).delete()
    record_all(
        at=at,
        actor=actor,
        action="withdraw_open_charges",
        entries=[
            (row.customer_id, f"charge:{row.key}", {"amount": row.amount, "currency": row.currency}, {})
            for row in waiting
        ],
    )
    return len(waiting)
