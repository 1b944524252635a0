"""Drafts are given up before they are issued: their lines are free to be billed again."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from accounts.audit import audit
from accounts.models import AuditEntry, User
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.periods import utc_day
from invoices.drawing import undo
from invoices.emails import withdrawn
from invoices.models import Invoice, InvoiceLine, InvoiceStatus
from invoices.spreading import kept_for_drafts
from invoices.states import Move, after


class DiscardedDraft(NamedTuple):
    """The key a discarded draft had; a new draft may use it."""

    key: str
    customer_id: int


@transaction.atomic
def discard_drafts(*, customer_ids: Iterable[int], at: datetime, actor: User | None = None) -> list[DiscardedDraft]:
    """Void every draft of these customers: credits given back, lines deleted, key freed, the announcement withdrawn.

    Lines that had waited for a document wait again.

    A second call finds no drafts and answers with none. The caller holds the customers' lock.
    """
    customers = lock_customers(customer_ids)
    invoices = list(Invoice.objects.filter(customer_id__in=customers, status=InvoiceStatus.DRAFT).order_by("pk"))
    if not invoices:
        return []
    told = [invoice for invoice in invoices if invoice.total and _was_announced(invoice)]
    kept = kept_for_drafts(told)
    undo([invoice.pk for invoice in invoices if invoice.credits or invoice.credit_rows], "discarded", at, actor)
    discarded = [DiscardedDraft(invoice.key, invoice.customer_id) for invoice in invoices]
    lines = InvoiceLine.objects.filter(invoice__in=invoices)
    lines.filter(added_at__isnull=False).update(invoice=None, position=0, tax_rules=[], credits=0)
    lines.delete()
    for invoice in invoices:
        invoice.key = f"{invoice.key}:discarded:{invoice.pk}"
        invoice.status, invoice.voided_at = after(invoice.status, Move.DISCARD), at
    Invoice.objects.bulk_update(invoices, ["key", "status", "voided_at"])
    to = recipients(list(customers))
    notices = [
        withdrawn(invoice, to.get(invoice.customer_id, []), kept.get(invoice.pk, 0))
        for invoice in told
        if invoice.total != kept.get(invoice.pk, 0)  # else it was announced that nothing is charged
    ]
    queue_notices(notices, at=at)
    AuditEntry.objects.bulk_create(
        [_audit(invoice, was, at, actor) for invoice, was in zip(invoices, discarded, strict=True)]
    )
    return discarded


def _was_announced(invoice: Invoice) -> bool:
    """Only a draft made ahead of its billing date was announced by a message of its own."""
    return invoice.billing_on > utc_day(invoice.calculated_at)


def _audit(invoice: Invoice, was: DiscardedDraft, at: datetime, actor: User | None) -> AuditEntry:
    return audit(
        at=at,
        actor=actor,
        customer_id=invoice.customer_id,
        action="discard_drafts",
        subject=f"invoice:{invoice.pk}",
        before={"status": InvoiceStatus.DRAFT, "key": was.key, "total": invoice.total},
        after={"status": InvoiceStatus.VOID, "key": invoice.key},
    )
