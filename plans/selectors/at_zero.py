"""What the plans that customers are on do once their credit is used up."""

from collections.abc import Collection

from credits.at_zero import AtZero
from plans.models import CreditExhaustion, SettlementMode, Subscription


def at_zero_of(customer_ids: Collection[int]) -> dict[int, AtZero]:
    """By customer; absent on a plan that uses no credit. One query."""
    rows = Subscription.objects.open().filter(customer__in=customer_ids, plan__is_default=False)
    columns = ("customer_id", "plan__currency", "plan__settlement_mode", "plan__when_credits_run_out")
    return {owner: _at_zero(*plan) for owner, *plan in rows.values_list(*columns)}


def _at_zero(currency: str, settlement_mode: str, when_credits_run_out: str) -> AtZero:
    if settlement_mode != SettlementMode.CREDIT_ONLY:
        return AtZero(currency, "invoiced")
    return AtZero(currency, "refused" if when_credits_run_out == CreditExhaustion.BLOCK else "negative")
