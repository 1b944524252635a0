"""The customer decides which optional messages are sent."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.exceptions import RequiredMailError
from accounts.models import MutedMail, OptionalMail, User
from accounts.selectors import muted_mail
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def choose_mail(*, customer_id: int, muted: Collection[str], at: datetime, actor: User | None) -> frozenset[str]:
    """From now on exactly these kinds of optional mail (`OptionalMail`) are not sent; the same again changes nothing.

    What waits in the outbox by now is sent all the same. Raises RequiredMailError for a kind that is not optional.
    """
    lock_customers([customer_id])
    wanted = frozenset(muted)
    if unknown := wanted - set(OptionalMail.values):
        raise RequiredMailError(f"not optional: {', '.join(sorted(unknown))}")
    before = muted_mail(customer_id)
    if wanted == before:
        return before
    MutedMail.objects.filter(customer_id=customer_id, kind__in=before - wanted).delete()
    MutedMail.objects.bulk_create(MutedMail(customer_id=customer_id, kind=kind) for kind in sorted(wanted - before))
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="choose_mail",
        subject=f"customer:{customer_id}",
        before={"switched_off": sorted(before)},
        after={"switched_off": sorted(wanted)},
    )
    return wanted
