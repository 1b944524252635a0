"""What a chaos run must have told: every message that follows from the books was delivered; only kills repeat one."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Min

from accounts.mail import message_id
from accounts.models import Notice
from billing_portal.simulation.processes import WORKERS
from billing_portal.simulation.shared import Lines, folder
from core.periods import utc_day
from invoices.models import Invoice, Payment, Refund
from invoices.sold_lines import SALE

if TYPE_CHECKING:
    from billing_portal.simulation.driver import Simulation

# What can end between handing a message over and noting that: then it is handed over again.
MAY_REPEAT: Final = ("notice claimed after", "notice sent after", "mail after", *WORKERS, "database")
# Overdue, until it must have been told: a card without an answer is tried for a week.
SOON: Final = timedelta(days=10)


def kills(simulation: "Simulation") -> Counter[str]:
    """How often a process ended itself, by place, and was ended from outside, by name."""
    own = Counter(line.split("\t")[0] for line in Lines(folder() / "kills").new())
    return own + simulation.processes.killed


def notices(killed: Counter[str]) -> Iterator[str]:
    """Each that must exist does, each was delivered, and none was repeated without a kill that can have done it."""
    there = set(Notice.objects.values_list("key", flat=True))
    for key in expected_notices():
        if key not in there:
            yield f"notice {key} is missing"
    delivered = Counter(json.loads(line)["id"] for line in Lines(folder() / "mail").new())
    for key, sent_at, error in Notice.objects.values_list("key", "sent_at", "last_error").iterator():
        if sent_at is None or not delivered[message_id(key)]:
            yield f"notice {key} was not delivered: {error}"
    repeats = sum(times - 1 for times in delivered.values())
    able = sum(killed[place] for place in MAY_REPEAT)
    if repeats > able:
        yield f"{repeats} messages were repeated after {able} kills that can repeat one"


def expected_notices() -> Iterator[str]:
    yield from expected_of_documents()
    for pk, invoice, status in Payment.objects.values_list("pk", "invoice_id", "status"):
        if status in ("succeeded", "declined"):
            yield f"invoice:{invoice}:{'paid' if status == 'succeeded' else 'failed'}:{pk}"
    for pk, note in Refund.objects.filter(status="succeeded").values_list("pk", "credit_note_id"):
        if note:
            yield f"invoice:{note}:refunded:{pk}"


def expected_of_documents() -> Iterator[str]:
    """Issued, credited, and where it was drafted before its day announced. A purchase of credit has its receipt."""
    for invoice in Invoice.objects.filter(number__isnull=False).exclude(key__startswith=SALE).iterator():
        if invoice.kind == "credit_note":
            yield f"invoice:{invoice.pk}:credited"
        elif not (invoice.key.endswith(":start") and invoice.status == "void"):
            yield f"invoice:{invoice.pk}:issued"
        if invoice.billing_on > utc_day(invoice.calculated_at) and invoice.total:
            yield f"invoice:{invoice.pk}:announced"


def reminders(at: datetime) -> Iterator[str]:
    """Who owes for longer than that has been written to about it: that a card was declined, or that nobody paid."""
    late = Invoice.objects.debts().filter(status="open", due_on__lt=utc_day(at - SOON))
    for customer, first in late.values_list("customer").annotate(Min("due_on")):
        told = Notice.objects.filter(customer_id=customer, sent_at__isnull=False, created_at__date__gte=first)
        if not told.filter(template__in=("payment_failed", "payment_reminder", "payment_warning")).exists():
            yield f"customer {customer} owes since {first} and was never reminded"
