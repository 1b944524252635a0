"""An issued invoice that nobody has to pay after all."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from core.periods import utc_day
from invoices.drawing import undo
from invoices.models import Invoice, InvoiceStatus
from invoices.rules import check_voidable
from invoices.selling import give_up_sold
from invoices.states import Move, after


@transaction.atomic
def void_invoice(*, invoice_id: int, at: datetime, actor: User | None = None, reason: str) -> Invoice:
    """Void an invoice on which nothing is paid; it keeps its number and its lines, and is collected no more.

    Its open amount goes, and what credit paid of it goes back to credit; credit that it sells never becomes
    available. Voiding twice is a no-op. Raises
    NotVoidableError where something is paid or was given back, a payment has no outcome yet, or the billing date is
    still to come.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    invoice = Invoice.objects.get(pk=invoice_id)
    if invoice.status == InvoiceStatus.VOID:
        return invoice
    before = invoice.status
    check_voidable(invoice, utc_day(at))
    invoice.status = InvoiceStatus(after(invoice.status, Move.VOID))
    undo([invoice.pk], "voided", at, actor)
    give_up_sold(invoice, at, actor, reason)
    invoice.voided_at, invoice.collect_at = at, None
    invoice.save(update_fields=["status", "voided_at", "collect_at"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="void_invoice",
        subject=f"invoice:{invoice.pk}",
        before={"status": before},
        after={"status": invoice.status},
        reason=reason,
    )
    return invoice
