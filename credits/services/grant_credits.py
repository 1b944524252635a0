from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from core.money import UnknownCurrencyError, exponent
from credits.exceptions import CreditCurrencyError, GrantError
from credits.funding import fund
from credits.grants import GrantDraft
from credits.models import CreditBalance, CreditGrant, Funding

AT_ONCE = (Funding.PROMOTIONAL, Funding.ADJUSTMENT)
AUDITED = ("amount", "currency", "funding", "name", "priority", "effective_at", "expires_at", "features")


@transaction.atomic
def grant_credits(*, grant: GrantDraft, at: datetime, actor: User | None) -> CreditGrant:
    """Give a customer credit. Granting the same key twice gives the first grant.

    Promotional credit first repays overdraft, and the rest is available at once or when it becomes effective;
    invoiced and external credit is pending until `pay_grant`. Raises GrantError, CreditCurrencyError.
    """
    customers = lock_customers([grant.customer_id])
    if known := CreditGrant.objects.filter(key=grant.key).first():
        if known.customer_id != grant.customer_id:
            raise GrantError(f"{grant.key} is another customer's")
        return known
    _check(grant, grant.effective_at or at, at)
    row = _store(grant, at, actor)
    CreditBalance.objects.get_or_create(customer_id=grant.customer_id, currency=grant.currency)
    if grant.funding in AT_ONCE:
        fund(row, customers[row.customer_id], at)
    record(
        at=at,
        actor=actor,
        customer_id=grant.customer_id,
        action="grant_credits",
        subject=f"grant:{row.public_id}",
        after={name: _plain(getattr(row, name)) for name in AUDITED},
        reason=grant.reason,
    )
    return row


def _store(grant: GrantDraft, at: datetime, actor: User | None) -> CreditGrant:
    return CreditGrant.objects.create(
        key=grant.key,
        customer_id=grant.customer_id,
        currency=grant.currency,
        amount=grant.amount,
        pending=grant.amount,
        funding=grant.funding,
        unit_cost=grant.unit_cost,
        priority=grant.priority,
        effective_at=grant.effective_at or at,
        expires_at=grant.expires_at,
        features=sorted(set(grant.features)),
        name=grant.name,
        reason=grant.reason,
        metadata=dict(grant.metadata),
        created_at=at,
        created_by=actor,
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _check(grant: GrantDraft, effective_at: datetime, at: datetime) -> None:
    if grant.amount <= 0:
        raise GrantError(f"amount {grant.amount}", message=gettext("Enter an amount above zero."))
    if not 1 <= grant.priority <= 1000:
        raise GrantError(f"priority {grant.priority}", message=gettext("Enter a draw-down order from 1 to 1000."))
    if grant.funding not in Funding.values:
        raise GrantError(f"funding {grant.funding}")
    if grant.expires_at is not None and grant.expires_at <= max(at, effective_at):
        raise GrantError(
            f"effective {effective_at}, expires {grant.expires_at}",
            message=gettext("Credit has to expire after it becomes available, and in the future."),
        )
    try:
        exponent(grant.currency)
    except UnknownCurrencyError:
        raise CreditCurrencyError(grant.currency) from None
