from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.audit import record
from accounts.details import checked_details
from accounts.emails import billing_details_changed
from accounts.models import BillingProfile, User
from accounts.selectors import security_recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices


@transaction.atomic
def update_billing_profile(
    *, customer_id: int, values: Mapping[str, Any], at: datetime, actor: User | None, reason: str = ""
) -> BillingProfile:
    """Change fields of the billing profile; those not named stay. Nothing changed: nothing written, nobody told.

    `values` has keys of `accounts.details.FIELDS`; `recipients` is a list of e-mail addresses. Raises
    InvalidBillingDetailsError naming the field and its rule.
    """
    customer = lock_customers([customer_id])[customer_id]
    values = checked_details(values)
    profile = BillingProfile.objects.select_related("customer").get(customer=customer)
    after = {field: value for field, value in values.items() if getattr(profile, field) != value}
    if not after:
        return profile
    before = {field: getattr(profile, field) for field in after}
    told = set(security_recipients(customer_id))
    for field, value in after.items():
        setattr(profile, field, value)
    profile.save(update_fields=[*after, "updated_at"])
    told.update(security_recipients(customer_id))
    queue_notices(
        [billing_details_changed(customer, before, after, to=sorted(told), at=at, actor=actor)],
        at=at,
    )
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="update_billing_profile",
        subject=f"customer:{customer_id}",
        before=before,
        after=after,
        reason=reason,
    )
    return profile
