"""Charges become a draft: lines, tax and total are fixed, and the customer is told amount, date and card."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from accounts.audit import NOTHING, record_all
from accounts.models import Customer, User
from accounts.selectors import default_payment_methods, recipients, tax_places
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.any_of import any_of
from core.bulk import copy_rows, copy_values
from core.money import UnknownCurrencyError, exponent
from core.periods import utc_day
from invoices.charging import Sheet as Asking
from invoices.corrected import Corrected, read_corrected
from invoices.drawing import draw_down
from invoices.emails import announced
from invoices.exceptions import CurrencyError, LineBilledError
from invoices.lines import STORED, InvoiceDraft, LineDraft, total_lines
from invoices.models import Invoice, InvoiceLine, Seller
from invoices.selectors import line_draft, rules_at
from invoices.spreading import kept_for_drafts
from invoices.totals import TaxRule, rules_from, rules_values
from invoices.watermarks import given_back_values

LINE_VALUES = attrgetter(*STORED)
LINE_COLUMNS = ("customer_id", "invoice_id", "position", "currency", "credits", "tax_rules", *STORED)

Credits = Mapping[str, int]


@transaction.atomic
def draft_invoices(*, drafts: Sequence[InvoiceDraft], at: datetime, actor: User | None = None) -> list[Invoice]:
    """One document per draft, in the order given; the number of queries does not depend on how many.

    A key that is drafted or issued already gives that document, untouched. Lines that wait for the customer's next
    document in that currency join its first draft; a draft without any line gives none. Credit pays what it can of
    the lines, and all of those that it settles alone, which stand on no document. A total below zero makes a credit
    note. The caller has locked the customers. Raises SellerMissingError, CurrencyError, LineBilledError.
    """
    customers = lock_customers({draft.customer_id for draft in drafts})
    found = Invoice.objects.in_bulk([draft.key for draft in drafts], field_name="key")
    new = list({draft.key: draft for draft in drafts if draft.key not in found}.values())
    sheets = [sheet for sheet in _with_pending(new) if sheet.lines or sheet.direct]
    if sheets:
        _check_currencies(new, customers)
        for invoice in _store(sheets, customers, at, actor):
            found[invoice.key] = invoice
    return [found[key] for key in dict.fromkeys(draft.key for draft in drafts) if key in found]


class Sheet(NamedTuple):
    """A draft with everything that will stand on it: its own lines, then those that waited.

    `direct` lines are settled by credit alone and stand on no document.
    """

    draft: InvoiceDraft
    pending: list[InvoiceLine]
    own: tuple[LineDraft, ...]
    lines: tuple[LineDraft, ...]
    direct: tuple[LineDraft, ...]


def _with_pending(drafts: Sequence[InvoiceDraft]) -> list[Sheet]:
    ids = {draft.customer_id for draft in drafts}
    rows = InvoiceLine.objects.filter(any_of("customer_id", ids), invoice__isnull=True).order_by("pk")
    waiting: dict[tuple[int, str], list[InvoiceLine]] = {}
    for row in rows:
        waiting.setdefault((row.customer_id, row.currency), []).append(row)
    sheets = []
    for draft in drafts:
        joins = draft.given_back is None and not draft.alone  # a note of one invoice has that invoice's lines alone
        pending = waiting.pop((draft.customer_id, draft.currency), []) if joins else []
        own = tuple(line for line in draft.lines if line.settlement != "credit_only")
        direct = tuple(line for line in draft.lines if line.settlement == "credit_only")
        sheets.append(Sheet(draft, pending, own, (*own, *(line_draft(row) for row in pending)), direct))
    return sheets


def _store(every: Sequence[Sheet], customers: dict[int, Customer], at: datetime, actor: User | None) -> list[Invoice]:
    sheets = [sheet for sheet in every if sheet.lines]
    corrected = read_corrected(line for sheet in sheets for line in sheet.lines)
    pairs = _create(sheets, customers, corrected.rules, at) if sheets else []
    credits = _draw_down(every, pairs, corrected, at, actor)
    _store_lines(pairs, corrected.rules, credits)
    _attach(pairs, corrected.rules, credits)
    _announce(pairs, at)
    invoices = [invoice for _, invoice in pairs]
    record_all(
        at=at,
        actor=actor,
        action="draft_invoices",
        entries=[
            (
                invoice.customer_id,
                f"invoice:{invoice.pk}",
                NOTHING,
                {"key": invoice.key, "total": invoice.total, "currency": invoice.currency},
            )
            for invoice in invoices
        ],
    )
    return invoices


def _create(
    sheets: Sequence[Sheet], customers: dict[int, Customer], corrected: Mapping[str, TaxRule], at: datetime
) -> list[tuple[Sheet, Invoice]]:
    """The documents' rows, as if no credit paid anything of them."""
    seller, rules = rules_at(tax_places(customers), customers)
    _check_lines([sheet.own for sheet in sheets])
    invoices = [_invoice(sheet, seller, rules[sheet.draft.customer_id], corrected, at) for sheet in sheets]
    copy_rows(invoices)
    return list(zip(sheets, invoices, strict=True))


