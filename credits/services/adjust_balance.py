from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from core.money import UnknownCurrencyError, exponent
from credits.charges import ChargeDraft
from credits.exceptions import AdjustmentError, CreditCurrencyError
from credits.grants import GrantDraft
from credits.ledger import write
from credits.models import CreditCharge, CreditGrant, Funding
from credits.services.grant_credits import grant_credits
from credits.state import FUNDING
from credits.storage import Purses
from credits.words import ADJUSTMENT


@transaction.atomic
def adjust_balance(
    *, key: str, customer_id: int, currency: str, amount: int, reason: str, at: datetime, actor: User | None
) -> None:
    """Add (`amount` > 0) or take (< 0) credit by hand; adjusting with the same key twice does it once.

    What is added repays overdraft first. What is taken comes from unrestricted credit in draw-down order; what is not
    there becomes overdraft. Raises AdjustmentError without an amount or a reason, CreditCurrencyError.
    """
    customers = lock_customers([customer_id])
    if not amount or not reason.strip():
        raise AdjustmentError(f"{amount} {currency}, reason {reason!r}")
    key = f"adjustment:{key}"
    if CreditGrant.objects.filter(key=key).exists() or CreditCharge.objects.filter(key=key).exists():
        return
    if amount > 0:
        draft = GrantDraft(
            key=key, customer_id=customer_id, currency=currency, amount=amount, funding=Funding.ADJUSTMENT,
            name=ADJUSTMENT, reason=reason, unit_cost=0,
        )  # fmt: skip
        grant_credits(grant=draft, at=at, actor=actor)
    else:
        try:
            exponent(currency)
        except UnknownCurrencyError:
            raise CreditCurrencyError(currency) from None
        purses = Purses().load_open([customer_id], until=at)
        charge = ChargeDraft(
            key=key, group=key, customer_id=customer_id, currency=currency, feature_key="", amount=-amount,
            booked_at=at, may_overdraw=True, is_final=True, title=ADJUSTMENT,
        )  # fmt: skip
        purses.of(customer_id, currency).take(charge, at, kind="adjustment", to=FUNDING, beyond=FUNDING)
        write(purses, customers, at)
    record(
        at=at, actor=actor, customer_id=customer_id, action="adjust_balance", subject=key,
        after={"amount": amount, "currency": currency}, reason=reason,
    )  # fmt: skip
