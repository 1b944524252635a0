"""«Subscribe»: from a plan without prices to a paid one."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, PaymentPolicy, User
from accounts.selectors import default_payment_methods, recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from plans.emails import subscribed
from plans.exceptions import CardRequiredError, CurrencyMismatchError
from plans.models import ChangeQuote, Plan, Subscription
from plans.quotes import QuoteMovedError, check_holds, check_upgrade
from plans.refusal import refuse_moved
from plans.spells import close_spell, open_spell, open_subscription, snapshot


def subscribe(*, quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    """Start the quoted plan at `at`: that UTC day is its anchor, nothing is due at once.

    Returns the quote, completed, with the spell it `opened`; a repeat gives the same. Raises QuoteStaleError
    (with a fresh quote) where plan or prices moved, CardRequiredError, PastDueError, ManagedByContractError,
    AlreadySubscribedError, CancelFirstError, CurrencyMismatchError.
    """
    try:
        return _subscribe(quote, at, actor)
    except QuoteMovedError as moved:
        raise refuse_moved(quote, moved, at=at, actor=actor) from moved


@transaction.atomic
def _subscribe(quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    customer = lock_customers([quote.customer_id])[quote.customer_id]
    quote = ChangeQuote.objects.select_related("plan", "opened").get(pk=quote.pk)
    if quote.completed_at:
        return quote
    current = open_subscription(customer.pk)
    check_upgrade(customer, current, quote.plan, at)
    check_holds(quote, current, at)
    _check_payable(customer, quote.plan)
    close_spell(current, at)
    quote.opened = open_spell(customer=customer, plan=quote.plan, at=at)
    quote.effective_at = quote.completed_at = at
    quote.accepted_at = quote.accepted_at or at
    quote.save(update_fields=["opened", "effective_at", "completed_at", "accepted_at"])
    _tell(quote, current, quote.opened, at, actor)
    return quote


def _check_payable(customer: Customer, plan: Plan) -> None:
    if customer.currency and customer.currency != plan.currency:
        raise CurrencyMismatchError(f"customer {customer.pk} is billed in {customer.currency}, not {plan.currency}")
    if plan.payment_policy == PaymentPolicy.REQUIRED and not default_payment_methods([customer.pk]):
        raise CardRequiredError(f"customer {customer.pk} has no payment method")


def _tell(quote: ChangeQuote, before: Subscription, after: Subscription, at: datetime, actor: User | None) -> None:
    record(
        at=at,
        actor=actor,
        customer_id=quote.customer_id,
        action="subscribe",
        subject=f"subscription:{after.pk}",
        before=snapshot(before),
        after={**snapshot(after), "quote": quote.public_id},
    )
    queue_notices([subscribed(after, recipients([quote.customer_id])[quote.customer_id])], at=at)
