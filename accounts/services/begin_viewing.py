from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.exceptions import ViewingRefusedError
from accounts.models import AuditEntry, User
from accounts.services.end_viewing import ACTION as ENDED
from accounts.services.lock_customers import lock_customers

ACTION = "begin_viewing"


@transaction.atomic
def begin_viewing(*, customer_id: int, key: str, until: datetime, at: datetime, actor: User, reason: str) -> AuditEntry:
    """Write down that a member of staff looks at the customer's portal as a billing viewer, and why. Once per `key`:
    a repeat gives the first entry, whose `until` holds.

    Raises ViewingRefusedError for a key that is somebody else's, or of a look that has ended: nobody looks unwritten.
    """
    lock_customers([customer_id])
    subject = f"viewing:{key}"
    own = AuditEntry.objects.filter(customer_id=customer_id, action__in=(ACTION, ENDED))
    known = own.filter(subject=subject).order_by("pk")
    first = known.first()
    if first is not None:
        if first.actor_id != actor.pk or known.filter(action=ENDED).exists():
            raise ViewingRefusedError(subject, message=gettext("This form was used before. Open it again."))
        return first
    return record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action=ACTION,
        subject=subject,
        after={"until": until.isoformat()},
        reason=reason,
    )
