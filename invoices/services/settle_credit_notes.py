"""What is left of credit notes goes to open invoices, then back to the card that paid; the rest waits."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from accounts.audit import audit
from accounts.models import AuditEntry, User
from accounts.services.lock_customers import lock_customers
from invoices.models import CreditApplication, Invoice, Refund
from invoices.selling import deliver_sold
from invoices.settling import Part, Settlement
from invoices.spreading import Books, open_notes, read_books, settlement_of


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
    notes = list(open_notes(customers))
    if not notes:
        return {}
    books = read_books({note.customer_id for note in notes})
    done = {}
    for note in notes:
        settlement = _settle(note, books[note.customer_id], at)
        if settlement.applied or settlement.refunded:
            done[note.pk] = settlement
    AuditEntry.objects.bulk_create([_audit(note, done[note.pk], at, actor) for note in notes if note.pk in done])
    return done


def _settle(note: Invoice, books: Books, at: datetime) -> Settlement:
    settlement = settlement_of(note, books)
    _apply(note, {invoice.pk: invoice for invoice in books.invoices}, settlement.applied, at)
    _start_refunds(note, books, settlement.refunded, at)
    return settlement


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
        deliver_sold(invoice, at)
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
