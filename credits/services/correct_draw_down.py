from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from credits.charges import CorrectionDraft
from credits.correcting import Correcting, load_corrected, load_waiting
from credits.ledger import write
from credits.models import CreditCorrection, OpenCharge
from credits.storage import Purses


@transaction.atomic
def correct_draw_down(
    *, corrections: Sequence[CorrectionDraft], at: datetime, actor: User | None = None
) -> dict[str, int]:
    """Give credit back, each correction as a movement of its own; by key the amount given back in minor units.

    The newest charge of a group first: one that still waits to be settled is lowered; then overdraft goes away, then
    credit returns to the grants that paid, the last first. A key that was corrected before gives the first result.
    Raises CorrectionError where a charge does not hold that much.
    """
    customers = lock_customers({one.customer_id for one in corrections})
    keys = [one.key for one in corrections]
    given = dict(CreditCorrection.objects.filter(key__in=keys).values_list("key", "amount"))
    new = list({one.key: one for one in corrections if one.key not in given}.values())
    if not new:
        return given
    purses = Purses().load_open({one.customer_id for one in new}, until=at)
    load_corrected(new, purses)
    for purse in purses:
        purse.book_due(at)
    write(purses, customers, at)
    origins = purses.origins(chain.from_iterable(purse.charges for purse in purses))
    correcting = Correcting(purses, load_waiting(new), at, origins=origins)
    given |= {one.key: correcting.give_back(one) for one in new}
    written = write(purses, customers, at)
    _write_waiting(correcting, at)
    CreditCorrection.objects.bulk_create(
        CreditCorrection(
            key=one.key, customer_id=one.customer_id, group=one.group, amount=given[one.key],
            description=one.description, created_at=at,
        )
        for one in new
    )  # fmt: skip
    if written:
        record(
            at=at,
            actor=actor,
            customer_id=new[0].customer_id if len(customers) == 1 else None,
            action="correct_draw_down",
            subject=f"corrections:{len(new)}",
            after={"transactions": written, "customers": len(customers)},
        )
    return given


def _write_waiting(correcting: Correcting, at: datetime) -> None:
    if gone := [row.pk for row in correcting.lowered if not row.amount]:
        OpenCharge.objects.filter(pk__in=gone).delete()
    if less := [row for row in correcting.lowered if row.amount]:
        for row in less:
            row.updated_at = at
        OpenCharge.objects.bulk_update(less, ["amount", "charge", "updated_at"])
