"""What this room's books must say: every total equals its lines, numbers have no gaps, paid means paid."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import BigIntegerField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Abs, Coalesce

from core.books import Finding
from core.questions import Question
from invoices import books_credits, books_selling
from invoices.models import (
    OUTSIDE,
    UNRESOLVED,
    CreditApplication,
    Document,
    Invoice,
    InvoiceLine,
    InvoiceSequence,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from invoices.totals import TaxedAmount, Totals, row_from, rules_from, total_up
from invoices.watermarks import given_back_from, total_note

NUMBER = re.compile(r"(?P<series>.+)-(?P<year>\d{4})-(?P<number>\d{6,})")


def check() -> Iterator[Finding]:
    """Every broken rule of documents, numbers and payments; a fixed number of passes over the tables."""
    yield from totals_equal_their_lines()
    yield from lines_belong_to_their_invoice()
    yield from numbers_have_no_gaps()
    yield from paid_means_paid()
    yield from credits_are_used_once()
    yield from nothing_was_charged_twice()
    yield from late_money_goes_back()
    yield from documents_are_as_rendered()
    yield from books_credits.check()
    yield from books_selling.check()


def kept() -> QuerySet[Invoice]:
    """Every document that counts: a discarded draft has neither number nor lines."""
    return Invoice.objects.exclude(status=InvoiceStatus.VOID, number__isnull=True)


def totals_equal_their_lines() -> Iterator[Finding]:
    """Every document is totalled anew from its lines and their rates."""
    lines = InvoiceLine.objects.filter(invoice__isnull=False).order_by("invoice_id")
    rows = lines.values_list("invoice_id", F("amount") - F("credits"), "tax_rules").iterator(chunk_size=5_000)
    sheets = groupby(rows, key=itemgetter(0))
    current = next(sheets, None)
    for invoice in kept().order_by("pk").iterator(chunk_size=2_000):
        while current is not None and current[0] < invoice.pk:
            current = next(sheets, None)
        mine = current[1] if current is not None and current[0] == invoice.pk else ()
        expected = _expected(invoice, [(amount, own) for _, amount, own in mine])
        found = Totals(
            subtotal=invoice.subtotal,
            tax=invoice.tax,
            total=invoice.total,
            taxes=tuple(row_from(values) for values in invoice.taxes),
            included=invoice.tax_included,
        )
        if found != expected:
            yield Finding("total equals lines and tax", f"invoice:{invoice.pk}", f"expected {expected}, found {found}")


def _expected(invoice: Invoice, lines: list[tuple[int, list[dict[str, Any]]]]) -> Totals:
    """A credit note of one invoice is taxed by what was given back of it before, which stands on it."""
    if invoice.given_back:
        return total_note(
            (TaxedAmount(amount, rules_from(own)) for amount, own in lines), given_back_from(invoice.given_back)
        )
    amounts = [TaxedAmount(amount, rules_from(own)) if own else amount for amount, own in lines]
    return total_up(amounts, rules_from(invoice.tax_rules))


def lines_belong_to_their_invoice() -> Iterator[Finding]:
    for key, invoice_id in _stray_lines.ask():
        yield Finding("line has its invoice's customer and currency", f"line:{key}", f"invoice:{invoice_id}")


@Question
def _stray_lines() -> QuerySet[InvoiceLine, Any]:
    stray = ~Q(customer=F("invoice__customer")) | ~Q(currency=F("invoice__currency"))
    return InvoiceLine.objects.filter(stray, invoice__isnull=False).values_list("key", "invoice_id")


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
    """Succeeded payments + applied credit notes = amount due; of a credit note: refunds + what it was applied to."""
    for pk, _, paid, used, received, credited in _wrong_sums.ask():
        detail = f"payments {received}, recorded {paid}; credits {credited}, recorded {used}"
        yield Finding("amount paid equals succeeded payments", f"invoice:{pk}", detail)
    for pk, total, _, _, received, credited in _short_of_paid.ask():
        detail = f"payments {received}, credits {credited}, total {total}"
        yield Finding("paid invoice is paid in full", f"invoice:{pk}", detail)


def _with_sums() -> QuerySet[Any]:
    payments = Payment.objects.filter(invoice=OuterRef("pk"), status=PaymentStatus.SUCCEEDED)
    refunds = Refund.objects.filter(credit_note=OuterRef("pk"), status=RefundStatus.SUCCEEDED)
    given = CreditApplication.objects.filter(credit_note=OuterRef("pk"))
    taken = CreditApplication.objects.filter(invoice=OuterRef("pk"))
    return Invoice.objects.annotate(
        received=_sum(payments, "invoice") + _sum(refunds, "credit_note"),
        credited=_sum(given, "credit_note") + _sum(taken, "invoice"),
    )


FIGURES = ("pk", "total", "amount_paid", "amount_credited", "received", "credited")


@Question
def _wrong_sums() -> QuerySet[Invoice, Any]:
    return _with_sums().exclude(amount_paid=F("received"), amount_credited=F("credited")).values_list(*FIGURES)


@Question
def _short_of_paid() -> QuerySet[Invoice, Any]:
    paid = _with_sums().filter(status=InvoiceStatus.PAID)
    return paid.exclude(received=Abs(F("total")) - F("credited")).values_list(*FIGURES)


def credits_are_used_once() -> Iterator[Finding]:
    """No credit note gives more than it has, no payment gives back more than it took."""
    for pk, used, total in _overused_notes.ask():
        yield Finding("credit is used once", f"invoice:{pk}", f"used {used}, total {total}")
    for pk, back in _overdrawn_payments.ask():
        yield Finding("refunds stay within the payment", f"payment:{pk}", f"refunds {back}")


@Question
def _overused_notes() -> QuerySet[Invoice, Any]:
    moving = Refund.objects.exclude(status=RefundStatus.FAILED).filter(credit_note=OuterRef("pk"))
    notes = Invoice.objects.credit_notes().annotate(used=_sum(moving, "credit_note") + F("amount_credited"))
    return notes.filter(used__gt=Abs(F("total"))).values_list("pk", "used", "total")


@Question
def _overdrawn_payments() -> QuerySet[Payment, Any]:
    moving = Refund.objects.exclude(status=RefundStatus.FAILED).filter(payment=OuterRef("pk"))
    payments = Payment.objects.annotate(back=_sum(moving, "payment"))
    return payments.filter(back__gt=F("amount")).values_list("pk", "back")


def _sum(rows: QuerySet[Any], by: str) -> Coalesce:
    sums = rows.order_by().values(by).annotate(sum=Sum("amount")).values("sum")
    return Coalesce(Subquery(sums, output_field=BigIntegerField()), 0)


def nothing_was_charged_twice() -> Iterator[Finding]:
    """By a card: two bank transfers of the same amount may be two instalments."""
    for invoice_id, amount, count in _charged_twice.ask():
        yield Finding("no two charges for the same amount", f"invoice:{invoice_id}", f"{count} charges of {amount}")
    for pk, currency in _in_another_currency.ask():
        yield Finding("payment has its invoice's currency", f"payment:{pk}", currency)


@Question
def _charged_twice() -> QuerySet[Payment, Any]:
    charges = Payment.objects.filter(status__in=(PaymentStatus.SUCCEEDED, *UNRESOLVED)).exclude(gateway=OUTSIDE)
    twice = charges.order_by().values("invoice", "amount").annotate(count=Count("pk")).filter(count__gt=1)
    return twice.values_list("invoice", "amount", "count")


@Question
def _in_another_currency() -> QuerySet[Payment, Any]:
    return Payment.objects.exclude(currency=F("invoice__currency")).values_list("pk", "currency")


def late_money_goes_back() -> Iterator[Finding]:
    """A payment that came too late has its refund, however that fares."""
    for (pk,) in _kept_surplus.ask():
        yield Finding("what came too late goes back", f"payment:{pk}", "found no refund")


@Question
def _kept_surplus() -> QuerySet[Payment, Any]:
    refund = Exists(Refund.objects.filter(payment=OuterRef("pk")))
    return Payment.objects.filter(~refund, status=PaymentStatus.SURPLUS).values_list("pk")


def documents_are_as_rendered() -> Iterator[Finding]:
    for document in Document.objects.iterator(chunk_size=50):
        digest = hashlib.sha256(bytes(document.content)).hexdigest()
        if digest != document.sha256:
            yield Finding("document is as it was rendered", f"document:{document.filename}", f"sha256 {digest}")
