"""«Subscribe» on a paid plan: end it at the quoted instant, bill what is left, go on with another paid plan."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.selectors import recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.selectors import unsettled
from plans.emails import changed
from plans.ending import carry_out
from plans.models import ChangeQuote, Subscription
from plans.quotes import QuoteMovedError, check_card, check_change, check_holds
from plans.refusal import refuse_moved
from plans.spells import open_subscription, snapshot


def change_plan(*, quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    """Carry out a quote of kind change as of its `effective_at`; anchor and billing dates are kept.

    The invoice of both plans – what is left of the old one, what the new one charges in advance – is issued and due
    for collection at once; its total is the quote's. Returns the quote, completed, with the spell it `opened` and its
    `invoice` (None where nothing is owed); a repeat gives the same. Raises QuoteStaleError with a fresh quote if a
    line or the total moved, and what `make_quote` raises; CardRequiredError.
    """
    try:
        return _change(quote, at, actor)
    except QuoteMovedError as moved:
        raise refuse_moved(quote, moved, at=at, actor=actor) from moved


@transaction.atomic
def _change(quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    customer = lock_customers([quote.customer_id])[quote.customer_id]
    quote = ChangeQuote.objects.select_related("plan", "opened", "invoice").get(pk=quote.pk)
    if quote.completed_at:
        return quote
    current, documents = open_subscription(customer.pk, to=quote.plan), unsettled(customer.pk)
    check_change(customer, current, quote.plan, at, documents)
    check_holds(quote, current, at)
    check_card(customer, quote.plan)
    opened = carry_out(
        quote=quote, customer=customer, current=current, plan=quote.plan, at=at, actor=actor, documents=documents
    )
    _tell(quote, current, opened, at, actor)
    return quote


def _tell(quote: ChangeQuote, before: Subscription, after: Subscription, at: datetime, actor: User | None) -> None:
    record(
        at=at,
        actor=actor,
        customer_id=quote.customer_id,
        action="change_plan",
        subject=f"subscription:{before.pk}",
        before=snapshot(before),
        after={**snapshot(after), "quote": quote.public_id, "total": quote.total},
    )
    queue_notices([changed(quote, before, after, recipients_and_admins([quote.customer_id])[quote.customer_id])], at=at)
