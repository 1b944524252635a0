"""What documents say of credit must be what the ledger says, and statements must add up."""

from collections.abc import Iterator
from typing import Any

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from core.books import Finding
from core.questions import Question
from credits.held import accrued_charges, held_by_groups
from invoices.charging import charge_key
from invoices.models import CreditStatement, Invoice, InvoiceLine, InvoiceStatus
from invoices.statement_paper import stated_by

ISSUED = (InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE)


def check() -> Iterator[Finding]:
    """Every broken rule between documents and credit."""
    yield from credits_equal_their_lines()
    yield from credits_equal_the_ledger()
    yield from issued_credits_are_earned()
    yield from statements_add_up()


def credits_equal_their_lines() -> Iterator[Finding]:
    for pk, credits, found in _other_credits.ask():
        yield Finding("credits equal the lines' credits", f"invoice:{pk}", f"lines {found}, invoice {credits}")


@Question
def _other_credits() -> QuerySet[Invoice, Any]:
    kept = Invoice.objects.exclude(status=InvoiceStatus.VOID, number__isnull=True)
    rows = kept.annotate(sum=Coalesce(Sum("lines__credits"), 0)).exclude(credits=F("sum"))
    return rows.values_list("pk", "credits", "sum")


def credits_equal_the_ledger() -> Iterator[Finding]:
    """A line's credits less what later lines gave back = what its charges hold; nothing is held for void documents."""
    expected = _expected()
    for customer_id, group, held in held_by_groups("@"):
        wanted = expected.pop((customer_id, group), 0)
        if held != wanted:
            yield Finding("credits equal the ledger's charges", f"line:{group}", f"documents {wanted}, ledger {held}")
    for (_, group), wanted in expected.items():
        if wanted:
            yield Finding("credits equal the ledger's charges", f"line:{group}", f"documents {wanted}, ledger none")


def _expected() -> dict[tuple[int, str], int]:
    """What charges must hold, by customer and key of the line that credit paid."""
    kept = InvoiceLine.objects.filter(invoice__isnull=False).exclude(invoice__status=InvoiceStatus.VOID)
    paid = kept.filter(credits__gt=0).values_list("customer_id", "key", "credits")
    expected = {(customer_id, key): credits for customer_id, key, credits in paid.iterator(chunk_size=5_000)}
    returned = kept.filter(credits__lt=0).values_list("customer_id", "corrects", "credits")
    for customer_id, corrects, credits in returned.iterator(chunk_size=5_000):
        if (customer_id, corrects) in expected:
            expected[customer_id, corrects] += credits
    return expected


def issued_credits_are_earned() -> Iterator[Finding]:
    rows = InvoiceLine.objects.filter(credits__gt=0, invoice__status__in=ISSUED).values_list("key", "invoice_id")
    keys = [charge_key(key, str(invoice_id)) for key, invoice_id in rows.iterator(chunk_size=5_000)]
    for start in range(0, len(keys), 5_000):
        for key in sorted(accrued_charges(keys[start : start + 5_000])):
            yield Finding("credits of an issued invoice are earned", f"charge:{key}", "still accrued")


def statements_add_up() -> Iterator[Finding]:
    """Opening is the closing before; opening + the movements covered = closing."""
    for (pk,) in _broken_statements.ask():
        yield Finding("a statement opens with what the one before closed with", f"statement:{pk}", "another amount")
    for statement in CreditStatement.objects.select_related("previous").iterator(chunk_size=500):
        moved = sum(movement.amount for movement in stated_by(statement))
        if statement.opening + moved != statement.closing:
            detail = f"opening {statement.opening}, movements {moved}, closing {statement.closing}"
            yield Finding("opening and movements make the closing balance", f"statement:{statement.pk}", detail)


@Question
def _broken_statements() -> QuerySet[CreditStatement, Any]:
    broken = CreditStatement.objects.filter(~Q(opening=F("previous__closing")), previous__isnull=False)
    return broken.values_list("pk")
