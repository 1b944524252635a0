"""What this room's books must say: every total equals its lines, numbers have no gaps, paid means paid."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator

from django.db.models import BigIntegerField, Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from core.books import Finding
from invoices.models import (
    UNRESOLVED,
    Document,
    Invoice,
    InvoiceLine,
    InvoiceSequence,
    InvoiceStatus,
    Payment,
    PaymentStatus,
)
from invoices.totals import TaxRule, total_up

NUMBER = re.compile(r"(?P<series>.+)-(?P<year>\d{4})-(?P<number>\d{6,})")


def check() -> Iterator[Finding]:
    """Every broken rule of documents, numbers and payments; a fixed number of passes over the tables."""
    yield from totals_equal_their_lines()
    yield from lines_belong_to_their_invoice()
    yield from numbers_have_no_gaps()
    yield from paid_means_paid()
    yield from nothing_was_charged_twice()
    yield from documents_are_as_rendered()


def kept() -> QuerySet[Invoice]:
    """Every document that counts: a discarded draft has neither number nor lines."""
    return Invoice.objects.exclude(status=InvoiceStatus.VOID, number__isnull=True)


def totals_equal_their_lines() -> Iterator[Finding]:
    lines = InvoiceLine.objects.filter(invoice=OuterRef("pk")).order_by().values("invoice").annotate(sum=Sum("amount"))
    summed = Coalesce(Subquery(lines.values("sum"), output_field=BigIntegerField()), 0)
    for invoice in kept().annotate(summed=summed).iterator():
        rule = TaxRule(label=invoice.tax_label, percent=invoice.tax_percent)
        expected = total_up([invoice.summed], rule)
        found = (invoice.subtotal, invoice.tax, invoice.total)
        if found != (expected.subtotal, expected.tax, expected.total):
            yield Finding("total equals lines and tax", f"invoice:{invoice.pk}", f"expected {expected}, found {found}")


def lines_belong_to_their_invoice() -> Iterator[Finding]:
    stray = InvoiceLine.objects.filter(
        ~Q(customer=F("invoice__customer")) | ~Q(currency=F("invoice__currency")), invoice__isnull=False
    )
    for line in stray.iterator():
        yield Finding("line has its invoice's customer and currency", f"line:{line.key}", f"invoice:{line.invoice_id}")


def numbers_have_no_gaps() -> Iterator[Finding]:
    given: dict[tuple[str, int], list[int]] = defaultdict(list)
    invoices = Invoice.objects.filter(number__isnull=False).values_list("number", flat=True)
    receipts = Payment.objects.filter(receipt_number__isnull=False).values_list("receipt_number", flat=True)
    for number in (*invoices.iterator(), *receipts.iterator()):
        parts = NUMBER.fullmatch(str(number))
        if parts is None:
            yield Finding("number has its form", f"number:{number}", "expected SERIES-YEAR-NUMBER")
        else:
            given[parts["series"], int(parts["year"])].append(int(parts["number"]))
    for sequence in InvoiceSequence.objects.all():
        numbers = given.pop((sequence.series, sequence.year), [])
        if sorted(numbers) != list(range(1, sequence.last + 1)):
            missing = sorted(set(range(1, sequence.last + 1)) - set(numbers))
            yield Finding("numbers have no gaps", f"sequence:{sequence}", f"missing {missing[:10]}")
    for (series, year), numbers in given.items():
        yield Finding("numbers come from a sequence", f"sequence:{series}-{year}", f"{len(numbers)} numbers without")


def paid_means_paid() -> Iterator[Finding]:
    paid = Payment.objects.filter(invoice=OuterRef("pk"), status=PaymentStatus.SUCCEEDED)
    sums = paid.order_by().values("invoice").annotate(sum=Sum("amount")).values("sum")
    received = Coalesce(Subquery(sums, output_field=BigIntegerField()), 0)
    rows = Invoice.objects.annotate(received=received)
    wrong = rows.exclude(amount_paid=F("received")).values_list("pk", "received", "amount_paid")
    for pk, actual, recorded in wrong.iterator():
        detail = f"payments {actual}, recorded {recorded}"
        yield Finding("amount paid equals succeeded payments", f"invoice:{pk}", detail)
    short = rows.filter(status=InvoiceStatus.PAID).exclude(received=F("total")).values_list("pk", "received", "total")
    for pk, actual, total in short.iterator():
        yield Finding("paid invoice is paid in full", f"invoice:{pk}", f"payments {actual}, total {total}")


def nothing_was_charged_twice() -> Iterator[Finding]:
    charges = Payment.objects.filter(status__in=(PaymentStatus.SUCCEEDED, *UNRESOLVED)).order_by()
    twice = charges.values("invoice", "amount").annotate(count=Count("pk")).filter(count__gt=1)
    for row in twice:
        detail = f"{row['count']} charges of {row['amount']}"
        yield Finding("no two charges for the same amount", f"invoice:{row['invoice']}", detail)
    for payment in Payment.objects.exclude(currency=F("invoice__currency")).iterator():
        yield Finding("payment has its invoice's currency", f"payment:{payment.pk}", payment.currency)


def documents_are_as_rendered() -> Iterator[Finding]:
    for document in Document.objects.iterator(chunk_size=50):
        digest = hashlib.sha256(bytes(document.content)).hexdigest()
        if digest != document.sha256:
            yield Finding("document is as it was rendered", f"document:{document.filename}", f"sha256 {digest}")
