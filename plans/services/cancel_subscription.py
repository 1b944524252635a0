"""«Confirm Downgrade»: end the paid plan at the quoted instant, bill what is left, go on with the default plan."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.selectors import recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from plans.emails import downgraded
from plans.ending import carry_out
from plans.models import ChangeQuote, Subscription
from plans.quotes import QuoteMovedError, check_cancellable, check_holds
from plans.refusal import refuse_moved
from plans.selectors.catalogue import default_plan
from plans.spells import open_subscription, snapshot


def cancel_subscription(*, quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    """Carry out a cancellation quote as of its `effective_at`; usage from that instant on belongs to the new plan.

    The closing invoice is issued and due for collection at once; its total is the quote's. Returns the quote,
    completed, with the spell it `opened` and its `invoice` (None where nothing is owed); a repeat gives the same.
    Raises QuoteStaleError with a fresh quote if a line or the total moved, ManagedByContractError,
    NothingToCancelError.
    """
    try:
        return _cancel(quote, at, actor)
    except QuoteMovedError as moved:
        raise refuse_moved(quote, moved, at=at, actor=actor) from moved


@transaction.atomic
def _cancel(quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    customer = lock_customers([quote.customer_id])[quote.customer_id]
    quote = ChangeQuote.objects.select_related("plan", "opened", "invoice").get(pk=quote.pk)
    if quote.completed_at:
        return quote
    current = open_subscription(customer.pk)
    check_cancellable(customer, current)
    check_holds(quote, current, at)
    opened = carry_out(quote=quote, customer=customer, current=current, plan=default_plan(), at=at, actor=actor)
    _tell(quote, current, opened, at, actor)
    return quote


def _tell(quote: ChangeQuote, before: Subscription, after: Subscription, at: datetime, actor: User | None) -> None:
    record(
        at=at,
        actor=actor,
        customer_id=quote.customer_id,
        action="cancel_subscription",
        subject=f"subscription:{before.pk}",
        before=snapshot(before),
        after={**snapshot(after), "quote": quote.public_id, "total": quote.total},
    )
    to = recipients_and_admins([quote.customer_id])[quote.customer_id]
    queue_notices([downgraded(quote, before, after, to)], at=at)
