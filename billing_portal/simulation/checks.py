"""What must hold after a chaos run. Each difference is a sentence that names customer, document or key."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING

from django.db.models import Sum
from pypdf import PdfReader

from accounts.gateways import get_gateway
from accounts.gateways.base import JournalEntry
from accounts.mail import message_id
from accounts.models import Customer, Notice
from billing_portal.books import check_books
from billing_portal.models import Trigger
from billing_portal.simulation.places import START
from billing_portal.simulation.recount import unlike_the_plain_ledger, unlike_what_was_confirmed
from billing_portal.simulation.shared import Lines, folder
from core import formats
from invoices.models import Document, Invoice, Payment, Refund
from invoices.services.deliver_documents import deliver_documents

if TYPE_CHECKING:
    from billing_portal.simulation.driver import Simulation

AFTER = timedelta(days=400)


def differences(simulation: "Simulation") -> list[str]:
    """Everything that is not as it must be; empty where all is well."""
    found = [*state(simulation)]
    for person in simulation.persons:
        found += unlike_what_was_confirmed(person)
        found += unlike_the_plain_ledger(person, simulation.market, simulation.ticker.runs)
    journal = list(get_gateway("sandbox").journal(since=START - AFTER, until=simulation.at + AFTER))
    found += double_charges(journal)
    found += unlike_the_journal(journal)
    found += notices(kills(simulation))
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


# --- messages -------------------------------------------------------------------------------------------------------


def kills(simulation: "Simulation") -> Counter[str]:
    """How often a process ended itself, by place, and was ended from outside, by name."""
    own = Counter(line.split("\t")[0] for line in Lines(folder() / "kills").new())
    return own + simulation.processes.killed


def notices(killed: Counter[str]) -> Iterator[str]:
    """Each that must exist does, each was delivered, and none was repeated without a kill."""
    there = set(Notice.objects.values_list("key", flat=True))
    for key in expected_notices():
        if key not in there:
            yield f"notice {key} is missing"
    delivered = Counter(json.loads(line)["id"] for line in Lines(folder() / "mail").new())
    for notice in Notice.objects.iterator():
        if notice.sent_at is None or not delivered[message_id(notice.key)]:
            yield f"notice {notice.key} was not delivered: {notice.last_error}"
    repeats = sum(times - 1 for times in delivered.values())
    if repeats > killed.total():
        yield f"{repeats} messages were repeated after {killed.total()} kills"


def expected_notices() -> Iterator[str]:
    issued = Invoice.objects.filter(number__isnull=False)
    started = ":start"
    for pk, key, kind, status in issued.values_list("pk", "key", "kind", "status"):
        if kind == "credit_note":
            yield f"invoice:{pk}:credited"
        elif not (key.endswith(started) and status == "void"):
            yield f"invoice:{pk}:issued"
    for pk, invoice, status in Payment.objects.values_list("pk", "invoice_id", "status"):
        if status in ("succeeded", "declined"):
            yield f"invoice:{invoice}:{'paid' if status == 'succeeded' else 'failed'}:{pk}"
    for pk, note in Refund.objects.filter(status="succeeded").values_list("pk", "credit_note_id"):
        if note:
            yield f"invoice:{note}:refunded:{pk}"


# --- paper ----------------------------------------------------------------------------------------------------------


def pdfs(simulation: "Simulation") -> Iterator[str]:
    """A sample, opened: number and total stand in its text."""
    random = Random(f"{simulation.options.seed}/pdfs")
    rows = list(Invoice.objects.filter(number__isnull=False).order_by("pk"))
    sample = random.sample(rows, min(simulation.options.pdfs, len(rows)))
    deliver_documents(at=simulation.at, invoice_ids=[row.pk for row in sample])
    for row in sample:
        document = Document.objects.filter(invoice=row, kind="invoice").first()
        text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(document.content)).pages) if document else ""
        total = formats.money(abs(row.total), row.currency)
        if str(row.number) not in text or total not in text:
            yield f"the PDF of {row.number} does not say its number and {total}"
    simulation.ticker.counted["PDFs opened"] = len(sample)
