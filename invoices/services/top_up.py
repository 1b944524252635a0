"""A rule buys credit by itself, once, when too little is available."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.models import Customer
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.buying import sale_totals, sold_grant
from invoices.emails_selling import top_up_at_ceiling
from invoices.models import CreditSale, TopUpRule
from invoices.services.sell_credits import sell_credits
from invoices.topping_up import is_due, month_of, rule_key, spent


@transaction.atomic
def top_up(*, rule_id: int, at: datetime) -> CreditSale | None:
    """Sell what a rule says, to be collected now; None where it is not due (any more).

    Whoever asks twice, or at the same time, finds one sale: the second sees it unpaid, or the cool-down. At the
    ceiling nothing is bought until the next UTC month, and the customer is told once.
    """
    customer_id = TopUpRule.objects.values_list("customer_id", flat=True).get(pk=rule_id)
    customer = lock_customers([customer_id])[customer_id]
    rule = TopUpRule.objects.get(pk=rule_id)
    if not is_due(rule, at):
        return None
    grant = sold_grant(rule_key(rule), customer_id, rule.currency, rule.amount, at)
    total = sale_totals(grant, at).total
    if spent(rule, at) + total > rule.ceiling:
        _wait_for_next_month(rule, customer, at)
        return None
    sale = sell_credits(grant=grant, total=total, at=at, origin="top_up", rule=rule)
    rule.bought += 1
    rule.next_at = at + settings.TOP_UP_COOL_DOWN
    rule.save(update_fields=["bought", "next_at"])
    return sale


def _wait_for_next_month(rule: TopUpRule, customer: Customer, at: datetime) -> None:
    rule.next_at = month_of(at)[1]
    rule.save(update_fields=["next_at"])
    to = recipients([customer.pk])[customer.pk]
    queue_notices([top_up_at_ceiling(rule, customer.name, spent(rule, at), at, to)], at=at)
