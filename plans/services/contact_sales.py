"""«Contact Sales»: keep the request first, mail it after."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, User
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from plans.emails import inquiry_received, inquiry_to_sales
from plans.exceptions import TooManyInquiriesError
from plans.models import SalesInquiry
from plans.quotes import check_self_serve

DAY = timedelta(days=1)
DAILY_LIMIT = 5


@transaction.atomic
def contact_sales(*, customer: Customer, values: Mapping[str, str], at: datetime, actor: User) -> SalesInquiry:
    """Store a request to sales; sales is told and the person gets a copy.

    `values`: name, email, company, message, volume. The same words again within a day are the same request. Raises
    ManagedByContractError, and TooManyInquiriesError after DAILY_LIMIT requests of one customer in a day.
    """
    customer = lock_customers([customer.pk])[customer.pk]
    check_self_serve(customer)
    recent = SalesInquiry.objects.filter(customer=customer, created_at__gt=at - DAY)
    repeated = recent.filter(user=actor, **values).first()
    if repeated is not None:
        return repeated
    if recent.count() >= DAILY_LIMIT:
        raise TooManyInquiriesError(f"customer {customer.pk} has sent {DAILY_LIMIT} requests within a day")
    inquiry = SalesInquiry.objects.create(customer=customer, user=actor, created_at=at, **values)
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="contact_sales",
        subject=f"inquiry:{inquiry.reference}",
        after={"company": inquiry.company},
    )
    queue_notices([inquiry_to_sales(inquiry), inquiry_received(inquiry)], at=at)
    return inquiry
