"""«E-mail a copy»: an issued document to the person who asks, and to nobody else."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import Notice, User
from accounts.selectors import default_payment_methods
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.emails import issued
from invoices.exceptions import NotSendableError
from invoices.models import Invoice
from invoices.showing import receipts


@transaction.atomic
def send_copy(*, invoice_id: int, at: datetime, actor: User) -> Notice:
    """Queue the mail of the invoice or credit note for `actor` alone, with the figures of now and every receipt.

    Within the same minute it is the first message again. Raises NotSendableError for a draft.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    invoice = Invoice.objects.prefetch_related("payments").get(pk=invoice_id)
    if invoice.number is None:
        raise NotSendableError(f"invoice {invoice_id} is a draft", message=gettext("It is not issued yet."))
    key = f"invoice:{invoice_id}:copy:{actor.pk}:{at:%Y-%m-%dT%H:%M}"
    known = Notice.objects.filter(key=key).first()
    if known is not None:
        return known
    message = issued(invoice, default_payment_methods([customer_id]).get(customer_id), [actor.email])
    papers = [*message.documents, *(f"receipt:{payment.pk}" for payment in receipts(invoice))]
    queue_notices([replace(message, key=key, documents=papers)], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="send_copy",
        subject=f"invoice:{invoice_id}",
        after={"notice": key, "to": [actor.email]},
    )
    return Notice.objects.get(key=key)
