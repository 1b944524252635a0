from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from credits.exceptions import NotVoidableError
from credits.ledger import write
from credits.models import CreditGrant
from credits.storage import Purses


@transaction.atomic
def void_grant(*, grant_id: int, at: datetime, actor: User | None, reason: str) -> CreditGrant:
    """Forfeit what is unused of a grant; one that is voided stays as it is.

    Raises NotVoidableError where it is pending, used up or expired.
    """
    row = CreditGrant.objects.get(pk=grant_id)
    customers = lock_customers([row.customer_id])
    row.refresh_from_db()
    if row.voided:
        return row
    purses = Purses().load_open([row.customer_id], until=at)
    grant = purses.grant(row.pk)
    purse = purses.of(row.customer_id, row.currency)
    purse.book_due(at)
    if grant.pending or not grant.available or grant.effective_at > at:
        raise NotVoidableError(f"grant:{row.public_id} has {grant.available} available, {grant.pending} pending")
    before = grant.available
    purse.forfeit(grant, at, "voided", f"grant:{row.public_id}:voided")
    write(purses, customers, at)
    row.refresh_from_db()
    record(
        at=at,
        actor=actor,
        customer_id=row.customer_id,
        action="void_grant",
        subject=f"grant:{row.public_id}",
        before={"available_amount": before},
        after={"voided_amount": row.voided, "currency": row.currency},
        reason=reason,
    )
    return row
