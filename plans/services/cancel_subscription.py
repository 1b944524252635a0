"""«Confirm Downgrade»: end the paid plan at the quoted instant, bill what is left, go on with the default plan."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, User
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.periods import utc_day
from invoices.services.discard_drafts import discard_drafts
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from plans.billing import invoice_draft, save_watermarks
from plans.emails import downgraded
from plans.models import ChangeQuote, RatedUsage, Subscription
from plans.quotes import QuoteMovedError, check_cancellable, check_figures, check_holds
from plans.refusal import refuse_moved
from plans.selectors.catalogue import default_plan
from plans.selectors.closing import Closing, closing, key_prefix
from plans.spells import close_spell, open_spell, open_subscription, snapshot

if TYPE_CHECKING:
    from invoices.models import Invoice


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
    owed = closing(current, quote.effective_at)
    check_figures(quote, owed)
    quote.invoice = _bill(customer, current, owed, quote.effective_at, at, actor)
    close_spell(current, quote.effective_at)
    quote.opened = open_spell(customer=customer, plan=default_plan(), at=quote.effective_at)
    quote.completed_at = at
    quote.accepted_at = quote.accepted_at or at
    quote.save(update_fields=["invoice", "opened", "completed_at", "accepted_at"])
    _tell(quote, current, quote.opened, at, actor)
    return quote


def _bill(
    customer: Customer, current: Subscription, owed: Closing, ends_at: datetime, at: datetime, actor: User | None
) -> "Invoice | None":
    """Take back what was only announced, then draft, issue and mark for collection what is owed."""
    if owed.discarded:
        discard_drafts(customer_ids=[customer.pk], at=at, actor=actor)
        keys = [draft["key"] for draft in owed.discarded]
        RatedUsage.objects.filter(subscription=current, invoice_key__in=keys).delete()
    key = f"{key_prefix(current)}closing"
    save_watermarks([(owed.facts, key)], at)
    if not owed.is_owed:
        return None
    draft = invoice_draft(
        subscription=current, key=key, lines=owed.lines, billing_on=utc_day(ends_at), period=owed.period
    )
    [drafted] = draft_invoices(drafts=[draft], at=at, actor=actor)
    [invoice] = finalize_invoices(invoice_ids=[drafted.pk], at=at, actor=actor, collect_now=True)
    return invoice


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
    queue_notices([downgraded(quote, before, after, recipients([quote.customer_id])[quote.customer_id])], at=at)
