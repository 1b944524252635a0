"""An issued invoice is given back – all of it, chosen lines, or an amount – by a second document."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.creditable import Creditable, check_total, note_draft, read_creditable
from invoices.exceptions import InvoiceMovedError
from invoices.giving_back import EVERYTHING, Wanted
from invoices.lines import InvoiceDraft
from invoices.models import Invoice
from invoices.previewing_notes import preview_note
from invoices.selling import take_back_sold
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices


@transaction.atomic
def issue_credit_note(
    *,
    invoice_id: int,
    at: datetime,
    actor: User | None = None,
    reason: str,
    memo: str = "",
    wanted: Wanted = EVERYTHING,
    key: str = "",
    seen: str = "",
) -> Invoice:
    """Give back what is left of an invoice, or what is wanted of it, at the tax it had; the note, issued and settled.

    Money goes where `wanted` says and is settled at once; credits return to where they came from. A repeat with the
    same `key` gives the same note; without a key, the last one where nothing is left. `seen` are the figures of the
    preview (`NotePreview.figures`) where there was one. `memo` is printed on the note, `reason` is not.

    Raises NotCreditableError (a draft, a credit note, a void invoice, nothing left), OverCreditedError (also where
    credit that the invoice sold is used), AmountNotReachableError; InvoiceMovedError where it is not the note that was
    seen.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    invoice = Invoice.objects.get(pk=invoice_id)
    own = f"invoice:{invoice.pk}:credit-note"
    full_key = f"{own}:{key}" if key else own
    earlier = Invoice.objects.filter(key=full_key).first()
    if earlier is not None:
        return earlier
    found = read_creditable(invoice)
    last = Invoice.objects.filter(key__startswith=f"{own}:").order_by("pk").last() if not key else None
    if last is not None and found.is_used_up:
        return last
    if seen and preview_note(found=found, wanted=wanted, at=at).figures != seen:
        raise InvoiceMovedError(f"invoice {invoice_id}: not what was seen")
    draft = _draft(found, note_draft(found, wanted, key=full_key, at=at), at, actor, reason)
    Invoice.objects.filter(pk=draft.pk).update(memo=memo)
    [note] = finalize_invoices(invoice_ids=[draft.pk], at=at, actor=actor, collect_now=True)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="issue_credit_note",
        subject=f"invoice:{invoice.pk}",
        after={"credit_note": note.number, "total": note.total, "goes_to": note.goes_to},
        reason=reason,
    )
    return note


def _draft(found: Creditable, asked: InvoiceDraft, at: datetime, actor: User | None, reason: str) -> Invoice:
    """Credit that was sold is taken back before the note is settled: what closes the invoice then delivers no more."""
    [draft] = draft_invoices(drafts=[asked], at=at, actor=actor)
    check_total(found, draft.total)
    take_back_sold(found.invoice, asked.lines, at, actor, reason)
    return draft
