"""A draft is issued before its billing date: the number comes today, the charge on the day that was announced."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.exceptions import InvoiceMovedError
from invoices.models import Invoice
from invoices.rules import check_issuable
from invoices.services.finalize_invoices import finalize_invoices


@transaction.atomic
def issue_early(*, invoice_id: int, total: int, at: datetime, actor: User | None = None, reason: str) -> Invoice:
    """Issue one draft now; collected automatically on its billing date, not before.

    `total` is what the actor has seen, minor units. A draft that is issued already stays as it is. What happens to the
    plan until the billing date is charged, or given back, by a later document. Raises NotADraftError where it was
    discarded, InvoiceMovedError where it comes to another total.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    draft = Invoice.objects.get(pk=invoice_id)
    if draft.number is not None:
        return draft
    check_issuable(draft)
    [invoice] = finalize_invoices(invoice_ids=[draft.pk], at=at, actor=actor)
    if invoice.total != total:
        raise InvoiceMovedError(f"invoice {invoice_id}: {invoice.total}, seen {total}")
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="issue_early",
        subject=f"invoice:{invoice.pk}",
        before={"billing_on": invoice.billing_on.isoformat()},
        after={"number": invoice.number, "total": invoice.total, "collect_at": _text(invoice.collect_at)},
        reason=reason,
    )
    return invoice


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
