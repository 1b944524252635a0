"""A document's mail at somebody's wish: what both verbs that send it share."""

from datetime import datetime

from accounts.audit import record
from accounts.models import Notice, User
from accounts.notices import NoticeDraft
from accounts.selectors import default_payment_methods
from accounts.services.queue_notices import queue_notices
from invoices.emails import issued
from invoices.models import Invoice


def document_mail(invoice: Invoice, to: list[str]) -> NoticeDraft:
    """That of the invoice or credit note, with the figures of now."""
    card = default_payment_methods([invoice.customer_id]).get(invoice.customer_id)
    return issued(invoice, card, to)


def queue_once(draft: NoticeDraft, invoice: Invoice, *, action: str, at: datetime, actor: User | None) -> Notice:
    """The message, queued and kept in the audit trail; where its key was queued before, that message and no more.

    Under the customer's lock.
    """
    known = Notice.objects.filter(key=draft.key).first()
    if known is not None:
        return known
    queue_notices([draft], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=invoice.customer_id,
        action=action,
        subject=f"invoice:{invoice.pk}",
        after={"notice": draft.key, "to": draft.to},
    )
    return Notice.objects.get(key=draft.key)
