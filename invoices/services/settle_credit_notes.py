"""What is left of credit notes goes to open invoices, then back to the card that paid; the rest waits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.audit import audit
from accounts.models import AuditEntry, User
from accounts.services.lock_customers import lock_customers
from invoices.models import (
    REFUNDING,
    UNRESOLVED,
    CreditApplication,
    Invoice,
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


@transaction.atomic
def settle_credit_notes(
    *, customer_ids: Iterable[int], at: datetime, actor: User | None = None
) -> dict[int, Settlement]:
    """Settle every open credit note of these customers, oldest first; what became of each, by its id.

    An invoice with a payment on its way is left alone: that payment is of its whole rest. Only payments made before
    the credit note was issued give money back, each at most what it took. Refunds are rows waiting for
    `reconcile_refunds`. A second call finds nothing left to settle.
    """
    customers = lock_customers(customer_ids)
    open_notes = Invoice.objects.credit_notes().filter(customer__in=customers, status=InvoiceStatus.OPEN)
    notes = list(open_notes.order_by("pk"))
    if not notes:
        return {}
    books = _read({note.customer_id for note in notes})
    done = {}
    for note in notes:
        settlement = _settle(note, books[note.customer_id], at)
        if settlement.applied or settlement.refunded:
            done[note.pk] = settlement
    AuditEntry.objects.bulk_create([_audit(note, done[note.pk], at, actor) for note in notes if note.pk in done])
    return done


def _read(customer_ids: set[int]) -> dict[int, Books]:
    books: dict[int, Books] = defaultdict(Books)
    unresolved = Payment.objects.filter(invoice=OuterRef("pk"), status__in=UNRESOLVED)
    invoices = Invoice.objects.payable_kind().filter(~Exists(unresolved), status=InvoiceStatus.OPEN)
    for invoice in invoices.filter(customer_id__in=customer_ids).order_by("due_on", "pk"):
        books[invoice.customer_id].invoices.append(invoice)
    by_card = Payment.objects.filter(status=PaymentStatus.SUCCEEDED, payment_method__isnull=False)
    for payment in by_card.filter(customer_id__in=customer_ids).select_related("invoice").order_by("-pk"):
        books[payment.customer_id].payments.append(payment)
    for refund in Refund.objects.filter(customer_id__in=customer_ids).order_by("pk"):
        books[refund.customer_id].refunds.append(refund)
    return books


def _settle(note: Invoice, books: Books, at: datetime) -> Settlement:
    reserved = sum(
        refund.amount for refund in books.refunds if refund.credit_note_id == note.pk and refund.status in REFUNDING
    )
    named = set(note.corrects) if note.lines.exclude(corrects="").exists() else set()
    invoices = sorted(
        (invoice for invoice in books.invoices if _fits(invoice, note)),
        key=lambda invoice: invoice.number not in named,
    )
    settlement = settle(
        note.amount_due - reserved,
        [Part(invoice.pk, invoice.amount_due) for invoice in invoices],
        [Part(payment.pk, left) for payment in _payers(note, books) if (left := _left(payment, books)) > 0],
    )
    _apply(note, {invoice.pk: invoice for invoice in invoices}, settlement.applied, at)
    _start_refunds(note, books, settlement.refunded, at)
    return settlement


def _fits(invoice: Invoice, note: Invoice) -> bool:
    return invoice.currency == note.currency and invoice.amount_due > 0


def _payers(note: Invoice, books: Books) -> list[Payment]:
    """Payments that can give money back: of what it corrects first, then the newest; none that refused before."""
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
        and payment.settled_at <= note.finalized_at
    ]
    return sorted(before, key=lambda payment: payment.invoice.number not in note.corrects)


def _left(payment: Payment, books: Books) -> int:
    given = (refund for refund in books.refunds if refund.payment_id == payment.pk)
    return payment.amount - sum(refund.amount for refund in given if refund.status != RefundStatus.FAILED)


def _apply(note: Invoice, invoices: dict[int, Invoice], parts: Sequence[Part], at: datetime) -> None:
    count = CreditApplication.objects.filter(credit_note=note).count() if parts else 0
    rows = []
    for number, part in enumerate(parts, count + 1):
        invoice = invoices[part.id]
        key = f"credit:{note.pk}:invoice:{invoice.pk}:{number}"
        rows.append(CreditApplication(key=key, credit_note=note, invoice=invoice, amount=part.amount, at=at))
        for document in (invoice, note):
            document.amount_credited += part.amount
            document.close_if_settled(at)
        invoice.save(update_fields=["amount_credited", "status", "paid_at", "collect_at"])
    if rows:
        note.save(update_fields=["amount_credited", "status", "paid_at", "collect_at"])
        CreditApplication.objects.bulk_create(rows)


def _start_refunds(note: Invoice, books: Books, parts: Sequence[Part], at: datetime) -> None:
    count = sum(refund.credit_note_id == note.pk for refund in books.refunds)
    rows = [
        Refund(
            key=f"credit:{note.pk}:refund:{number}",
            credit_note=note,
            payment_id=part.id,
            customer_id=note.customer_id,
            amount=part.amount,
            currency=note.currency,
            created_at=at,
            check_at=at,
        )
        for number, part in enumerate(parts, count + 1)
    ]
    books.refunds += Refund.objects.bulk_create(rows)


def _audit(note: Invoice, settlement: Settlement, at: datetime, actor: User | None) -> AuditEntry:
    return audit(
        at=at,
        actor=actor,
        customer_id=note.customer_id,
        action="settle_credit_notes",
        subject=f"invoice:{note.pk}",
        after={
            "applied": {f"invoice:{part.id}": part.amount for part in settlement.applied},
            "refunded": {f"payment:{part.id}": part.amount for part in settlement.refunded},
            "kept": settlement.kept,
        },
    )
