"""Which documents stand in an archive, and in which order."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple

from django.db.models import DateField
from django.db.models.functions import Coalesce, ExtractYear, TruncDate

from invoices.exceptions import ArchiveTooLargeError, NothingToArchiveError
from invoices.models import Invoice, Payment, PaymentStatus
from invoices.models_archives import Archive, ArchiveEntry

LIMIT = 10_000  # documents
ISSUED_ON = Coalesce("issued_on", "billing_on")
PAID_ON = Coalesce("received_on", TruncDate("settled_at"), TruncDate("created_at"), output_field=DateField())


class Entry(NamedTuple):
    """A file that goes in. Sorted, an invoice stands before its e-invoice, and that before its receipts."""

    invoiced_on: date
    invoice_id: int
    payment_id: int  # 0: the invoice itself
    is_data: bool
    on: date


def entries_of(invoice_ids: Collection[int], customer_id: int | None) -> list[Entry]:
    """These documents, as far as they are issued, and the receipts of their payments so far, whenever that was; with a
    customer nothing of anybody else. Raises NothingToArchiveError, ArchiveTooLargeError."""
    if len(invoice_ids) > LIMIT:
        raise ArchiveTooLargeError(f"{len(invoice_ids)} invoices")
    issued = Invoice.objects.filter(pk__in=invoice_ids, number__isnull=False)
    if customer_id is not None:
        issued = issued.filter(customer_id=customer_id)
    dates = dict(issued.annotate(on=ISSUED_ON).values_list("pk", "on"))
    paid = Payment.objects.filter(invoice_id__in=dates, status=PaymentStatus.SUCCEEDED).annotate(on=PAID_ON)
    entries = [Entry(on, pk, 0, False, on) for pk, on in dates.items()]
    entries += [
        Entry(dates[invoice_id], invoice_id, pk, False, on)
        for pk, invoice_id, on in paid.values_list("pk", "invoice_id", "on")
    ]
    return _checked(entries)


def entries_of_year(customer_id: int, year: int) -> list[Entry]:
    """What is dated in the year: invoices and credit notes by their date of issue, each with its e-invoice beside it,
    and receipts by the day of payment, also those of older invoices. Raises as `entries_of`."""
    issued = Invoice.objects.filter(customer_id=customer_id, number__isnull=False).annotate(on=ISSUED_ON)
    paid = Payment.objects.filter(customer_id=customer_id, status=PaymentStatus.SUCCEEDED).annotate(on=PAID_ON)
    paid = paid.annotate(invoiced_on=Coalesce("invoice__issued_on", "invoice__billing_on"))
    entries = []
    for pk, on in issued.filter(on__year=year).values_list("pk", "on"):
        entries += [Entry(on, pk, 0, False, on), Entry(on, pk, 0, True, on)]
    entries += [
        Entry(invoiced_on, invoice_id, pk, False, on)
        for pk, invoice_id, invoiced_on, on in paid.filter(on__year=year).values_list(
            "pk", "invoice_id", "invoiced_on", "on"
        )
    ]
    return _checked(entries)


def years_of(customer_id: int) -> list[int]:
    """The years in which documents of the customer are dated, newest first. One query."""
    issued = Invoice.objects.filter(customer_id=customer_id, number__isnull=False).annotate(on=ISSUED_ON)
    paid = Payment.objects.filter(customer_id=customer_id, status=PaymentStatus.SUCCEEDED).annotate(on=PAID_ON)
    found = [rows.annotate(year=ExtractYear("on")).order_by().values_list("year") for rows in (issued, paid)]
    return sorted({year for (year,) in found[0].union(found[1])}, reverse=True)


def store_entries(archive: Archive, entries: Iterable[Entry]) -> None:
    """Fix what the archive holds."""
    rows = [
        ArchiveEntry(
            archive=archive,
            position=position,
            invoice_id=entry.invoice_id,
            payment_id=entry.payment_id or None,
            is_data=entry.is_data,
            on=entry.on,
        )
        for position, entry in enumerate(entries)
    ]
    ArchiveEntry.objects.bulk_create(rows, batch_size=2_000)


def holds(archive: Archive, entries: Collection[Entry]) -> bool:
    """Whether exactly these stand in it."""
    stored = set(archive.entries.values_list("invoice_id", "payment_id", "is_data"))
    return stored == {(entry.invoice_id, entry.payment_id or None, entry.is_data) for entry in entries}


def _checked(entries: list[Entry]) -> list[Entry]:
    documents = sum(not entry.is_data for entry in entries)
    if not documents:
        raise NothingToArchiveError("none of the documents is issued")
    if documents > LIMIT:
        raise ArchiveTooLargeError(f"{documents} documents")
    return sorted(entries)
