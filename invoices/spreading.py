"""Where what is left of a customer's credit notes goes: read from the documents, worked out, not written.

The verb that settles credit notes stores it; pages ask what it will come to for an invoice that is not there yet.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef

from invoices.models import (
    REFUNDING,
    UNRESOLVED,
    GoesTo,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    InvoiceQuerySet,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from invoices.settling import Part, Settlement, settle


@dataclass
class Books:
    """One customer's documents while credits are spread over them; rows change as they are."""

    invoices: list[Invoice] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)


def with_named_lines(invoices: InvoiceQuerySet) -> InvoiceQuerySet:
    """With whether they name lines that they give back, as `names_lines`."""
    lines = InvoiceLine.objects.filter(invoice=OuterRef("pk")).exclude(corrects="")
    return invoices.annotate(names_lines=Exists(lines))


def open_notes(customer_ids: Collection[int]) -> InvoiceQuerySet:
    """Credit notes of which something may be left, oldest first."""
    rows = Invoice.objects.credit_notes().filter(customer__in=customer_ids, status=InvoiceStatus.OPEN)
    return with_named_lines(rows).order_by("pk")


def read_books(customer_ids: Collection[int]) -> dict[int, Books]:
    """What credits can go to, by customer; an invoice with a payment on its way is left out. Three queries."""
    books: dict[int, Books] = defaultdict(Books)
    unresolved = Payment.objects.filter(invoice=OuterRef("pk"), status__in=UNRESOLVED)
    invoices = Invoice.objects.payable_kind().filter(~Exists(unresolved), status=InvoiceStatus.OPEN)
    for invoice in invoices.filter(customer_id__in=customer_ids).order_by("pk"):
        books[invoice.customer_id].invoices.append(invoice)
    by_card = Payment.objects.filter(status=PaymentStatus.SUCCEEDED, payment_method__isnull=False)
    for payment in (
        by_card.filter(customer_id__in=customer_ids).select_related("invoice", "payment_method").order_by("-pk")
    ):
        books[payment.customer_id].payments.append(payment)
    for refund in Refund.objects.filter(customer_id__in=customer_ids).order_by("pk"):
        books[refund.customer_id].refunds.append(refund)
    return books


def settlement_of(note: Invoice, books: Books) -> Settlement:
    """Where a note, read `with_named_lines`, goes: the invoices it corrects, the oldest others, the cards that paid.

    A note that is kept goes to no card; one that goes to a payment first goes there before it lowers any invoice.
    """
    named = set(note.corrects) if note.names_lines else set()  # type: ignore[attr-defined]  # annotated above
    invoices = sorted(
        (invoice for invoice in books.invoices if _fits(invoice, note, named)),
        key=lambda invoice: invoice.number not in named,
    )
    payers = [] if note.goes_to == GoesTo.KEPT else _payers(note, books)
    places = [Part(payment.pk, left) for payment in payers if (left := left_of(payment, books.refunds)) > 0]
    return settle(
        left_on(note, books.refunds),
        [Part(invoice.pk, invoice.amount_due) for invoice in invoices],
        [place for place in places if place.id != note.goes_first_to_id],
        [place for place in places if place.id == note.goes_first_to_id],
    )


def settlement_at_issue(note: Invoice, earlier: Iterable[Invoice]) -> tuple[Settlement, Books]:
    """Where a note that is not there yet would go when it is issued, after the open notes before it; with the rows."""
    books = read_books([note.customer_id])[note.customer_id]
    for each in earlier:
        _imagine(each, books)
    return settlement_of(note, books), books


def left_on(note: Invoice, refunds: Iterable[Refund]) -> int:
    """What is left of a credit note after the refunds that are on their way, minor units."""
    moving = (refund for refund in refunds if refund.credit_note_id == note.pk and refund.status in REFUNDING)
    return note.amount_due - sum(refund.amount for refund in moving)


def kept_for(customer_id: int, notes: Iterable[Invoice], currency: str, total: int) -> int:
    """What finalizing an invoice of `total` would take from the customer's open notes, minor units.

    No query where there are none.
    """
    notes = [note for note in notes if note.currency == currency]
    if not notes or total <= 0:
        return 0
    books = read_books([customer_id])[customer_id]
    bill = Invoice(pk=0, customer_id=customer_id, kind=InvoiceKind.INVOICE, currency=currency, total=total)
    books.invoices.append(bill)
    for note in notes:
        _imagine(note, books)
    return bill.amount_credited


def kept_for_drafts(drafts: Collection[Invoice]) -> dict[int, int]:
    """What `kept_for` says of each of these drafts, by its id; those it says nothing of are absent.

    One query where none of their customers has an open note.
    """
    by_customer = defaultdict(list)
    for note in open_notes({draft.customer_id for draft in drafts}) if drafts else ():
        by_customer[note.customer_id].append(note)
    owners = [draft for draft in drafts if draft.customer_id in by_customer]
    kept = {
        draft.pk: kept_for(draft.customer_id, by_customer[draft.customer_id], draft.currency, draft.total)
        for draft in owners
    }
    return {pk: amount for pk, amount in kept.items() if amount}


def _imagine(note: Invoice, books: Books) -> None:
    """What settling would do to the rows, without storing any of it."""
    settlement = settlement_of(note, books)
    invoices = {invoice.pk: invoice for invoice in books.invoices}
    for part in settlement.applied:
        invoices[part.id].amount_credited += part.amount
    books.refunds += [
        Refund(credit_note_id=note.pk, payment_id=part.id, amount=part.amount, status=RefundStatus.PENDING)
        for part in settlement.refunded
    ]


def _fits(invoice: Invoice, note: Invoice, named: Collection[str]) -> bool:
    """Money that is given back never becomes prepaid credit by itself: a purchase is lowered by its own notes alone."""
    if invoice.is_sale and invoice.number not in named:
        return False
    return invoice.currency == note.currency and invoice.amount_due > 0


def _payers(note: Invoice, books: Books) -> list[Payment]:
    """Payments that can give money back: of what it corrects first, then the newest; none that refused before.

    A payment that is made later is not a note's business, except the one that staff named.
    """
    refused = {
        refund.payment_id
        for refund in books.refunds
        if refund.credit_note_id == note.pk and refund.status == RefundStatus.FAILED
    }
    before = [
        payment
        for payment in books.payments
        if payment.currency == note.currency
        and payment.pk not in refused
        and payment.settled_at is not None
        and note.finalized_at is not None
        and (payment.pk == note.goes_first_to_id or payment.settled_at <= note.finalized_at)
    ]
    return sorted(before, key=lambda payment: payment.invoice.number not in note.corrects)


def left_of(payment: Payment, refunds: Iterable[Refund]) -> int:
    """What a payment can still give back, minor units."""
    given = (refund for refund in refunds if refund.payment_id == payment.pk)
    return payment.amount - sum(refund.amount for refund in given if refund.status != RefundStatus.FAILED)
