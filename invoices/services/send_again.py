"""The message of an issued document, or of a receipt, once more."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext, gettext_noop

from accounts.models import Notice, User
from accounts.notices import NoticeDraft
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from invoices.emails import paid
from invoices.exceptions import NotSendableError
from invoices.mailing import document_mail, queue_once
from invoices.models import Invoice, PaymentStatus

NOBODY = gettext_noop("Nobody receives this customer's mail. Add an address, then send again.")


@transaction.atomic
def send_again(
    *,
    invoice_id: int,
    payment_id: int | None = None,
    also: str = "",
    at: datetime,
    actor: User | None = None,
    asked_at: datetime | None = None,
) -> Notice:
    """Queue the mail of the invoice or credit note – with `payment_id` that of the receipt – for the recipients, and
    for the address `also`; with the figures of now, and the files that the customer wants attached by now.

    Within the same minute of `asked_at` – the present, where `at` is a clock's that stands – it is the first message
    again. Raises NotSendableError for a draft, for a payment that did not succeed, and where nobody would get it.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    invoice = Invoice.objects.get(pk=invoice_id)
    to = list(dict.fromkeys([*recipients([customer_id])[customer_id], *filter(None, [also])]))
    draft = _message(invoice, payment_id, to)
    draft = replace(draft, key=f"{draft.key}:again:{asked_at or at:%Y-%m-%dT%H:%M}")
    if not to and not Notice.objects.filter(key=draft.key).exists():
        raise NotSendableError(f"invoice {invoice_id}: no recipients", message=gettext(NOBODY))
    return queue_once(draft, invoice, action="send_again", at=at, actor=actor)


def _message(invoice: Invoice, payment_id: int | None, to: list[str]) -> NoticeDraft:
    if invoice.number is None:
        raise NotSendableError(f"invoice {invoice.pk} is a draft")
    if payment_id is None:
        return document_mail(invoice, to)
    payment = invoice.payments.filter(pk=payment_id, status=PaymentStatus.SUCCEEDED).first()
    if payment is None:
        raise NotSendableError(f"invoice {invoice.pk}: payment {payment_id} did not succeed")
    return paid(payment, to)
