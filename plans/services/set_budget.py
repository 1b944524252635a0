"""The customer says at which spending and usage they want to be told."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from plans.budgets import BudgetTerms
from plans.exceptions import BudgetInvalidError
from plans.models import Budget
from plans.models_budgets import PERCENTS


@transaction.atomic
def set_budget(*, customer_id: int, terms: BudgetTerms, at: datetime, actor: User | None) -> Budget:
    """From now on these messages are sent, and usage is compared at once; the same again changes nothing.

    Raises BudgetInvalidError.
    """
    lock_customers([customer_id])
    wanted = _checked(terms)
    budget = Budget.objects.filter(customer_id=customer_id).first()
    before = {name: getattr(budget, name) for name in wanted} if budget else {}
    if budget is not None and before == wanted:
        return budget
    values = {**wanted, "changed_at": at, "looked_at": None}
    budget, _created = Budget.objects.update_or_create(customer_id=customer_id, defaults=values)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="set_budget",
        subject=f"budget:{budget.pk}",
        before=before,
        after=wanted,
    )
    return budget


def _checked(terms: BudgetTerms) -> dict[str, Any]:
    if terms.amount is not None and terms.amount <= 0:
        raise BudgetInvalidError(f"amount {terms.amount}", message=gettext("Enter an amount above zero, or none."))
    if not {*terms.spend_percents, *terms.included_percents} <= set(PERCENTS):
        raise BudgetInvalidError(f"percents of {PERCENTS} only", message=gettext("Choose from 50, 80 and 100 %."))
    return {
        "currency": terms.currency,
        "amount": terms.amount,
        "spend_percents": sorted(set(terms.spend_percents)),
        "projected": terms.projected,
        "included_percents": sorted(set(terms.included_percents)),
    }
