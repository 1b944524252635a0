"""What may be done with one document, for showing and for doing it. Each raises the rule that says no.

The invoice's payments may be prefetched; amounts are minor units.
"""

from collections.abc import Callable, Mapping
from datetime import date

from django.utils.translation import gettext, gettext_noop

from core import formats
from invoices.exceptions import (
    InvoicesError,
    NotADraftError,
    NotPayableError,
    NotVoidableError,
    NotWrittenOffError,
    PaymentPendingError,
)
from invoices.models import UNRESOLVED, Invoice, InvoiceLine, InvoiceStatus
from invoices.states import Move, MoveError, after

PAYABLE = (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)


def takes(invoice: Invoice, amount: int) -> bool:
    """Whether `amount` (minor units, above zero) may still be paid on it."""
    return invoice.status in PAYABLE and not invoice.is_credit_note and 0 < amount <= invoice.amount_due


def check_nothing_pending(invoice: Invoice) -> None:
    """Raises PaymentPendingError while a payment has no outcome."""
    if any(payment.status in UNRESOLVED for payment in invoice.payments.all()):
        raise PaymentPendingError(f"invoice {invoice.pk} has an unresolved payment")


def check_issuable(invoice: Invoice) -> None:
    """Raises NotADraftError."""
    if invoice.number is not None:
        raise NotADraftError(f"invoice {invoice.pk} is {invoice.number}", message=gettext("It is issued already."))
    if invoice.status != InvoiceStatus.DRAFT:
        raise NotADraftError(f"invoice {invoice.pk} is {invoice.status}")


def check_voidable(invoice: Invoice, on: date) -> None:
    """Raises NotVoidableError, which says what to do instead; `on` is the customer's day.

    One that was issued early waits for its billing date: a plan that ends before it gives back days of its fee.
    """
    if invoice.is_credit_note:
        raise NotVoidableError(f"{invoice.pk} is a credit note", message=gettext("A credit note can't be voided."))
    try:
        after(invoice.status, Move.VOID)
    except MoveError as error:
        instead = gettext(WHY_NOT_VOID.get(invoice.status, NotVoidableError.message))
        refused = NotVoidableError(f"invoice {invoice.pk} is {invoice.status}", message=instead)
        refused.by_credit_note = invoice.status == InvoiceStatus.PAID
        raise refused from error
    if any(payment.status in UNRESOLVED for payment in invoice.payments.all()):
        message = gettext(PaymentPendingError.message)
        raise NotVoidableError(f"invoice {invoice.pk}: a payment has no outcome", message=message)
    if invoice.amount_due != invoice.total:
        message = gettext(
            "A part of this invoice is paid or credited, so it can't be voided. Issue a credit note instead."
        )
        raise _by_credit_note(NotVoidableError(f"invoice {invoice.pk}: something is paid", message=message))
    if invoice.billing_on > on:
        day = formats.day(invoice.billing_on)
        message = gettext(
            "It was issued before its billing date, and its plan may change it till then. Void it on %(day)s."
        )
        raise NotVoidableError(
            f"invoice {invoice.pk} is billed on {invoice.billing_on}", message=message % {"day": day}
        )
    given_back = InvoiceLine.objects.filter(corrects__in=invoice.lines.values("key")).exclude(invoice=invoice)
    if given_back.exclude(invoice__status=InvoiceStatus.VOID).exists():
        message = gettext(
            "Another document gives back some of this invoice, so it can't be voided. Give back the rest too."
        )
        raise _by_credit_note(NotVoidableError(f"invoice {invoice.pk}: given back in part", message=message))


WHY_NOT_VOID = {
    "draft": gettext_noop(
        "A draft can't be voided: it has no number yet. It goes when its plan changes, or give it back later."
    ),
    "paid": gettext_noop("A paid invoice can't be voided. Issue a credit note instead."),
    "void": gettext_noop("This invoice is void already."),
}


def check_paid_outside(invoice: Invoice) -> None:
    """Raises NotPayableError, PaymentPendingError."""
    if invoice.is_credit_note or invoice.status not in PAYABLE or invoice.amount_due <= 0:
        raise NotPayableError(f"invoice {invoice.pk} is {invoice.status}")
    check_nothing_pending(invoice)


def check_written_off(invoice: Invoice) -> None:
    """Raises NotWrittenOffError, PaymentPendingError."""
    if invoice.is_credit_note or invoice.status != InvoiceStatus.OPEN:
        raise NotWrittenOffError(f"invoice {invoice.pk} is {invoice.status}")
    if invoice.is_sale:
        message = gettext(
            "It sells credits that nobody has before it is paid: void it, or give it back by a credit note."
        )
        raise _by_credit_note(NotWrittenOffError(f"invoice {invoice.pk} sells credits", message=message))
    check_nothing_pending(invoice)


def _by_credit_note(error: InvoicesError) -> InvoicesError:
    error.by_credit_note = True
    return error


CHECKS: Mapping[str, Callable[[Invoice, date], None]] = {
    "issue": lambda invoice, _on: check_issuable(invoice),
    "paid_outside": lambda invoice, _on: check_paid_outside(invoice),
    "void": check_voidable,
    "write_off": lambda invoice, _on: check_written_off(invoice),
}


def refusal(action: str, invoice: Invoice, on: date) -> InvoicesError | None:
    """Why an action can't be done on that day, and what to do instead; None where it can."""
    try:
        CHECKS[action](invoice, on)
    except InvoicesError as error:
        return error
    return None
