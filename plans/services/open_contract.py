"""Staff: put a customer on a plan that was agreed with sales."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from plans.exceptions import CancelFirstError, PlanNotFoundError
from plans.models import Plan, Subscription
from plans.spells import close_spell, open_spell, open_subscription, snapshot


@transaction.atomic
def open_contract(*, customer_id: int, plan: Plan, at: datetime, actor: User | None) -> Subscription:
    """End the customer's plan without prices and begin `plan` at `at`. Already on it: that spell, untouched.

    Raises PlanNotFoundError for another customer's contract; CancelFirstError on a paid plan, whose closing invoice
    the customer has to see first; NoSubscriptionError before the first spell.
    """
    customer = lock_customers([customer_id])[customer_id]
    current = open_subscription(customer_id)
    if current.plan_id == plan.pk:
        return current
    if plan.customer_id not in (None, customer_id):
        raise PlanNotFoundError(f"{plan} is the contract of customer {plan.customer_id}")
    if current.plan.terms().is_priced:
        raise CancelFirstError(f"customer {customer_id} is on {current.plan}")
    close_spell(current, at, followed_by=plan, at=at)
    spell = open_spell(customer=customer, plan=plan, at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="open_contract",
        subject=f"subscription:{spell.pk}",
        before=snapshot(current),
        after=snapshot(spell),
    )
    return spell
