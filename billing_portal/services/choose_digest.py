from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from billing_portal.models import Digest
from core.periods import utc_day


@transaction.atomic
def choose_digest(*, wanted: bool, at: datetime, actor: User) -> None:
    """A member of staff switches their own daily summary on or off; the same again changes nothing.

    The first one comes the next morning: switched on, the present day is done with.
    """
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    before = Digest.objects.filter(user=actor).exists()
    if before == wanted:
        return
    if wanted:
        Digest.objects.create(user=actor, since=at, told_on=utc_day(at))
    else:
        Digest.objects.filter(user=actor).delete()
    record(
        at=at,
        actor=actor,
        customer_id=None,
        action="choose_digest",
        subject=f"user:{actor.pk}",
        before={"wanted": before},
        after={"wanted": wanted},
    )
