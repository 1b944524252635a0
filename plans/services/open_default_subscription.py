"""Put a new customer on the default plan."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from plans.models import Plan, Subscription
from plans.spells import open_spell, snapshot


@transaction.atomic
def open_default_subscription(*, customer_id: int, at: datetime, actor: User | None) -> Subscription:
    """Open the customer's first spell, on the published default plan. A customer who has a plan keeps it."""
    customer = lock_customers([customer_id])[customer_id]
    current = Subscription.objects.open().select_related("plan").filter(customer=customer).first()
    if current is not None:
        return current
    plan = Plan.objects.published().with_cards().get(is_default=True)
    spell = open_spell(customer=customer, plan=plan, at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="open_default_subscription",
        subject=f"subscription:{spell.pk}",
        after=snapshot(spell),
    )
    return spell
