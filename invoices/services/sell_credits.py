"""Credit is sold: a grant that waits, and the invoice whose payment makes it available."""

from datetime import datetime
from typing import Literal

from django.conf import settings
from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from core.periods import utc_day
from credits.grants import GrantDraft
from credits.services.grant_credits import grant_credits
from credits.services.pay_grant import pay_grant
from invoices.exceptions import InvoiceMovedError
from invoices.lines import InvoiceDraft
from invoices.models import CreditSale, Invoice
from invoices.models_selling import Origin, TopUpRule
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.sold_lines import sale_line, sale_period


@transaction.atomic
def sell_credits(
    *,
    grant: GrantDraft,
    total: int,
    at: datetime,
    actor: User | None = None,
    origin: Literal["customer", "staff", "top_up"] = "staff",
    rule: TopUpRule | None = None,
) -> CreditSale:
    """Issue the invoice for a grant (funding `invoiced`, its key by `sale_key`); paid, the grant is available.

    `total` is what was seen, with tax, minor units. Credit and kept credit notes pay nothing of it. Staff's invoice is
    told at once and payable as any; what a customer buys is told when it is paid, and given up after
    UNPAID_SALE_LIFETIME; a top-up is collected now. The same key gives the first sale. Raises GrantError,
    CreditCurrencyError, CurrencyError, SellerMissingError; InvoiceMovedError where it comes to another total.
    """
    lock_customers([grant.customer_id])
    known = CreditSale.objects.select_related("invoice", "grant").filter(key=grant.key).first()
    if known is not None:
        return known
    made = grant_credits(grant=grant, at=at, actor=actor)
    [invoice] = draft_invoices(drafts=[_document(grant, origin, at)], at=at, actor=actor)
    if invoice.total != total:
        raise InvoiceMovedError(f"{grant.key}: {invoice.total}, seen {total}")
    sale = CreditSale.objects.create(
        key=grant.key,
        customer_id=grant.customer_id,
        invoice=invoice,
        grant=made,
        origin=origin,
        rule=rule,
        ceiling=rule.ceiling if rule else None,
        expires_at=None if origin == "staff" else at + settings.UNPAID_SALE_LIFETIME,
        created_at=at,
        created_by=actor,
    )
    if not total:  # issued as paid
        pay_grant(grant_id=made.pk, at=at, actor=actor)
    _issue(sale, invoice, at, actor)
    _audit(sale, at, actor)
    return sale


def _document(grant: GrantDraft, origin: str, at: datetime) -> InvoiceDraft:
    """One line; due when it would be given up."""
    return InvoiceDraft(
        key=grant.key,
        customer_id=grant.customer_id,
        currency=grant.currency,
        billing_on=utc_day(at),
        period=sale_period(utc_day(at)),
        lines=(sale_line(grant, at),),
        collection="automatic" if origin == Origin.TOP_UP else "send_invoice",
        payment_terms=None if origin == Origin.STAFF else settings.UNPAID_SALE_LIFETIME.days,
        alone=True,
    )


def _issue(sale: CreditSale, invoice: Invoice, at: datetime, actor: User | None) -> None:
    """Nobody has to be told of what they are buying just now, before it is paid."""
    [sale.invoice] = finalize_invoices(
        invoice_ids=[invoice.pk],
        at=at,
        actor=actor,
        collect_now=sale.origin == Origin.TOP_UP,
        tell=sale.origin == Origin.STAFF,
    )


def _audit(sale: CreditSale, at: datetime, actor: User | None) -> None:
    record(
        at=at,
        actor=actor,
        customer_id=sale.customer_id,
        action="sell_credits",
        subject=f"invoice:{sale.invoice_id}",
        after={
            "grant": sale.grant.public_id,
            "credits": sale.grant.amount,
            "currency": sale.grant.currency,
            "unit_cost": str(sale.grant.unit_cost),
            "total": sale.invoice.total,
            "number": sale.invoice.number,
            "origin": sale.origin,
        },
        reason=sale.grant.reason,
    )
