from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.details import check_sales_contact
from accounts.models import Customer, User
from accounts.services.lock_customers import lock_customers

FIELDS = ("sales_contact_name", "sales_contact_email")


@transaction.atomic
def set_sales_contact(
    *, customer_id: int, name: str, email: str, at: datetime, actor: User | None, reason: str = ""
) -> Customer:
    """Say who in sales a customer talks to; both empty: the general address of sales. As it is: nothing is written.

    Raises SalesContactInvalidError for one without the other, a name that is too long, or what is no e-mail address.
    """
    customer = lock_customers([customer_id])[customer_id]
    values = dict(zip(FIELDS, (name.strip(), email.strip()), strict=True))
    check_sales_contact(*values.values())
    after = {field: value for field, value in values.items() if getattr(customer, field) != value}
    if not after:
        return customer
    before = {field: getattr(customer, field) for field in after}
    for field, value in after.items():
        setattr(customer, field, value)
    customer.save(update_fields=[*after])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="set_sales_contact",
        subject=f"customer:{customer_id}",
        before=before,
        after=after,
        reason=reason,
    )
    return customer