def _draw_down(
    every: Sequence[Sheet],
    pairs: Sequence[tuple[Sheet, Invoice]],
    corrected: Corrected,
    at: datetime,
    actor: User | None,
) -> Credits:
    """What credit pays by line; the documents it pays something of are totalled anew."""
    refs = {sheet.draft.key: str(invoice.pk) for sheet, invoice in pairs}
    paid = draw_down([_asking(sheet, refs.get(sheet.draft.key, "")) for sheet in every], corrected.billed, at, actor)
    charged = [(sheet, invoice) for sheet, invoice in pairs if str(invoice.pk) in paid]
    for sheet, invoice in charged:
        credits = paid[str(invoice.pk)]
        rule = rules_from(invoice.tax_rules)
        invoice.credits = credits.total
        invoice.credit_rows = [asdict(row) for row in credits.rows]
        invoice.take(rule, total_lines(sheet.lines, rule, corrected.rules, credits.by_line, sheet.draft.given_back))
    if charged:
        Invoice.objects.freeze([invoice for _, invoice in charged])
    return {key: amount for credits in paid.values() for key, amount in credits.by_line.items()}


def _asking(sheet: Sheet, ref: str) -> Asking:
    draft = sheet.draft
    return Asking(draft.customer_id, draft.currency, draft.billing_on, ref, sheet.lines, sheet.direct)


def _store_lines(pairs: Sequence[tuple[Sheet, Invoice]], corrected: Mapping[str, TaxRule], credits: Credits) -> None:
    """The drafts' own lines. Raises LineBilledError where one stands on another document already."""
    try:
        with transaction.atomic():
            copy_values(
                InvoiceLine,
                LINE_COLUMNS,
                (
                    _line(line, invoice, number, corrected, credits.get(line.key, 0))
                    for sheet, invoice in pairs
                    for number, line in enumerate(sheet.own, 1)
                ),
            )
    except IntegrityError as error:
        keys = [line.key for sheet, _ in pairs for line in sheet.own]
        billed = InvoiceLine.objects.filter(key__in=keys).values_list("key", flat=True).first()
        if billed is None:
            raise
        raise LineBilledError(f"line {billed} is billed already") from error


def _attach(pairs: Sequence[tuple[Sheet, Invoice]], corrected: Mapping[str, TaxRule], credits: Credits) -> None:
    """What waited stands after the document's own lines."""
    rows = []
    for sheet, invoice in pairs:
        for number, row in enumerate(sheet.pending, len(sheet.own) + 1):
            row.invoice, row.position = invoice, number
            row.tax_rules = _own_rules(row.corrects, corrected)
            row.credits = credits.get(row.key, 0)
            rows.append(row)
    InvoiceLine.objects.bulk_update(rows, ["invoice", "position", "tax_rules", "credits"], batch_size=1_000)


def _own_rules(corrects: str, corrected: Mapping[str, TaxRule]) -> list[dict[str, Any]]:
    return rules_values(corrected[corrects]) if corrects in corrected else []


def _check_currencies(drafts: Sequence[InvoiceDraft], customers: dict[int, Customer]) -> None:
    """A known currency, and the one the customer was billed in before: balances are never merged."""
    for draft in drafts:
        try:
            exponent(draft.currency)
        except UnknownCurrencyError as error:
            message = gettext("There is no currency %(currency)s.") % {"currency": draft.currency}
            raise CurrencyError(f"{draft.key}: unknown currency {draft.currency}", message=message) from error
        own = customers[draft.customer_id].currency or draft.currency
        if own != draft.currency:
            raise CurrencyError(f"{draft.key}: {draft.currency}, but the customer is billed in {own}")


def _check_lines(sheets: Sequence[tuple[LineDraft, ...]]) -> None:
    keys = [line.key for lines in sheets for line in lines]
    if len(set(keys)) < len(keys):
        raise LineBilledError("two lines of this batch have the same key")


def _invoice(sheet: Sheet, seller: Seller, rule: TaxRule, corrected: Mapping[str, TaxRule], at: datetime) -> Invoice:
    draft = sheet.draft
    invoice = Invoice(
        key=draft.key,
        customer_id=draft.customer_id,
        seller_id=seller.pk,
        currency=draft.currency,
        collection=draft.collection,
        payment_terms=draft.payment_terms,
        billing_on=draft.billing_on,
        period_start=draft.period.start,
        period_end=draft.period.end,
        calculated_at=at,
        announced_at=at,
        given_back=given_back_values(draft.given_back) if draft.given_back else {},
        goes_to=draft.goes_to,
        goes_first_to_id=draft.goes_first_to,
    )
    invoice.take(rule, total_lines(sheet.lines, rule, corrected, given_back=draft.given_back))
    return invoice


def _line(
    line: LineDraft, invoice: Invoice, position: int, corrected: Mapping[str, TaxRule], credits: int
) -> tuple[object, ...]:
    """The values of LINE_COLUMNS."""
    return (
        invoice.customer_id,
        invoice.pk,
        position,
        invoice.currency,
        credits,
        _own_rules(line.corrects, corrected),
        *LINE_VALUES(line),
    )


def _announce(pairs: Sequence[tuple[Sheet, Invoice]], at: datetime) -> None:
    """Where the billing date is here already the issued invoice is the announcement: one message, not two."""
    ahead = [(sheet, invoice) for sheet, invoice in pairs if invoice.billing_on > utc_day(at) and invoice.total]
    ids = [invoice.customer_id for _, invoice in ahead]
    cards, to = default_payment_methods(ids), recipients(ids)
    kept = kept_for_drafts([invoice for _, invoice in ahead])
    queue_notices(
        [
            announced(
                invoice,
                sheet.lines,
                cards.get(invoice.customer_id),
                to.get(invoice.customer_id, []),
                kept.get(invoice.pk, 0),
            )
            for sheet, invoice in ahead
        ],
        at=at,
    )
