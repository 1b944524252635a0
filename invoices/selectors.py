"""Reads of this room. Rows are found by customer id; whoever calls has checked that the customer may be seen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache, reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import (
    Exists,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    prefetch_related_objects,
)

from accounts.selectors import tax_places
from accounts.vat_ids import is_vat_id
from core.questions import built_once
from invoices.corrected import read_corrected
from invoices.exceptions import SellerMissingError
from invoices.hand_charges import TAKEN_BACK, can_be_taken_back
from invoices.lines import STORED, LineDraft, total_lines
from invoices.models import (
    UNRESOLVED,
    CreditStatement,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    InvoiceQuerySet,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Seller,
    TaxRate,
)
from invoices.rules import PAYABLE
from invoices.sold_lines import SALE
from invoices.spreading import with_named_lines
from invoices.taxes import decide
from invoices.totals import TaxRule, Totals

PAYMENTS = Prefetch("payments", Payment.objects.select_related("payment_method").order_by("pk"))


def default_seller() -> Seller:
    """Who issues documents. Raises SellerMissingError."""
    seller = Seller.objects.order_by("pk").first()
    if seller is None:
        raise SellerMissingError
    return seller


def tax_rules(customer_ids: Iterable[int], seller: Seller | None = None) -> dict[int, TaxRule]:
    """What each customer pays by country, VAT id and the seller's table (see invoices/taxes.py); without `seller` the
    default one's. Two queries."""
    ids = list(customer_ids)
    return rules_at(tax_places(ids), ids, seller)[1]


def rules_at(
    places: Mapping[int, tuple[str, str]], customer_ids: Iterable[int], seller: Seller | None = None
) -> tuple[Seller, dict[int, TaxRule]]:
    """The same for (ISO country, tax id) by customer, each "" where none is known; and whose table it was. One query.
    Raises SellerMissingError."""
    if seller:
        rates = list(TaxRate.objects.filter(seller=seller).order_by("pk"))
    else:
        seller, rates = _default_rates()
    table = _tax_table(rates)
    return seller, {pk: _rule(seller, table, *places.get(pk, ("", ""))) for pk in customer_ids}


def _default_rates() -> tuple[Seller, list[TaxRate]]:
    rates = list(_rates_of_default_seller())
    return rates[0].seller if rates else default_seller(), rates


@built_once  # every document asks it
def _rates_of_default_seller() -> QuerySet[TaxRate]:
    first = Subquery(Seller.objects.order_by("pk").values("pk")[:1])
    return TaxRate.objects.select_related("seller").filter(seller=first).order_by("pk")


def tax_rule_at(country: str, tax_id: str) -> TaxRule:
    """What the default seller's customer pays in a country (ISO, "" where none is known). One query."""
    seller, rates = _default_rates()
    return _rule(seller, _tax_table(rates), country, tax_id)


def _tax_table(rates: Iterable[TaxRate]) -> dict[str, TaxRule]:
    """Rules by country; several rates of a country are one rule with more."""
    table: dict[str, TaxRule] = {}
    for row in rates:
        first = table.get(row.country)
        table[row.country] = replace(first, more=(*first.more, row.rule())) if first else row.rule()
    return table


def _rule(seller: Seller, table: dict[str, TaxRule], country: str, tax_id: str) -> TaxRule:
    return decide(
        seller_country=seller.country,
        customer_country=country,
        tax_id_valid=bool(tax_id) and is_vat_id(tax_id, country),
        table=table,
    )


def totals_of(lines: Sequence[LineDraft], rule: TaxRule) -> Totals:
    """What a document of these lines comes to: the bill's own sum, for previews."""
    return total_lines(lines, rule, read_corrected(lines).rules)


def line_amounts(keys: Iterable[str]) -> dict[str, int]:
    """Amounts in minor units by key of line; keys without a line are absent. One query."""
    return dict(InvoiceLine.objects.filter(key__in=list(keys)).values_list("key", "amount"))


def lines_beginning_with(prefixes: Sequence[str]) -> list[str]:
    """Keys of lines, on a document or waiting for one, that begin with one of these."""
    if not prefixes:
        return []
    wanted = reduce(or_, (Q(key__startswith=prefix) for prefix in prefixes))
    return list(InvoiceLine.objects.filter(wanted).order_by("key").values_list("key", flat=True))


class StoredLine(NamedTuple):
    """A line as the books check it; `amount` in minor units."""

    key: str
    amount: int
    explain: dict[str, Any]


def stored_lines() -> Iterator[StoredLine]:
    """Every line there is, pending ones too, in the order of their making; read in chunks by a cursor."""
    rows = InvoiceLine.objects.order_by("pk").values_list("key", "amount", "explain")
    return map(StoredLine._make, rows.iterator(chunk_size=2_000))


