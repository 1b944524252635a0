"""A charge or a credit that staff add by hand: on the next invoice, or by a document of its own now."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, PaymentPolicy, User
from accounts.services.lock_customers import lock_customers
from core.periods import utc_day
from invoices.exceptions import InvoiceMovedError
from invoices.hand_charges import HandCharge, charge_line
from invoices.lines import InvoiceDraft
from invoices.models import InvoiceLine
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices


@transaction.atomic
def add_charge(
    *, charge: HandCharge, total: int | None = None, at: datetime, actor: User | None = None, reason: str
) -> InvoiceLine:
    """The line; its key is the form's, so the same one gives the first result.

    Without `total` it waits for the customer's next document; a draft that exists is not touched. With it – what the
    actor has seen, minor units, with tax and after credits – it is invoiced now, with whatever else waits: announced
    now and collected CATCH_UP_NOTICE later, as nobody has confirmed it; below zero it is a credit note. Raises
    CurrencyError, SellerMissingError, and InvoiceMovedError where the document comes to another total.
    """
    customer = lock_customers([charge.customer_id])[charge.customer_id]
    known = InvoiceLine.objects.select_related("invoice").filter(key=charge.line_key).first()
    if known is not None:
        return known
    if total is None:
        line = charge_line(charge, utc_day(at))
        add_pending_lines(customer_id=customer.pk, currency=charge.currency, lines=[line], at=at, actor=actor)
    else:
        _invoice(customer, charge, total, at, actor)
    row = InvoiceLine.objects.select_related("invoice").get(key=charge.line_key)
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="add_charge",
        subject=f"invoice:{row.invoice_id}" if row.invoice_id else f"line:{row.key}",
        after={
            "line": row.key,
            "title": row.title,
            "amount": row.amount,
            "currency": row.currency,
            "number": row.invoice.number if row.invoice else None,
        },
        reason=reason,
    )
    return row


def _invoice(customer: Customer, charge: HandCharge, total: int, at: datetime, actor: User | None) -> None:
    by_contract = customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT
    draft = InvoiceDraft(
        key=charge.line_key,
        customer_id=customer.pk,
        currency=charge.currency,
        billing_on=utc_day(at),
        period=charge.period,
        lines=(charge_line(charge, utc_day(at)),),
        collection="send_invoice" if by_contract else "automatic",
    )
    [drafted] = draft_invoices(drafts=[draft], at=at, actor=actor)
    [issued] = finalize_invoices(invoice_ids=[drafted.pk], at=at, actor=actor)
    if issued.total != total:
        raise InvoiceMovedError(f"{charge.line_key}: {issued.total}, seen {total}")
