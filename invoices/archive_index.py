"""What `index.csv` says of an archive: a row per document, whether its PDF is there or not."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet, Sum

from core.money import to_major
from core.spreadsheet import Cell, csv_lines
from invoices.exporting import last_day
from invoices.models import Invoice, InvoiceStatus, Payment
from invoices.models_archives import Archive, ArchiveEntry

CHOSEN = ("number", "kind", "customer", "date", "currency", "total", "status", "file", "sha256", "missing")
# Facts alone, that change only where a document becomes void: so the same documents give the same file.
OF_A_YEAR = (
    *("number", "kind", "belongs_to", "date", "period_from", "period_to", "currency", "amount", "tax", "paid"),
    *("file", "e_invoice", "sha256", "missing"),
)
SHOWN = (
    *("on", "file", "sha256", "missing", "payment__receipt_number", "payment__amount", "payment__status"),
    *("invoice__number", "invoice__kind", "invoice__currency", "invoice__total", "invoice__status"),
    "invoice__customer__name",
)
SHOWN_OF_A_YEAR = (
    *("on", "file", "sha256", "missing", "payment__receipt_number", "payment__amount"),
    *("invoice__number", "invoice__kind", "invoice__currency", "invoice__total", "invoice__tax", "invoice__corrects"),
    *("invoice__period_start", "invoice__period_end", "invoice__status"),
)


class Sums(NamedTuple):
    """What a year's documents in one currency come to, minor units: `amount` of invoices less credit notes, the `tax`
    in it, and what was `paid`. A void document is one of them and adds nothing."""

    currency: str
    documents: int
    amount: int
    tax: int
    receipts: int
    paid: int


def index_text(archive: Archive) -> str:
    """The whole file."""
    if archive.year is None:
        return "".join(csv_lines(CHOSEN, _rows(archive)))
    return "".join(csv_lines(OF_A_YEAR, _rows_of_a_year(archive)))


def year_sums(archive: Archive) -> list[Sums]:
    """The sums of a year's index, by currency. Two queries."""
    documents = archive.entries.filter(is_data=False).order_by()
    issued = documents.filter(payment__isnull=True).values("invoice__currency")
    counts = ~Q(invoice__status=InvoiceStatus.VOID)
    paid = documents.filter(payment__isnull=False).values("invoice__currency")
    sums: dict[str, Sums] = {}
    amount, tax = (Sum(name, filter=counts, default=0) for name in ("invoice__total", "invoice__tax"))
    for row in issued.annotate(many=Count("pk"), amount=amount, tax=tax):
        code = row["invoice__currency"]
        sums[code] = Sums(code, row["many"], row["amount"], row["tax"], 0, 0)
    for receipt in paid.annotate(many=Count("pk"), paid=Sum("payment__amount")):
        code = receipt["invoice__currency"]
        before = sums.get(code, Sums(code, 0, 0, 0, 0, 0))
        sums[code] = before._replace(receipts=receipt["many"], paid=receipt["paid"])
    return [sums[code] for code in sorted(sums)]


def _rows(archive: Archive) -> Iterator[tuple[Cell, ...]]:
    entries = _documents(archive).select_related("invoice__customer", "payment").only(*SHOWN)
    for entry in entries.iterator(500):
        invoice, payment = entry.invoice, entry.payment
        number, kind, amount, status = (
            (payment.receipt_number, "receipt", payment.amount, payment.status)
            if payment
            else (invoice.number, invoice.kind, invoice.total, invoice.status)
        )
        total = to_major(amount, invoice.currency)
        yield (
            number, kind, invoice.customer.name, entry.on, invoice.currency, total, status,
            entry.file, entry.sha256, entry.missing,
        )  # fmt: skip


def _rows_of_a_year(archive: Archive) -> Iterator[tuple[Cell, ...]]:
    data = archive.entries.filter(is_data=True).values_list("invoice_id", "file", "missing")
    beside = {invoice_id: (file, missing) for invoice_id, file, missing in data}
    entries = _documents(archive).select_related("invoice", "payment").only(*SHOWN_OF_A_YEAR)
    for entry in entries.iterator(500):
        payment = entry.payment
        facts = _paid(payment, entry) if payment else _billed(entry.invoice, entry)
        xml, no_xml = ("", "") if payment else beside.get(entry.invoice_id, ("", ""))
        yield (*facts, entry.file, xml, entry.sha256, " ".join(filter(None, (entry.missing, no_xml))))


def _documents(archive: Archive) -> "QuerySet[ArchiveEntry]":
    return archive.entries.filter(is_data=False).order_by("position")


def _billed(invoice: Invoice, entry: ArchiveEntry) -> tuple[Cell, ...]:
    """A credit note is below zero and a void invoice nothing, so that the column sums to what was billed."""
    currency, last = invoice.currency, last_day(invoice.period_start, invoice.period_end)
    is_void = invoice.status == InvoiceStatus.VOID
    amount, tax = (to_major(0 if is_void else each, currency) for each in (invoice.total, invoice.tax))
    kind = "credit note" if invoice.is_credit_note else "void invoice" if is_void else "invoice"
    corrects: list[Any] = invoice.corrects
    return (
        invoice.number, kind, ", ".join(corrects), entry.on, invoice.period_start, last, currency, amount, tax, None,
    )  # fmt: skip


def _paid(payment: Payment, entry: ArchiveEntry) -> tuple[Cell, ...]:
    currency = entry.invoice.currency
    paid = to_major(payment.amount, currency)
    return (
        payment.receipt_number, "receipt", entry.invoice.number, entry.on, None, None, currency, None, None, paid,
    )  # fmt: skip
