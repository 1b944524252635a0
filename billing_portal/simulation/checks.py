"""What must hold after a chaos run. Each difference is a sentence that names customer, document or key."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from django.db.models import Sum
from pypdf import PdfReader

from accounts.gateways import get_gateway
from accounts.gateways.base import JournalEntry
from accounts.models import Customer
from billing_portal.books import check_books
from billing_portal.models import Trigger
from billing_portal.simulation.messages import kills, notices, reminders
from billing_portal.simulation.paper import is_typeset
from billing_portal.simulation.places import START
from billing_portal.simulation.recount import unlike_the_plain_ledger, unlike_what_was_told
from core import formats
from invoices.models import CreditSale, Document, Invoice, Payment, Refund

if TYPE_CHECKING:
    from billing_portal.simulation.driver import Simulation

AFTER = timedelta(days=400)


def differences(simulation: "Simulation") -> list[str]:
    """Everything that is not as it must be; empty where all is well."""
    found = [*state(simulation)]
    for person in simulation.persons:
        found += unlike_what_was_told(person)
        found += unlike_the_plain_ledger(person, simulation.market, simulation.ticker.runs)
    journal = list(get_gateway("sandbox").journal(since=START - AFTER, until=simulation.at + AFTER))
    found += double_charges(journal)
    found += unlike_the_journal(journal)
    found += sales(journal)
    found += notices(kills(simulation))
    found += reminders(simulation.at)
    found += [f"check_books: {finding}" for finding in check_books(at=simulation.at, trigger=Trigger.COMMAND)]
    found += pdfs(simulation)
    return [f"seed {simulation.options.seed}: {each}" for each in found]


def state(simulation: "Simulation") -> Iterator[str]:
    for customer in Customer.objects.exclude(parked_reason=""):
        yield f"{customer} is parked: {customer.parked_reason[:300]}"
    if simulation.ticker.counted["did not come to rest"]:
        yield "it did not come to rest"


# --- money ----------------------------------------------------------------------------------------------------------


def double_charges(journal: list[JournalEntry]) -> Iterator[str]:
    """Under one key at most one charge, and for one invoice never more than it asked for."""
    charged = [entry for entry in journal if entry.kind == "charge" and entry.status == "succeeded"]
    for key, times in Counter(entry.key for entry in charged).items():
        if times > 1:
            yield f"{key} was charged {times} times"
    kept = sums_by_invoice(journal)
    totals = dict(Invoice.objects.values_list("pk", "total"))
    for number, amount in kept.items():
        if amount > totals.get(number, 0):
            yield f"invoice {number}: {amount} is kept at the processor, of a total of {totals.get(number)}"


def sums_by_invoice(journal: list[JournalEntry]) -> dict[int, int]:
    """What the processor charged less what it gave back, by invoice."""
    payments = dict(Payment.objects.values_list("key", "invoice_id"))
    refunds = dict(Refund.objects.exclude(payment=None).values_list("key", "payment__invoice_id"))
    kept: dict[int, int] = defaultdict(int)
    for entry in journal:
        if entry.status == "succeeded":
            sign = 1 if entry.kind == "charge" else -1
            kept[(payments if entry.kind == "charge" else refunds).get(entry.key, 0)] += sign * entry.amount
    return kept


def sales(journal: list[JournalEntry]) -> Iterator[str]:
    """Whoever paid for credit has it, and nobody else."""
    kept = sums_by_invoice(journal)
    for sale in CreditSale.objects.select_related("invoice", "grant"):
        is_paid = kept[sale.invoice_id] == sale.invoice.total
        is_there = sale.grant.paid_at is not None and not sale.grant.taken_back
        if is_paid != is_there:
            paid = f"{kept[sale.invoice_id]} of {sale.invoice.total}"
            yield f"{sale.key}: {paid} is kept, and the credit is {'there' if is_there else 'missing'}"


def unlike_the_journal(journal: list[JournalEntry]) -> Iterator[str]:
    """Our payments and refunds one by one against the second set of books, both ways."""
    for kind, rows in (("charge", Payment.objects), ("refund", Refund.objects.exclude(payment=None))):
        theirs = {
            (entry.key, entry.amount, entry.currency)
            for entry in journal
            if entry.kind == kind and entry.status == "succeeded"
        }
        ours = set(rows.filter(status="succeeded").values_list("key", "amount", "currency"))
        for key in sorted(theirs - ours):
            yield f"{kind} {key} is the processor's alone"
        for key in sorted(ours - theirs):
            yield f"{kind} {key} is ours alone"
    for invoice, paid in Payment.objects.filter(status="succeeded").values_list("invoice").annotate(Sum("amount")):
        row = Invoice.objects.get(pk=invoice)
        if row.amount_paid > row.total:
            yield f"{row}: {paid} was paid of {row.total}"


# --- paper ----------------------------------------------------------------------------------------------------------


def pdfs(simulation: "Simulation") -> Iterator[str]:
    """Every document has one, and what is void a stamped copy; of the sample that was typeset, number and amount stand
    in the text."""
    options, opened = simulation.options, simulation.ticker.counted
    wanted: dict[tuple[str, int], Invoice | Payment] = {}
    wanted |= {("invoice_pdf", row.pk): row for row in Invoice.objects.filter(number__isnull=False)}
    wanted |= {("void_pdf", row.pk): row for row in Invoice.objects.filter(number__isnull=False, status="void")}
    wanted |= {("receipt_pdf", row.pk): row for row in Payment.objects.filter(status="succeeded")}
    for document in Document.objects.select_related("invoice", "payment").exclude(kind="statement").iterator(100):
        row = document.payment or document.invoice
        assert row is not None
        name = f"{document.kind}_pdf"
        wanted.pop((name, row.pk), None)
        if is_typeset(name, row.pk, share=options.pdf_rate, seed=options.seed):
            opened["PDFs opened"] += 1
            text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(document.content)).pages)
            for words in words_of(row):
                if words not in text:
                    yield f"the PDF {document.filename} does not say {words}"
    for row in wanted.values():
        yield f"{row} has no PDF"


def words_of(row: Invoice | Payment) -> tuple[str, str]:
    if isinstance(row, Payment):
        return str(row.receipt_number), formats.money(row.amount, row.currency)
    return str(row.number), formats.money(abs(row.total), row.currency)
