"""Credit that was sold goes with its price: what is unused is taken back where money is given back."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from core import formats
from credits.exceptions import TakeBackError
from credits.ledger import write
from credits.models import CreditGrant
from credits.storage import Purses


@transaction.atomic
def take_back_credits(
    *, grant_id: int, total: int, at: datetime, actor: User | None = None, reason: str = ""
) -> CreditGrant:
    """Take credit of a grant back until `total` of it is, minor units; what is taken back already counts.

    What is not paid yet goes first and never was on the ledger. So a repeat changes nothing. Raises TakeBackError
    where that is more than is unused.
    """
    row = CreditGrant.objects.get(pk=grant_id)
    customers = lock_customers([row.customer_id])
    row.refresh_from_db()
    before = row.taken_back
    if total <= before:
        return row
    purses = Purses().load_open([row.customer_id], until=at)
    grant = purses.grant(row.pk)
    purse = purses.of(row.customer_id, row.currency)
    purse.book_due(at)
    unused = grant.pending + grant.available
    if total - before > unused:
        left = formats.money(unused, row.currency)
        message = gettext("Only %(amount)s of these credits is unused: no more than its price can be given back.")
        raise TakeBackError(
            f"grant:{row.public_id}: {total - before} asked, {unused} unused", message=message % {"amount": left}
        )
    purse.take_back(grant, total - before, at, f"grant:{row.public_id}:taken-back:{total}")
    write(purses, customers, at)
    row.refresh_from_db()
    record(
        at=at,
        actor=actor,
        customer_id=row.customer_id,
        action="take_back_credits",
        subject=f"grant:{row.public_id}",
        before={"taken_back": before},
        after={"taken_back": row.taken_back, "currency": row.currency},
        reason=reason,
    )
    return row
