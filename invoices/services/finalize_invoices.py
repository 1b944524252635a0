"""Drafts become documents: a number each, both parties and every figure frozen, ready to be collected."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby

from django.conf import settings
from django.db import transaction

from accounts.audit import audit
from accounts.models import AuditEntry, PaymentMethod, User
from accounts.selectors import default_payment_methods, parties, recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.periods import midnight, utc_day
from invoices.emails import issued
from invoices.models import Collection, Invoice, InvoiceStatus, Seller
from invoices.numbering import INVOICE, next_numbers
from invoices.selectors import tax_rules
from invoices.totals import total_up


@transaction.atomic
def finalize_invoices(
    *, invoice_ids: Iterable[int], at: datetime, actor: User | None = None, collect_now: bool = False
) -> list[Invoice]:
    """The invoices finalized by this call, in the order of their numbers; what is no draft any more is left out.

    Collected automatically at `at`; announced only on or after its billing date (catching up, or with another tax
    since the billing details changed): CATCH_UP_NOTICE later, except with `collect_now`, for totals the customer has
    just confirmed. A total of 0 is paid at once.
    """
    ids = list(invoice_ids)
    lock_customers(Invoice.objects.filter(pk__in=ids).values_list("customer_id", flat=True))
    rows = Invoice.objects.filter(pk__in=ids, status=InvoiceStatus.DRAFT).select_related("seller")
    invoices = list(rows.order_by("seller_id", "pk"))
    if not invoices:
        return []
    customer_ids = {invoice.customer_id for invoice in invoices}
    _retax(invoices, at)
    cards = default_payment_methods(customer_ids)
    buyers = parties(customer_ids)
    to = recipients(customer_ids)
    for invoice in invoices:
        invoice.seller_party = _seller_party(invoice.seller)
        invoice.customer_party = buyers[invoice.customer_id]
        _schedule(invoice, cards.get(invoice.customer_id), at, collect_now=collect_now)
    _number(invoices, utc_day(at).year)
    Invoice.objects.freeze(invoices)
    queue_notices(
        [issued(invoice, cards.get(invoice.customer_id), to.get(invoice.customer_id, [])) for invoice in invoices],
        at=at,
    )
    AuditEntry.objects.bulk_create([_audit(invoice, at, actor) for invoice in invoices])
    return invoices


def _retax(invoices: Sequence[Invoice], at: datetime) -> None:
    """New billing details may bring another tax than the one announced: the issued invoice announces it anew."""
    for seller, group in groupby(invoices, key=lambda invoice: invoice.seller):
        batch = list(group)
        rules = tax_rules([invoice.customer_id for invoice in batch], seller)
        for invoice in batch:
            rule = rules[invoice.customer_id]
            if (rule.label, rule.percent) != (invoice.tax_label, invoice.tax_percent):
                totals = total_up([invoice.subtotal], rule)
                invoice.tax_label, invoice.tax_percent = rule.label, rule.percent
                invoice.tax, invoice.total, invoice.announced_at = totals.tax, totals.total, at


def _schedule(invoice: Invoice, card: PaymentMethod | None, at: datetime, *, collect_now: bool) -> None:
    """Status and dates: when it was issued, when it is due, when it is collected by itself."""
    invoice.finalized_at = at
    invoice.issued_on = utc_day(at)
    if not invoice.total:
        invoice.status, invoice.paid_at, invoice.due_on = InvoiceStatus.PAID, at, invoice.issued_on
        return
    invoice.status = InvoiceStatus.OPEN
    if card is None or invoice.collection != Collection.AUTOMATIC:
        invoice.due_on = invoice.issued_on + settings.PAYMENT_TERMS
        return
    late = _announced_late(invoice) and not collect_now
    invoice.collect_at = at + settings.CATCH_UP_NOTICE if late else at
    invoice.due_on = utc_day(invoice.collect_at)


def _announced_late(invoice: Invoice) -> bool:
    """Whether the customer was told only when the billing date had come."""
    return invoice.announced_at is None or invoice.announced_at >= midnight(invoice.billing_on)


def _seller_party(seller: Seller) -> dict[str, str]:
    fields = ("legal_name", "line1", "line2", "postal_code", "city", "country")
    more = ("tax_id", "registration", "email", "iban")
    return {field: getattr(seller, field) for field in fields + more}


def _number(invoices: Sequence[Invoice], year: int) -> None:
    """The sequence is the last lock taken, in the order of the sellers."""
    for seller, group in groupby(invoices, key=lambda invoice: invoice.seller):
        batch = list(group)
        for invoice, number in zip(batch, next_numbers(seller, INVOICE, year, len(batch)), strict=True):
            invoice.number = number


def _json_day(on: date | None) -> str | None:
    return on.isoformat() if on else None


def _audit(invoice: Invoice, at: datetime, actor: User | None) -> AuditEntry:
    return audit(
        at=at,
        actor=actor,
        customer_id=invoice.customer_id,
        action="finalize_invoices",
        subject=f"invoice:{invoice.pk}",
        before={"status": InvoiceStatus.DRAFT},
        after={"status": invoice.status, "number": invoice.number, "due_on": _json_day(invoice.due_on)},
    )
