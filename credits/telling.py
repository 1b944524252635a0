"""The customer hears of a grant once, in the transaction that gave it."""

from datetime import datetime

from accounts.models import Customer
from accounts.selectors import recipients
from accounts.services.queue_notices import queue_notices
from credits.emails import granted
from credits.models import CreditGrant, Funding
from credits.selectors import balance
from usage.selectors import feature_names


def tell_granted(grant: CreditGrant, *, customer: Customer, before: int, at: datetime) -> None:
    """Queue the message about a grant that is paid. `before`: what had settled in its currency, minor units.

    An adjustment puts something right and is no gift, and what expired before it was paid never arrived: no message.
    """
    if grant.funding == Funding.ADJUSTMENT or grant.settled_at is not None:
        return
    names = feature_names() if grant.features else {}
    draft = granted(
        grant,
        customer=customer.name,
        before=before,
        after=balance(grant.customer_id, grant.currency, at).settled,
        features=[names.get(key, key) for key in grant.features],
        to=recipients([grant.customer_id])[grant.customer_id],
    )
    queue_notices([draft], at=at)
