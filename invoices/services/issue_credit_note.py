"""An issued invoice that turned out to be for nothing is given back by a second document."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from core.periods import Period, utc_day
from invoices.exceptions import NotCreditableError
from invoices.lines import InvoiceDraft, LineDraft
from invoices.models import Invoice, InvoiceStatus
from invoices.selectors import line_draft
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices

CREDITABLE = (InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE)


@transaction.atomic
def issue_credit_note(*, invoice_id: int, at: datetime, actor: User | None = None, reason: str) -> Invoice:
    """Give back every line of an invoice, at the tax it had; the credit note, issued and settled at once.

    It lowers what is still open of the invoice, then goes back to the card that paid; the rest is kept for the next
    invoice. A repeat gives the same note. Raises NotCreditableError for a draft, a credit note or a void invoice.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    invoice = Invoice.objects.get(pk=invoice_id)
    key = f"invoice:{invoice.pk}:credit-note"
    earlier = Invoice.objects.filter(key=key).first()
    if earlier is not None:
        return earlier
    if invoice.is_credit_note or invoice.status not in CREDITABLE:
        raise NotCreditableError(f"invoice {invoice_id} is {invoice.status}")
    [draft] = draft_invoices(drafts=[_draft(invoice, key, at)], at=at, actor=actor)
    [note] = finalize_invoices(invoice_ids=[draft.pk], at=at, actor=actor, collect_now=True)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="issue_credit_note",
        subject=f"invoice:{invoice.pk}",
        after={"credit_note": note.number, "total": note.total},
        reason=reason,
    )
    return note


def _draft(invoice: Invoice, key: str, at: datetime) -> InvoiceDraft:
    return InvoiceDraft(
        key=key,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        billing_on=utc_day(at),
        period=Period(invoice.period_start, invoice.period_end),
        lines=tuple(_given_back(line_draft(row)) for row in invoice.lines.order_by("position", "pk")),
        collection="send_invoice",
    )


def _given_back(line: LineDraft) -> LineDraft:
    return replace(
        line,
        key=f"{line.key}:given-back",
        title=f"{line.title} (given back)",
        amount=-line.amount,
        corrects=line.key,
        explain={**line.explain, "given_back": True},
    )
