"""A payment is committed with its idempotency key before the gateway hears of it."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, PaymentMethod, PaymentPolicy, User
from accounts.selectors import default_payment_methods
from accounts.services.lock_customers import lock_customers
from core.language import english
from invoices.checking import first_check
from invoices.exceptions import (
    InvoiceMovedError,
    ManagedByContractError,
    NotDueError,
    NotPayableError,
    PaymentMethodMissingError,
)
from invoices.models import UNRESOLVED, Invoice, InvoiceStatus, Payment
from invoices.rules import PAYABLE


@transaction.atomic
def collect_payment(
    *,
    invoice_id: int,
    at: datetime,
    automatic: bool,
    actor: User | None = None,
    payment_method: PaymentMethod | None = None,
    attempt: int | None = None,
    seen: int | None = None,
    reason: str = "",
) -> Payment:
    """A pending payment of the invoice's whole rest, from the default card unless another is named.

    Repeats give the first result: an unresolved payment; the payment numbered `attempt` (what a form was made
    for); for the run, the last payment where nothing is due any more. `seen` is what a person was shown as due, minor
    units. Raises NotPayableError, NotDueError, InvoiceMovedError, PaymentMethodMissingError, ManagedByContractError.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    customer = lock_customers([customer_id])[customer_id]
    invoice = Invoice.objects.get(pk=invoice_id)
    payments = list(invoice.payments.order_by("pk"))
    earlier = _earlier(invoice, payments, at, automatic=automatic, attempt=attempt)
    if earlier is not None:
        return earlier
    _check(invoice, customer, at, automatic=automatic)
    if seen is not None and seen != invoice.amount_due:
        raise InvoiceMovedError(f"{invoice.amount_due} is due on invoice {invoice.pk}, not {seen}")
    card = payment_method or default_payment_methods([customer_id]).get(customer_id)
    if card is None or card.customer_id != customer_id or card.deleted_at is not None:
        raise PaymentMethodMissingError(f"customer {customer_id} has no card to charge")
    payment = _create(invoice, card, at, automatic=automatic, number=len(payments) + 1)
    if automatic:
        invoice.collect_at = None
        invoice.save(update_fields=["collect_at"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="collect_payment",
        subject=f"invoice:{invoice.pk}",
        after={"payment": payment.key, "amount": payment.amount, "currency": payment.currency, "card": english(card)},
        reason=reason,
    )
    return payment


def _earlier(
    invoice: Invoice, payments: list[Payment], at: datetime, *, automatic: bool, attempt: int | None
) -> Payment | None:
    unresolved = next((payment for payment in payments if payment.status in UNRESOLVED), None)
    if unresolved is not None:
        return unresolved
    if attempt is not None and 1 <= attempt <= len(payments):
        return payments[attempt - 1]
    if automatic and payments and not _is_due(invoice, at):
        return payments[-1]
    return None


def _is_due(invoice: Invoice, at: datetime) -> bool:
    return invoice.status == InvoiceStatus.OPEN and invoice.collect_at is not None and invoice.collect_at <= at


def _check(invoice: Invoice, customer: Customer, at: datetime, *, automatic: bool) -> None:
    if invoice.status not in PAYABLE or invoice.is_credit_note or invoice.amount_due <= 0:
        raise NotPayableError(f"invoice {invoice.pk} is {invoice.status}")
    if automatic and not _is_due(invoice, at):
        raise NotDueError(f"invoice {invoice.pk} is not due to be collected at {at}")
    if not automatic and customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(f"customer {customer.pk} pays by contract")


def _create(invoice: Invoice, card: PaymentMethod, at: datetime, *, automatic: bool, number: int) -> Payment:
    return Payment.objects.create(
        key=f"invoice:{invoice.pk}:payment:{number}",
        invoice=invoice,
        customer_id=invoice.customer_id,
        payment_method=card,
        gateway=card.gateway,
        amount=invoice.amount_due,
        currency=invoice.currency,
        automatic=automatic,
        created_at=at,
        check_at=first_check(at),
    )
