from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from billing_portal.models import Run, RunKind, Trigger


@transaction.atomic
def run_customer_again(*, customer_id: int, key: str, reason: str, at: datetime, actor: User) -> Run:
    """Ask for a billing run of one customer alone, parked or not: a row that waits for a worker (`do_wanted`).

    `key` is the form's: twice is once. While a run of the customer waits there is no other. The worker takes the
    customer out of parking; what fails again parks it again, with the new reason.
    """
    lock_customers([customer_id])
    found = Run.objects.filter(key=key).first() or Run.objects.waiting().filter(customer_id=customer_id).first()
    if found is not None:
        return found
    run = Run.objects.create(
        key=key,
        kind=RunKind.CUSTOMER,
        trigger=Trigger.PERSON,
        actor=actor,
        customer_id=customer_id,
        reason=reason,
        wanted_at=at,
    )
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="run_customer_again",
        subject=f"customer:{customer_id}",
        after={"run": run.pk},
        reason=reason,
    )
    return run
