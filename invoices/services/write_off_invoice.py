"""An invoice that nobody expects to be paid any more."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.models import Invoice, InvoiceStatus
from invoices.rules import check_written_off
from invoices.states import Move, after


@transaction.atomic
def write_off_invoice(*, invoice_id: int, at: datetime, actor: User | None = None, reason: str) -> Invoice:
    """Make an open invoice uncollectible: it is collected no more, but may still be paid, voided or credited.

    Writing off twice is a no-op. Raises NotWrittenOffError for any other document, PaymentPendingError.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    invoice = Invoice.objects.get(pk=invoice_id)
    if invoice.status == InvoiceStatus.UNCOLLECTIBLE:
        return invoice
    check_written_off(invoice)
    invoice.status, invoice.collect_at = InvoiceStatus(after(invoice.status, Move.WRITE_OFF)), None
    invoice.save(update_fields=["status", "collect_at"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="write_off_invoice",
        subject=f"invoice:{invoice.pk}",
        before={"status": InvoiceStatus.OPEN},
        after={"status": invoice.status, "amount_due": invoice.amount_due},
        reason=reason,
    )
    return invoice
