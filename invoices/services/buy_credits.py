"""«Buy credits»: the customer has seen the exact total and pays it with the default card."""

from datetime import datetime

from django.db import transaction

from accounts.models import Customer, PaymentPolicy, User
from accounts.selectors import default_payment_methods
from accounts.services.lock_customers import lock_customers
from invoices.buying import Purchase, check_amount, sold_grant
from invoices.exceptions import ManagedByContractError, PaymentMethodMissingError, SaleMovedError
from invoices.models import CreditSale, Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.sell_credits import sell_credits


@transaction.atomic
def buy_credits(*, purchase: Purchase, at: datetime, actor: User | None = None) -> Payment:
    """The sale and its payment, committed together; the caller takes the payment to the gateway.

    A repeat of the same `number` gives the first payment. Raises SaleAmountError, ManagedByContractError,
    PaymentMethodMissingError, CurrencyError; InvoiceMovedError where the total is another one now, SaleMovedError where
    that number bought another amount.
    """
    customer = lock_customers([purchase.customer_id])[purchase.customer_id]
    known = CreditSale.objects.select_related("grant").filter(key=purchase.key).first()
    if known is not None:
        if (known.grant.amount, known.grant.currency) != (purchase.amount, purchase.currency):
            raise SaleMovedError(f"{purchase.key} bought {known.grant.amount}, not {purchase.amount}")
        return _first_payment(known, at, actor)
    _check(purchase, customer)
    sale = sell_credits(
        grant=sold_grant(purchase.key, purchase.customer_id, purchase.currency, purchase.amount, at),
        total=purchase.total,
        at=at,
        actor=actor,
        origin="customer",
    )
    return _first_payment(sale, at, actor)


def _check(purchase: Purchase, customer: Customer) -> None:
    if customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(f"customer {customer.pk} buys by contract")
    check_amount(purchase.amount, purchase.currency)
    if customer.pk not in default_payment_methods([customer.pk]):
        raise PaymentMethodMissingError(f"customer {customer.pk} has no card to charge")


def _first_payment(sale: CreditSale, at: datetime, actor: User | None) -> Payment:
    return collect_payment(invoice_id=sale.invoice_id, at=at, automatic=False, actor=actor, attempt=1)
