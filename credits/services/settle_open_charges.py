from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.services.lock_customers import lock_customers
from credits.charges import from_json
from credits.models import OpenCharge
from credits.services.draw_down_credits import draw_down_credits


@transaction.atomic
def settle_open_charges(*, ids: Iterable[int], at: datetime) -> int:
    """Draw down open charges whose time has come by `at`, each booked at its instant; how many.

    Ids that are gone or not due are passed over.
    """
    rows = OpenCharge.objects.filter(pk__in=list(ids), settles_at__lte=at)
    lock_customers(rows.values_list("customer_id", flat=True))
    charges = [from_json(row.charge) for row in rows.order_by("settles_at", "pk")]
    draw_down_credits(charges=charges, at=at)
    return len(charges)
