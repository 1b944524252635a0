"""What becomes of credit that an invoice sells, in the transaction in which something becomes of the invoice.

Whoever closes, voids or credits an invoice calls this; for any other invoice it asks the database nothing.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from credits.exceptions import TakeBackError
from credits.services.pay_grant import pay_grant
from credits.services.take_back_credits import take_back_credits
from invoices.exceptions import OverCreditedError
from invoices.lines import LineDraft
from invoices.models import CreditSale, Invoice, InvoiceLine, InvoiceStatus
from invoices.models_selling import Origin
from invoices.services.tell_issued import tell_issued
from invoices.sold_lines import credit_given_back


def deliver_sold(invoice: Invoice, at: datetime, actor: User | None = None) -> None:
    """Once an invoice that sells credit is paid – however it was –, the credit is available."""
    if not invoice.is_sale or invoice.status != InvoiceStatus.PAID:
        return
    sale = CreditSale.objects.get(invoice=invoice)
    pay_grant(grant_id=sale.grant_id, at=at, actor=actor, reference=invoice.number or "")
    if sale.origin != Origin.STAFF:  # whoever bought it hears of the invoice when it stays
        tell_issued(invoice_ids=[invoice.pk], at=at)


def give_up_sold(invoice: Invoice, at: datetime, actor: User | None, reason: str) -> None:
    """An invoice that is void sells nothing: its credit never becomes available."""
    if invoice.is_sale:
        grant = CreditSale.objects.select_related("grant").get(invoice=invoice).grant
        take_back_credits(grant_id=grant.pk, total=grant.amount, at=at, actor=actor, reason=reason)


def take_back_sold(
    invoice: Invoice, lines: Iterable[LineDraft], at: datetime, actor: User | None = None, reason: str = ""
) -> None:
    """Take back the credit whose price `lines` of a credit note give back, that is not settled yet.

    Raises OverCreditedError where less of it is unused.
    """
    if not invoice.is_sale:
        return
    sale = CreditSale.objects.select_related("grant").get(invoice=invoice)
    price = InvoiceLine.objects.values_list("amount", flat=True).get(key=sale.key)
    new = {line.key: -line.amount for line in lines}
    back = given_back_of(sale.key, new) + sum(new.values())
    total = credit_given_back(sale.grant.amount, price, back)
    try:
        take_back_credits(grant_id=sale.grant_id, total=total, at=at, actor=actor, reason=reason)
    except TakeBackError as error:
        raise OverCreditedError(error.description, message=error.message) from error


def check_take_back(invoice: Invoice, lines: Iterable[LineDraft], at: datetime) -> None:
    """Raises OverCreditedError where `take_back_sold` will; nothing of it stays."""
    if invoice.is_sale:
        with transaction.atomic():
            take_back_sold(invoice, lines, at)
            transaction.set_rollback(True)


def given_back_of(key: str, without: Iterable[str] = ()) -> int:
    """How much of a sale's price documents give back, before tax; `without` names lines that do not count."""
    backs = InvoiceLine.objects.filter(corrects=key, invoice__isnull=False).exclude(key__in=without)
    counted = backs.exclude(invoice__status=InvoiceStatus.VOID)
    return -int(counted.aggregate(sum=Sum("amount", default=0))["sum"])
