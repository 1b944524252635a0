"""«Subscribe»: from a plan without prices to a paid one."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.selectors import recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.selectors import unsettled
from plans.emails import subscribed
from plans.ending import begin_spell, end_spell
from plans.exceptions import PaidFirstError
from plans.models import ChangeQuote, Subscription
from plans.quotes import QuoteMovedError, check_card, check_figures, check_holds, check_upgrade
from plans.refusal import refuse_moved
from plans.selectors.closing import closing
from plans.spells import open_subscription, snapshot


def subscribe(*, quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    """Start the quoted plan at `at`: that UTC day is its anchor, nothing is due at once.

    Returns the quote, completed, with the spell it `opened`; a repeat gives the same. Raises QuoteStaleError
    (with a fresh quote) where plan or prices moved, CardRequiredError, PastDueError, ManagedByContractError,
    AlreadySubscribedError, CancelFirstError, CurrencyMismatchError; PaidFirstError for a plan that charges in
    advance, which begins by `bill_start` and `settle_start`.
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
    current, documents = open_subscription(customer.pk, to=quote.plan), unsettled(customer.pk)
    check_upgrade(customer, current, quote.plan, at, documents)
    check_holds(quote, current, at)
    check_card(customer, quote.plan)
    owed = closing(current, at, to=quote.plan, opens_id=quote.opens_id, documents=documents)
    check_figures(quote, owed)
    if owed.totals.total > 0:
        raise PaidFirstError(f"quote {quote.public_id}: {owed.totals.total} is due before {quote.plan} begins")
    quote.invoice = end_spell(current=current, owed=owed, to=quote.plan, ends_at=at, at=at, actor=actor)
    quote.opened = begin_spell(
        customer=customer, before=current, plan=quote.plan, starts_at=at, opens_id=quote.opens_id
    )
    quote.effective_at = at
    quote.complete(at)
    _tell(quote, current, quote.opened, at, actor)
    return quote


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
    to = recipients_and_admins([quote.customer_id])[quote.customer_id]
    queue_notices([subscribed(quote, after, to)], at=at)
