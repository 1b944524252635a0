"""A credit note before it is issued: the draft's and the settlement's own steps on the same facts, writing nothing."""

from dataclasses import dataclass
from datetime import datetime

from invoices.creditable import Creditable, check_total, note_draft
from invoices.giving_back import Wanted
from invoices.models import Invoice, InvoiceKind
from invoices.previewing import DocumentPreview, preview_document
from invoices.selling import check_take_back
from invoices.settling import Settlement
from invoices.spreading import Books, open_notes, settlement_at_issue
from invoices.totals import rules_from


@dataclass(frozen=True, slots=True)
class NotePreview:
    """`document` has the note's lines, tax and total (below zero) and the credits it returns; `settlement` says where
    its money goes, and `books` has the invoices and payments that it names."""

    document: DocumentPreview
    settlement: Settlement
    books: Books

    @property
    def figures(self) -> str:
        """Everything that was shown, as the form carries it: another note is not issued without being shown."""
        totals, lines = self.document.totals, [(line.corrects, line.amount) for line in self.document.lines]
        parts = [
            [(part.id, part.amount) for part in parts] for parts in (self.settlement.applied, self.settlement.refunded)
        ]
        return f"{totals.total}:{totals.tax}:{self.document.returned}:{self.settlement.kept}:{parts}:{lines}"


def preview_note(*, found: Creditable, wanted: Wanted, at: datetime) -> NotePreview:
    """What `issue_credit_note` would make of it at `at`. Raises as that does."""
    invoice = found.invoice
    draft = note_draft(found, wanted, key="preview", at=at)
    document = preview_document(
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        lines=draft.lines,
        rule=rules_from(invoice.tax_rules),  # of no effect: every line has the rates of the one it corrects
        billing_on=draft.billing_on,
        at=at,
        given_back=draft.given_back,
    )
    check_total(found, document.totals.total)
    check_take_back(invoice, draft.lines, at)
    return NotePreview(document, *_settlement(invoice, wanted, document.totals.total, at))


def _settlement(invoice: Invoice, wanted: Wanted, total: int, at: datetime) -> tuple[Settlement, Books]:
    note = Invoice(
        pk=0,
        customer_id=invoice.customer_id,
        kind=InvoiceKind.CREDIT_NOTE,
        currency=invoice.currency,
        total=total,
        corrects=[invoice.number],
        finalized_at=at,
        goes_to=wanted.goes_to,
        goes_first_to_id=wanted.payment_id,
    )
    note.names_lines = True  # type: ignore[attr-defined]  # as `with_named_lines` reads it
    earlier = [each for each in open_notes([invoice.customer_id]) if each.currency == invoice.currency]
    return settlement_at_issue(note, earlier)
