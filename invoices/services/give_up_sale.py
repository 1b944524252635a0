"""A purchase that nobody has paid is given up after a while."""

from datetime import datetime

from django.db import transaction

from accounts.services.lock_customers import lock_customers
from invoices.models import CreditSale
from invoices.services.void_invoice import void_invoice
from invoices.topping_up import due_to_give_up


@transaction.atomic
def give_up_sale(*, sale_id: int, at: datetime) -> bool:
    """Void its invoice, and with it the grant that waits; False where it is paid, or may be, or has time."""
    sale = CreditSale.objects.get(pk=sale_id)
    lock_customers([sale.customer_id])
    if sale_id not in {due.id for due in due_to_give_up(at, sale.customer_id)}:
        return False
    void_invoice(invoice_id=sale.invoice_id, at=at, reason="The purchase was not paid in time.")
    return True