def pending_lines(customer_id: int, currency: str, *, discarding: bool = False) -> tuple[LineDraft, ...]:
    """Lines that wait for the customer's next document in that currency, oldest first.

    With `discarding` also those that would wait again if the customer's drafts were discarded.
    """
    rows = InvoiceLine.objects.filter(_free(discarding), customer_id=customer_id, currency=currency)
    return tuple(line_draft(row) for row in rows.order_by("pk"))


def pending_of(customer: OuterRef, *, discarding: bool = False) -> QuerySet[InvoiceLine]:
    """The same of the customer of an outer query, in any currency."""
    return InvoiceLine.objects.filter(_free(discarding), customer=customer)


def _free(discarding: bool) -> Q:
    waits = Q(invoice__isnull=True)
    return waits | Q(invoice__status=InvoiceStatus.DRAFT, added_at__isnull=False) if discarding else waits


class WaitingLine(NamedTuple):
    """A line without a document; `can_be_taken_back`: staff added it, and nothing undoes it yet."""

    line: InvoiceLine
    can_be_taken_back: bool


def waiting_lines(customer_id: int) -> list[WaitingLine]:
    """Every line that waits for the customer's next document, oldest first. One query."""
    rows = list(InvoiceLine.objects.filter(customer_id=customer_id, invoice__isnull=True).order_by("pk"))
    keys = {row.key for row in rows}
    return [WaitingLine(row, can_be_taken_back(row.key) and row.key + TAKEN_BACK not in keys) for row in rows]


def line_draft(row: InvoiceLine) -> LineDraft:
    """A stored line as the pure value it came from."""
    return LineDraft(**{name: getattr(row, name) for name in STORED})


# --- what one customer sees -----------------------------------------------------------------------------------------
def documents_of(customer_id: int) -> QuerySet[Invoice]:
    """A customer's invoices, drafts included, with their payments oldest first."""
    return Invoice.objects.filter(customer_id=customer_id).prefetch_related(PAYMENTS)


def documents_page(customer_id: int, before: str, size: int) -> tuple[list[Invoice], str]:
    """One page of a customer's documents, newest billing date first, and the cursor of the next (empty: the last).

    `before` is such a cursor; anything else begins with the newest.
    """
    rows = documents_of(customer_id).order_by("-billing_on", "-pk")
    last = rows.filter(pk=before).first() if before.isdecimal() and len(before) < 19 else None
    if last is not None:
        rows = rows.filter(Q(billing_on__lt=last.billing_on) | Q(billing_on=last.billing_on, pk__lt=last.pk))
    found = list(rows[: size + 1])
    return found[:size], str(found[size - 1].pk) if len(found) > size else ""


def unpaid(customer_id: int) -> list[Invoice]:
    """Issued and not paid, the one due first on top; without their payments."""
    rows = Invoice.objects.filter(customer_id=customer_id, status__in=PAYABLE, kind=InvoiceKind.INVOICE)
    return list(rows.order_by("due_on", "pk"))


class Unsettled(NamedTuple):
    """Drafts by billing date, invoices to pay by due date, and credit notes of which something may be kept."""

    drafts: list[Invoice]
    unpaid: list[Invoice]
    notes: list[Invoice]

    @property
    def owed(self) -> list[Invoice]:
        """Those to pay that are debts: nobody owes a purchase."""
        return [row for row in self.unpaid if not row.is_sale]

    def past_due(self, on: date) -> list[Invoice]:
        """Open debts past their due date, or whose collection was declined."""
        return [row for row in self.owed if row.status == InvoiceStatus.OPEN and _is_late(row, on)]

    def has_past_due(self, on: date) -> bool:
        return bool(self.past_due(on))


def _is_late(row: Invoice, on: date) -> bool:
    declined: bool = row.is_declined  # type: ignore[attr-defined]  # annotated by unsettled
    return declined or (row.due_on is not None and row.due_on < on)


def declined_collections() -> QuerySet[Payment]:
    """Of an outer invoice: automatic collections that were declined. A card that somebody tried by hand and that was
    declined makes nothing overdue before its day."""
    return Payment.objects.filter(invoice=OuterRef("pk"), status=PaymentStatus.DECLINED, automatic=True)


def unsettled(customer_id: int) -> Unsettled:
    """What of a customer's documents is not over, without lines and payments. One query."""
    by_place: tuple[list[Invoice], list[Invoice], list[Invoice]] = ([], [], [])
    for row in _unsettled_rows().filter(customer_id=customer_id):
        by_place[0 if row.status == InvoiceStatus.DRAFT else 2 if row.is_credit_note else 1].append(row)
    drafts, unpaid, kept = by_place
    return Unsettled(
        sorted(drafts, key=lambda row: row.billing_on), sorted(unpaid, key=lambda row: row.due_on or date.max), kept
    )


