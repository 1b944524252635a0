"""Invoices and statements as tables, for files that staff and customers take away."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from django.db.models import Case, F, Value, When
from django.db.models.functions import Abs

from accounts.exporting import CHUNK, Amount
from core.money import to_major
from core.spreadsheet import Cell
from invoices.totals import TaxRow, row_from

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from invoices.models import CorrectionRequest, CreditStatement, Invoice

INVOICE_COLUMNS = (
    *("number", "customer__key", "customer__name", "kind", "status", "currency", "collection"),
    *("billing_on", "period_start", "period_end", "issued_on", "due_on", "paid_at", "voided_at"),
    *(Amount("subtotal"), Amount("tax"), Amount("total"), Amount("credits")),
    *(Amount("amount_paid"), Amount("amount_credited"), Amount("left"), "key"),
)
HISTORY_AMOUNTS = ("subtotal", "tax", "total", "credits", "amount_paid", "amount_credited", "left")
HISTORY_COLUMNS = (
    *("period_from", "period_to", "number", "kind", "issued_on", "due_on", "status", "currency"),
    *HISTORY_AMOUNTS,
)
STATEMENT_COLUMNS = ("period_from", "period_to", "currency", "opening", "closing")
CORRECTION_COLUMNS = ("invoice", "asked_at", "asked_by", "wrong", "status", "answered_at", "answer")
LINE_COLUMNS = (
    *("row", "title", "detail", "from", "to", "quantity", "unit_price", "per_units"),
    *("tax_percent", "tax_base", "tax", "currency", "amount", "key"),
)


class Line(Protocol):
    """A line, stored or not."""

    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def unit_amount(self) -> Decimal | None: ...
    @property
    def per_units(self) -> int: ...
    @property
    def amount(self) -> int: ...


def with_amount_due(rows: "QuerySet[Invoice]") -> "QuerySet[Invoice]":
    """With `left`: what `Invoice.amount_due` says, minor units; of a credit note below zero, as its total."""
    left = Abs(F("total")) - F("amount_paid") - F("amount_credited")
    due = Case(When(status="void", then=Value(0)), When(kind="credit_note", then=-left), default=left)
    return rows.annotate(left=due)


def history_rows(documents: "QuerySet[Invoice]") -> Iterator[tuple[Cell, ...]]:
    """A row per document, amounts in major units, by one query that holds a chunk at a time."""
    facts = ("period_start", "period_end", "number", "kind", "issued_on", "due_on", "status", "currency")
    rows = with_amount_due(documents).values_list(*facts, *HISTORY_AMOUNTS)
    for start, end, number, kind, issued_on, due_on, status, currency, *amounts in rows.iterator(chunk_size=CHUNK):
        majors = (to_major(amount, currency) for amount in amounts)
        yield start, last_day(start, end), number, kind, issued_on, due_on, status, currency, *majors


def statement_rows(statements: "QuerySet[CreditStatement]") -> Iterator[tuple[Cell, ...]]:
    """A row per statement, amounts in major units."""
    for one in statements.iterator(chunk_size=CHUNK):
        opening, closing = (to_major(amount, one.currency) for amount in (one.opening, one.closing))
        yield one.period_start, last_day(one.period_start, one.period_end), one.currency, opening, closing


def document_rows(invoice: "Invoice") -> Iterator[tuple[Cell, ...]]:
    """The lines of a document, what credit pays of them and gives back, and its taxes, as they are kept: of a credit
    note below zero. The amounts, in major units, sum to the total."""
    currency = invoice.currency
    yield from line_rows("line", invoice.lines.all(), currency)
    paid = [(str(row["name"]), int(row["amount"])) for row in invoice.credit_rows]
    yield from credit_rows(paid, invoice.credits, currency)
    yield from tax_rows(map(row_from, invoice.taxes), currency)


def line_rows(row: str, lines: Iterable[Line], currency: str) -> Iterator[tuple[Cell, ...]]:
    """Of a document or of one to come, as they are kept; `row` says which kind of line."""
    for line in lines:
        priced = (line.quantity, line.unit_amount, line.per_units if line.unit_amount is not None else None)
        said = (row, line.title, line.detail, line.starts_at, line.ends_at)
        yield *said, *priced, None, None, None, currency, to_major(line.amount, currency), line.key


def credit_rows(paid: Iterable[tuple[str, int]], credits: int, currency: str) -> Iterator[tuple[Cell, ...]]:
    """What each grant pays, below zero, and what goes back to credit; minor units. `credits`: both together, as
    `Invoice.credits`."""
    returned = -credits
    for name, amount in paid:
        returned += amount
        yield _sum_row("credits used", name, currency, -amount)
    if returned:
        yield _sum_row("credits returned", "", currency, returned)


def tax_rows(taxes: Iterable[TaxRow], currency: str) -> Iterator[tuple[Cell, ...]]:
    """A row per rate; tax that the prices contain is said, and adds nothing."""
    for each in taxes:
        if not each.rule.label:  # nothing is taxed at all
            continue
        inside = "included " if each.rule.inclusive else ""
        of_rate = (each.rule.percent, to_major(each.base, currency), to_major(each.tax, currency))
        yield _sum_row(f"{inside}tax", each.rule.label, currency, 0 if inside else each.tax, of_rate)


def _sum_row(
    row: str, title: str, currency: str, amount: int, tax: tuple[Cell, ...] = (None, None, None)
) -> tuple[Cell, ...]:
    return row, title, None, None, None, None, None, None, *tax, currency, to_major(amount, currency), None


def correction_rows(asked: "QuerySet[CorrectionRequest]") -> Iterator[tuple[Cell, ...]]:
    """A row per request for a corrected invoice, with the answer where there is one."""
    paths = ("invoice__number", "asked_at", "asked_by__email", "wrong", "status", "answered_at", "answer")
    yield from asked.values_list(*paths).iterator(chunk_size=CHUNK)


def last_day(start: date, end: date) -> date:
    """Of a half-open period the last day inside, as people read it; of an empty one its day."""
    return max(start, end - timedelta(days=1))
