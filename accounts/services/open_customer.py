from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import BillingProfile, Customer, Membership, Role, UsageSubject, User


@transaction.atomic
def open_customer(*, name: str, user: User, at: datetime, actor: User | None) -> Customer:
    """A new customer with `user` as its billing admin and first recipient of documents.

    Its key is also the first subject that its usage events may name.
    """
    customer = Customer.objects.create(name=name)
    BillingProfile.objects.create(customer=customer, legal_name=name, recipients=[user.email])
    Membership.objects.create(customer=customer, user=user, role=Role.BILLING_ADMIN)
    UsageSubject.objects.create(customer=customer, subject=customer.key)
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="open_customer",
        subject=f"customer:{customer.pk}",
        after={"name": name, "billing_admin": user.email},
    )
    return customer