@cache
def _unsettled_rows() -> InvoiceQuerySet:
    """Of everybody. Every change of plan and every page of a customer asks it: it is built once and copied."""
    mine = Q(status=InvoiceStatus.DRAFT) | Q(status__in=PAYABLE, kind=InvoiceKind.INVOICE)
    notes = Q(status=InvoiceStatus.OPEN, kind=InvoiceKind.CREDIT_NOTE)
    found = Invoice.objects.filter(mine | notes).annotate(is_declined=Exists(declined_collections()))
    return with_named_lines(found).order_by("pk")


def corrections_of(invoice: Invoice) -> tuple[Invoice, ...]:
    """The credit notes that name this invoice – or of a credit note the invoices that it names. One query."""
    if invoice.number is None:
        return ()
    of_customer = Invoice.objects.filter(customer=invoice.customer_id)
    if invoice.is_credit_note:
        return tuple(of_customer.filter(number__in=invoice.corrects).order_by("pk"))
    return tuple(of_customer.credit_notes().filter(corrects__contains=[invoice.number]).order_by("pk"))


def issue_days(note: Invoice, named: Iterable[Invoice] | None = None) -> dict[str, date | None]:
    """The invoices that a credit note names, by number: when each was issued. `named`: them, where they were read;
    else one query, none for an invoice."""
    if named is None:
        named = corrections_of(note) if note.corrects else ()
    found = {each.number: each.issued_on for each in named}
    return {number: found.get(number) for number in note.corrects}


def read_lines(invoices: Sequence[Invoice]) -> None:
    """Load the lines of these documents. One query, none for no document."""
    prefetch_related_objects(invoices, "lines")


def read_payments(invoices: Sequence[Invoice]) -> None:
    """Load the payments of these documents with their cards, oldest first. One query, none for no document."""
    prefetch_related_objects(invoices, PAYMENTS)


def billing_history(customer_id: int) -> QuerySet[Invoice]:
    """Every issued document, newest first; without their payments."""
    rows = Invoice.objects.filter(customer_id=customer_id, number__isnull=False)
    return rows.order_by("-billing_on", "-pk")


def credit_statements(customer_id: int) -> QuerySet[CreditStatement]:
    """The customer's monthly credit statements, newest first."""
    return CreditStatement.objects.filter(customer_id=customer_id).order_by("-period_end", "currency")


def line_by_key(customer_id: int, key: str) -> InvoiceLine | None:
    """A customer's line by its Explain address, with its invoice if it has one; None for anybody else's."""
    if "\x00" in key:  # PostgreSQL has no such text
        return None
    return InvoiceLine.objects.select_related("invoice").filter(customer_id=customer_id, key=key).first()


# --- what staff look for --------------------------------------------------------------------------------------------
def past_due(rows: QuerySet[Invoice], on: date) -> QuerySet[Invoice]:
    """Those that `showing.badge` calls past due on a day: open, due before it or its collection was declined, nothing
    unresolved."""
    unresolved = Payment.objects.filter(invoice=OuterRef("pk"), status__in=UNRESOLVED)
    open_ones = rows.filter(~Exists(unresolved), status=InvoiceStatus.OPEN, kind=InvoiceKind.INVOICE)
    debts = open_ones.exclude(key__startswith=SALE)
    return debts.filter(Q(due_on__lt=on) | Exists(declined_collections()))


def waiting(rows: QuerySet[Invoice], *, for_customer: bool) -> QuerySet[Invoice]:
    """Open ones with a payment whose outcome is not known: the customer has to confirm it, or the gateway to answer."""
    statuses = [PaymentStatus.NEEDS_CONFIRMATION] if for_customer else [PaymentStatus.PENDING, PaymentStatus.UNKNOWN]
    attempts = Payment.objects.filter(status__in=statuses)
    return rows.filter(pk__in=attempts.values("invoice"), status=InvoiceStatus.OPEN)


def customers_past_due(on: date) -> QuerySet[Any, Any]:
    """Ids of customers with an invoice past due, for a subquery."""
    return past_due(Invoice.objects.all(), on).order_by().values("customer")


def customers_by_number(number: str, limit: int) -> list[int]:
    """Ids of customers of documents whose number begins so. One query."""
    found = Invoice.objects.filter(number__startswith=number).order_by()
    return list(found.values_list("customer_id", flat=True)[:limit])


def invoices_to_export(customer_id: int) -> QuerySet[Invoice]:
    """Every document of a customer, drafts included, newest first."""
    return Invoice.objects.filter(customer_id=customer_id).order_by("-billing_on", "-pk")


def numbers_of(invoice_ids: Iterable[int]) -> dict[int, str]:
    """The number of each of these documents that has one. One query."""
    found = Invoice.objects.filter(pk__in=invoice_ids, number__isnull=False).order_by()
    return {pk: number for pk, number in found.values_list("pk", "number") if number}
