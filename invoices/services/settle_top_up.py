"""The payment of an automatic top-up has failed: nothing is tried again by itself."""

from datetime import datetime

from django.db import transaction

from accounts.services.lock_customers import lock_customers
from invoices.models import CreditSale
from invoices.services.stop_top_up import stop_top_up
from invoices.services.void_invoice import void_invoice
from invoices.topping_up import failed_top_ups

REASON = "The payment of an automatic top-up failed."


@transaction.atomic
def settle_top_up(*, sale_id: int, at: datetime) -> bool:
    """Void the sale and switch its rule off; False where its payment has not failed (any more)."""
    sale = CreditSale.objects.get(pk=sale_id)
    lock_customers([sale.customer_id])
    if sale_id not in {due.id for due in failed_top_ups(at, sale.customer_id)} or sale.rule_id is None:
        return False
    void_invoice(invoice_id=sale.invoice_id, at=at, reason=REASON)
    stop_top_up(rule_id=sale.rule_id, because="failed", at=at, reason=REASON)
    return True
