from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.audit import record
from accounts.countries import country_names
from accounts.emails import billing_details_changed
from accounts.exceptions import InvalidBillingDetailsError
from accounts.models import BillingProfile, User
from accounts.selectors import PARTY_FIELDS, security_recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices

FIELDS = (*PARTY_FIELDS, "recipients")


@transaction.atomic
def update_billing_profile(
    *, customer_id: int, values: Mapping[str, Any], at: datetime, actor: User | None
) -> BillingProfile:
    """Change fields of the billing profile; those not named stay. Nothing changed: nothing written, nobody told.

    `values` has keys of `FIELDS`; `recipients` is a list of e-mail addresses. Raises InvalidBillingDetailsError
    naming the field and its rule.
    """
    customer = lock_customers([customer_id])[customer_id]
    values = _checked(values)
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
    )
    return profile


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, stripped; raises InvalidBillingDetailsError."""
    unknown = sorted(set(values) - set(FIELDS))
    if unknown:
        raise InvalidBillingDetailsError(message=f"{unknown[0]}: there is no such billing detail.")
    checked = {field: value.strip() for field, value in values.items() if field != "recipients"}
    if checked.get("country") and checked["country"] not in country_names():
        raise InvalidBillingDetailsError(message="Country: use a two-letter ISO 3166-1 code, such as FR.")
    _check_lengths(checked)
    if "recipients" in values:
        checked["recipients"] = _recipients(values["recipients"])
    return checked


def _check_lengths(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        field = BillingProfile._meta.get_field(name)
        longest = getattr(field, "max_length", None)
        if longest and len(value) > longest:
            label = str(getattr(field, "verbose_name", name)).capitalize()
            raise InvalidBillingDetailsError(message=f"{label}: use at most {longest} characters.")


def _recipients(addresses: list[str]) -> list[str]:
    """Each address once, in the order given."""
    unique = list(dict.fromkeys(address.strip() for address in addresses if address.strip()))
    for address in unique:
        try:
            validate_email(address)
        except ValidationError as error:
            raise InvalidBillingDetailsError(
                message=f"Invoice recipients: {address} is not an e-mail address."
            ) from error
    return unique
