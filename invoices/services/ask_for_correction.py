"""A customer says what is wrong on an issued invoice."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.corrections import correctable
from invoices.exceptions import CorrectionOpenError, NotCorrectableError
from invoices.models import CorrectionRequest, Invoice


@transaction.atomic
def ask_for_correction(*, invoice_id: int, wrong: str, key: str, at: datetime, actor: User) -> CorrectionRequest:
    """Keep the request for staff, who find it in their work list; the invoice stays as it is.

    `wrong`: what is wrong, in the customer's words. `key` is the form's: twice is once. Raises NotCorrectableError, and
    CorrectionOpenError while an earlier request about the same invoice is open.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    known = CorrectionRequest.objects.filter(key=key, customer_id=customer_id).first()
    if known is not None:
        return known
    invoice = correctable(customer_id).filter(pk=invoice_id).first()
    if invoice is None:
        raise NotCorrectableError(f"document {invoice_id} is not issued, void, or a credit note")
    if CorrectionRequest.objects.open().filter(invoice=invoice).exists():
        raise CorrectionOpenError(f"a correction of {invoice.number} is asked for")
    request = CorrectionRequest.objects.create(
        key=key, customer_id=customer_id, invoice=invoice, wrong=wrong, asked_by=actor, asked_at=at
    )
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="ask_for_correction",
        subject=f"invoice:{invoice.pk}",
        after={"request": request.public_id},
        reason=wrong,
    )
    return request
