"""The first payment of a plan has an outcome: paid, and the plan begins; declined, and it does not."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.services.void_invoice import void_invoice
from plans.emails import subscribed
from plans.ending import begin_spell
from plans.exceptions import StartMovedError
from plans.models import ChangeQuote, Subscription
from plans.spells import close_spell, open_subscription, snapshot

LOST = ("declined", "canceled")


@transaction.atomic
def settle_start(*, quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    """Begin the plan of a quote whose invoice (`bill_start`) is paid, as of the instant it was issued.

    Where the payment was declined the invoice is voided and the quote is over: its `invoice` is void and it is not
    completed. Without an outcome nothing changes; the run asks again. A repeat gives the same.
    Raises StartMovedError where another plan has begun meanwhile.
    """
    lock_customers([quote.customer_id])
    quote = ChangeQuote.objects.select_related("plan", "opened", "invoice", "customer").get(pk=quote.pk)
    if quote.completed_at or quote.invoice is None:
        return quote
    if quote.invoice.status == "paid":
        return _begin(quote, at, actor)
    last = quote.invoice.payments.order_by("pk").last()
    if quote.invoice.status == "open" and last is not None and last.status in LOST:
        quote.invoice = void_invoice(
            invoice_id=quote.invoice.pk, at=at, actor=actor, reason="The first payment failed; the plan did not begin."
        )
    return quote


def _begin(quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    current = open_subscription(quote.customer_id)
    if current.pk != quote.subscription_id:
        raise StartMovedError(f"quote {quote.public_id} is paid, but customer {quote.customer_id} is on {current.plan}")
    starts_at = quote.effective_at
    close_spell(current, starts_at, followed_by=quote.plan, at=at)
    quote.opened = begin_spell(
        customer=quote.customer, before=current, plan=quote.plan, starts_at=starts_at, opens_id=quote.opens_id
    )
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
        after={**snapshot(after), "quote": quote.public_id, "total": quote.total},
    )
    queue_notices([subscribed(quote, after, recipients([quote.customer_id])[quote.customer_id])], at=at)
