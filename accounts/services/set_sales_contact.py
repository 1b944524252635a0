from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.exceptions import SalesContactInvalidError
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


def check_sales_contact(name: str, email: str) -> None:
    """Raises SalesContactInvalidError."""
    if bool(name) != bool(email):
        raise SalesContactInvalidError(f"{name!r} and {email!r}")
    longest = Customer._meta.get_field("sales_contact_name").max_length or 0
    if len(name) > longest:
        message = gettext("Name: use 1 to %(longest)s characters.") % {"longest": longest}
        raise SalesContactInvalidError(f"{len(name)} characters", message=message)
    try:
        if email:
            validate_email(email)
    except ValidationError as error:
        message = gettext("%(address)s is not an e-mail address.") % {"address": email}
        raise SalesContactInvalidError(email, message=message) from error
