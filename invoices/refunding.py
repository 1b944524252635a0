"""Which payments can still give money back, and how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext

from invoices.exceptions import NotRefundableError
from invoices.giving_back import Wanted
from invoices.models import Payment, PaymentStatus
from invoices.models_payments import OutsideMethod
from invoices.settling import RefundTooHighError, refundable
from invoices.spreading import Books, left_of, read_books


@dataclass(frozen=True, slots=True)
class Outside:
    """A transfer that staff made themselves: how, on which day, and its reference."""

    method: OutsideMethod
    reference: str
    paid_on: date


def check_payment(payment: Payment, amount: int) -> None:
    """A card's payment that can still give `amount` (minor units) back. Raises NotRefundableError."""
    if payment.status != PaymentStatus.SUCCEEDED or payment.payment_method_id is None:
        raise NotRefundableError(
            f"payment {payment.pk} is {payment.status} by {payment.gateway}",
            message=gettext("Only a payment that a card made can be refunded to it."),
        )
    check_left(amount, left_of(payment, payment.refunds.all()))


def check_left(amount: int, left: int) -> None:
    """Above zero and at most `left`. Raises NotRefundableError."""
    if amount <= 0:
        raise NotRefundableError(f"{amount} was asked for", message=gettext("Enter an amount above zero."))
    try:
        refundable(left, 0, amount)
    except RefundTooHighError as error:
        raise NotRefundableError(str(error), message=gettext("That is more than is left.")) from error


def refundable_payments(customer_id: int, currency: str) -> Sequence[tuple[Payment, int]]:
    """The customer's card payments that can still take money back, the newest first, and how much. Three queries."""
    books = read_books([customer_id]).get(customer_id, Books())
    found = ((payment, left_of(payment, books.refunds)) for payment in books.payments if payment.currency == currency)
    return [(payment, left) for payment, left in found if left > 0]


def refund_of(payment: Payment, amount: int) -> Wanted:
    """What a refund gives back of the payment's invoice."""
    return Wanted(amount=amount, goes_to="payment", payment_id=payment.pk)
