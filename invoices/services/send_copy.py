"""«E-mail a copy»: an issued document to the person who asks, and to nobody else."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.models import Notice, User
from accounts.notices import WITH_PDF
from accounts.services.lock_customers import lock_customers
from invoices.exceptions import NotSendableError
from invoices.mailing import document_mail, queue_once
from invoices.models import Invoice
from invoices.showing import receipts


@transaction.atomic
def send_copy(*, invoice_id: int, at: datetime, actor: User, asked_at: datetime | None = None) -> Notice:
    """Queue the mail of the invoice or credit note for `actor` alone, with the figures of now and every receipt.
    As PDFs, whatever the customer chose: who asks for a copy wants the paper. Their data go as the customer chose.

    Within the same minute of `asked_at` – the present, where `at` is a clock's that stands – it is the first message
    again. Raises NotSendableError for a draft.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    invoice = Invoice.objects.prefetch_related("payments").get(pk=invoice_id)
    if invoice.number is None:
        raise NotSendableError(f"invoice {invoice_id} is a draft", message=gettext("It is not issued yet."))
    draft = document_mail(invoice, [actor.email])
    papers = [*draft.documents, *(f"receipt:{payment.pk}" for payment in receipts(invoice))]
    key = f"invoice:{invoice_id}:copy:{actor.pk}:{asked_at or at:%Y-%m-%dT%H:%M}"
    copy = replace(draft, key=key, documents=papers, context=draft.context | {WITH_PDF: True})
    return queue_once(copy, invoice, action="send_copy", at=at, actor=actor)
