"""Staff try a card again that was declined: never while anything is unresolved."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.exceptions import NotRetryableError
from invoices.models import UNRESOLVED, Invoice, InvoiceStatus, Payment, PaymentStatus
from invoices.services.collect_payment import collect_payment


@transaction.atomic
def retry_payment(*, invoice_id: int, attempt: int, seen: int, reason: str, at: datetime, actor: User) -> Payment:
    """A new payment from the default card, to be submitted, of an open invoice whose last attempt was declined.

    `attempt` is the number the form was made for: where it exists already, however it came about, that payment is the
    answer. `seen` is what the person was shown as due, minor units. Raises NotRetryableError, InvoiceMovedError, and
    what `collect_payment` raises: PaymentMethodMissingError, ManagedByContractError.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    invoice = Invoice.objects.get(pk=invoice_id)
    payments = list(invoice.payments.order_by("pk"))
    if 1 <= attempt <= len(payments):
        return payments[attempt - 1]
    _check(invoice, payments, attempt)
    return collect_payment(
        invoice_id=invoice_id, at=at, automatic=False, actor=actor, attempt=attempt, seen=seen, reason=reason
    )


def _check(invoice: Invoice, payments: list[Payment], attempt: int) -> None:
    waiting = any(payment.status in UNRESOLVED for payment in payments)
    declined = bool(payments) and payments[-1].status == PaymentStatus.DECLINED
    if waiting or not declined or invoice.status != InvoiceStatus.OPEN or attempt != len(payments) + 1:
        raise NotRetryableError(f"attempt {attempt} on invoice {invoice.pk}, which is {invoice.status}")
