"""A new customer: by signing up, or made by staff before anybody of theirs has an account."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.details import checked_details
from accounts.exceptions import CustomerInvalidError
from accounts.models import BillingProfile, Customer, Membership, Role, SubjectKind, UsageSubject, User
from core.money import UnknownCurrencyError, exponent


@transaction.atomic
def open_customer(
    *,
    name: str,
    user: User | None,
    at: datetime,
    actor: User | None,
    key: str = "",
    currency: str = "",
    subject: str = "",
    subject_kind: str = SubjectKind.SUBJECT,
    details: Mapping[str, Any] | None = None,
) -> Customer:
    """A new customer with `user`, where there is one, as its billing admin and first recipient of documents.

    Its key is also the first subject that its usage events may name; `subject` is another one of that kind. `details`
    are fields of the billing profile, `currency` what it will be billed in; without one the first invoice decides.
    With a `key` a repeat returns the customer opened before. Raises CustomerInvalidError and
    InvalidBillingDetailsError, naming the field.
    """
    known = Customer.objects.filter(key=key).first() if key else None
    if known is not None:
        return known
    _check(currency, subject)
    own = {"key": key} if key else {}
    customer = Customer.objects.create(name=name, currency=currency, **own)
    recipients = [user.email] if user else []
    profile = {"legal_name": name, "recipients": recipients, **checked_details(details or {})}
    BillingProfile.objects.create(customer=customer, **profile)
    if user:
        Membership.objects.create(customer=customer, user=user, role=Role.BILLING_ADMIN)
    UsageSubject.objects.create(customer=customer, subject=customer.key)
    if subject:
        UsageSubject.objects.create(customer=customer, subject=subject, kind=subject_kind)
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="open_customer",
        subject=f"customer:{customer.pk}",
        after={"name": name, "billing_admin": user.email if user else "", "currency": currency, "subject": subject},
    )
    return customer


def _check(currency: str, subject: str) -> None:
    if currency:
        try:
            exponent(currency)
        except UnknownCurrencyError as error:
            message = gettext("Currency: “%(currency)s” is not an ISO 4217 code.") % {"currency": currency}
            raise CustomerInvalidError(f"unknown currency {currency}", message=message) from error
    taken = UsageSubject.objects.select_related("customer").filter(subject=subject).first() if subject else None
    if taken is not None:
        message = gettext("Mapping: “%(subject)s” belongs to %(customer)s already. Usage belongs to one customer.") % {
            "subject": subject,
            "customer": taken.customer,
        }
        raise CustomerInvalidError(f"subject {subject} is taken", message=message)
