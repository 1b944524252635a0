"""Everything overdue is paid: access is given again."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from plans.models import CarriedOutConsequence
from plans.selectors.overdue import due_to_release


@transaction.atomic
def release_holds(
    *, customer_ids: Collection[int], at: datetime, actor: User | None = None
) -> list[CarriedOutConsequence]:
    """Release the holds of these customers where nothing is overdue any more; those released by this call. The thanks
    of `thank_recovered` tells them."""
    customers = lock_customers(customer_ids)
    free = [pk for pk in customers for _ in due_to_release(at, pk)]
    holds = list(CarriedOutConsequence.objects.holds().filter(customer__in=free).order_by("pk"))
    for hold in holds:
        hold.released_at = at
        hold.save(update_fields=["released_at"])
        record(
            at=at,
            actor=actor,
            customer_id=hold.customer_id,
            action="release_holds",
            subject=f"invoice:{hold.overdue_id}",
            before={"held_since": hold.at.isoformat()},
            after={"released_at": at.isoformat()},
        )
    return holds
