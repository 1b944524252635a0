"""Charges become a draft: lines, tax and total are fixed, and the customer is told amount, date and card."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.audit import audit
from accounts.models import AuditEntry, Customer, User
from accounts.selectors import default_payment_methods, recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.money import UnknownCurrencyError, exponent
from core.periods import utc_day
from invoices.emails import announced
from invoices.exceptions import CurrencyError, LineBilledError, NegativeTotalError
from invoices.lines import InvoiceDraft, LineDraft
from invoices.models import Invoice, InvoiceLine, Seller
from invoices.selectors import default_seller, tax_rules
from invoices.totals import TaxRule, total_up


@transaction.atomic
def draft_invoices(*, drafts: Sequence[InvoiceDraft], at: datetime, actor: User | None = None) -> list[Invoice]:
    """One invoice per draft, in the order given; the number of queries does not depend on how many.

    A key that is drafted or issued already gives that invoice, untouched. A draft without lines gives none. The
    caller has locked the customers. Raises SellerMissingError, CurrencyError, NegativeTotalError, LineBilledError.
    """
    customers = lock_customers({draft.customer_id for draft in drafts})
    found = Invoice.objects.in_bulk([draft.key for draft in drafts], field_name="key")
    new = list({draft.key: draft for draft in drafts if draft.lines and draft.key not in found}.values())
    if new:
        for invoice in _store(new, customers, at, actor):
            found[invoice.key] = invoice
    return [found[key] for key in dict.fromkeys(draft.key for draft in drafts) if key in found]


def _store(
    drafts: Sequence[InvoiceDraft], customers: dict[int, Customer], at: datetime, actor: User | None
) -> list[Invoice]:
    seller = default_seller()
    rules = tax_rules(customers, seller)
    _check_currencies(drafts, customers)
    _check_lines(drafts)
    invoices = Invoice.objects.bulk_create([_invoice(draft, seller, rules[draft.customer_id], at) for draft in drafts])
    pairs = list(zip(drafts, invoices, strict=True))
    InvoiceLine.objects.bulk_create(
        [_line(line, invoice, number) for draft, invoice in pairs for number, line in enumerate(draft.lines, 1)]
    )
    _announce(pairs, at)
    AuditEntry.objects.bulk_create([_audit(invoice, at, actor) for invoice in invoices])
    return invoices


def _check_currencies(drafts: Sequence[InvoiceDraft], customers: dict[int, Customer]) -> None:
    """A known currency, and the one the customer was billed in before: balances are never merged."""
    issued = Invoice.objects.filter(customer_id__in=customers, number__isnull=False)
    billed_in = dict(issued.values_list("customer_id", "currency").distinct())
    for draft in drafts:
        try:
            exponent(draft.currency)
        except UnknownCurrencyError as error:
            message = f"There is no currency {draft.currency}."
            raise CurrencyError(f"{draft.key}: unknown currency {draft.currency}", message=message) from error
        own = customers[draft.customer_id].currency or billed_in.get(draft.customer_id, draft.currency)
        if own != draft.currency:
            raise CurrencyError(f"{draft.key}: {draft.currency}, but the customer is billed in {own}")


def _check_lines(drafts: Sequence[InvoiceDraft]) -> None:
    keys = [line.key for draft in drafts for line in draft.lines]
    billed = InvoiceLine.objects.filter(key__in=keys).values_list("key", flat=True).first()
    if billed is not None:
        raise LineBilledError(f"line {billed} is billed already")
    if len(set(keys)) < len(keys):
        raise LineBilledError("two lines of this batch have the same key")


def _invoice(draft: InvoiceDraft, seller: Seller, rule: TaxRule, at: datetime) -> Invoice:
    totals = total_up((line.amount for line in draft.lines), rule)
    if totals.total < 0:
        raise NegativeTotalError(f"{draft.key}: total {totals.total}")
    return Invoice(
        key=draft.key,
        customer_id=draft.customer_id,
        seller=seller,
        currency=draft.currency,
        collection=draft.collection,
        billing_on=draft.billing_on,
        period_start=draft.period.start,
        period_end=draft.period.end,
        calculated_at=at,
        announced_at=at,
        subtotal=totals.subtotal,
        tax_label=rule.label,
        tax_percent=rule.percent,
        tax=totals.tax,
        total=totals.total,
    )


def _line(line: LineDraft, invoice: Invoice, position: int) -> InvoiceLine:
    return InvoiceLine(
        key=line.key,
        customer_id=invoice.customer_id,
        invoice=invoice,
        position=position,
        kind=line.kind,
        currency=invoice.currency,
        title=line.title,
        detail=line.detail,
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        feature_key=line.feature_key,
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        per_units=line.per_units,
        amount=line.amount,
        explain=line.explain,
    )


def _announce(pairs: Sequence[tuple[InvoiceDraft, Invoice]], at: datetime) -> None:
    """Where the billing date is here already the issued invoice is the announcement: one message, not two."""
    ahead = [(draft, invoice) for draft, invoice in pairs if invoice.billing_on > utc_day(at) and invoice.total]
    ids = [invoice.customer_id for _, invoice in ahead]
    cards, to = default_payment_methods(ids), recipients(ids)
    queue_notices(
        [
            announced(invoice, draft.lines, cards.get(invoice.customer_id), to.get(invoice.customer_id, []))
            for draft, invoice in ahead
        ],
        at=at,
    )


def _audit(invoice: Invoice, at: datetime, actor: User | None) -> AuditEntry:
    return audit(
        at=at,
        actor=actor,
        customer_id=invoice.customer_id,
        action="draft_invoices",
        subject=f"invoice:{invoice.pk}",
        after={"key": invoice.key, "total": invoice.total, "currency": invoice.currency},
    )
