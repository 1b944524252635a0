from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.exceptions import CustomerInvalidError
from accounts.models import Customer, User
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def rename_customer(*, customer_id: int, name: str, at: datetime, actor: User | None, reason: str = "") -> Customer:
    """Call a customer differently. The legal name and issued documents stay. Its name already: nothing is written.

    Raises CustomerInvalidError for an empty or too long name.
    """
    customer = lock_customers([customer_id])[customer_id]
    name = name.strip()
    longest = Customer._meta.get_field("name").max_length or 0
    if not 0 < len(name) <= longest:
        raise CustomerInvalidError(
            f"{len(name)} characters", message=gettext("Name: use 1 to %(longest)s characters.") % {"longest": longest}
        )
    if name == customer.name:
        return customer
    before = customer.name
    customer.name = name
    customer.save(update_fields=["name"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="rename_customer",
        subject=f"customer:{customer_id}",
        before={"name": before},
        after={"name": name},
        reason=reason,
    )
    return customer
