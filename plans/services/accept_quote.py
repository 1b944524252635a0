"""Note that a person has confirmed a quote, before the detour to the card page."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.selectors import unsettled
from plans.models import ChangeQuote, QuoteKind
from plans.quotes import QuoteMovedError, check_change, check_figures, check_holds
from plans.refusal import refuse_moved
from plans.selectors.closing import closing
from plans.spells import open_subscription

CARD_DETOUR = timedelta(hours=1)  # how long an accepted quote waits for its card


def accept_quote(*, quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    """Keep a confirmed upgrade good for the time it takes to enter a card. Accepting twice is a no-op.

    Raises the rules of `subscribe` and `change_plan`, and QuoteStaleError with a fresh quote where things have moved.
    """
    try:
        return _accept(quote, at, actor)
    except QuoteMovedError as moved:
        raise refuse_moved(quote, moved, at=at, actor=actor) from moved


@transaction.atomic
def _accept(quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    customer = lock_customers([quote.customer_id])[quote.customer_id]
    quote = ChangeQuote.objects.select_related("plan").get(pk=quote.pk)
    if quote.completed_at or quote.accepted_at:
        return quote
    current, documents = open_subscription(customer.pk, to=quote.plan), unsettled(customer.pk)
    check_change(customer, current, quote.plan, at, documents)
    check_holds(quote, current, at)
    starts_at = quote.effective_at if quote.kind == QuoteKind.CHANGE else at
    owed = closing(current, starts_at, to=quote.plan, opens_id=quote.opens_id, now=at, documents=documents)
    check_figures(quote, owed)
    quote.accepted_at = at
    quote.expires_at = at + CARD_DETOUR
    quote.save(update_fields=["accepted_at", "expires_at"])
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="accept_quote",
        subject=f"quote:{quote.public_id}",
        after={"plan": quote.plan.key, "total": quote.total},
    )
    return quote
