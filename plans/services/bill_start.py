"""«Subscribe» where fees are due at once: the first invoice and its payment come before the plan does."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from core.periods import utc_day
from invoices.lines import START
from invoices.selectors import unsettled
from invoices.services.collect_payment import collect_payment
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from plans.billing import invoice_draft
from plans.exceptions import NothingDueError
from plans.models import ChangeQuote
from plans.quotes import QuoteMovedError, check_card, check_figures, check_holds, check_upgrade
from plans.refusal import refuse_moved
from plans.selectors.closing import closing
from plans.spells import open_subscription

if TYPE_CHECKING:
    from invoices.models import Invoice, Payment


def bill_start(*, quote: ChangeQuote, at: datetime, actor: User | None) -> "Payment | None":
    """Issue what the quoted plan charges in advance, and commit its payment, which the caller takes to the gateway.

    None where a kept credit pays all of it. The plan begins with `settle_start`, as of `at`; the customer hears of
    the invoice when its payment has an outcome. A repeat gives the same payment. Raises what `subscribe` raises,
    QuoteStaleError with a fresh quote where things have moved, NothingDueError.
    """
    try:
        return _bill(quote, at, actor)
    except QuoteMovedError as moved:
        raise refuse_moved(quote, moved, at=at, actor=actor) from moved


@transaction.atomic
def _bill(quote: ChangeQuote, at: datetime, actor: User | None) -> "Payment | None":
    customer = lock_customers([quote.customer_id])[quote.customer_id]
    quote = ChangeQuote.objects.select_related("plan", "invoice").get(pk=quote.pk)
    if quote.invoice is not None:
        return _collect(quote.invoice, at, actor)
    current, documents = open_subscription(customer.pk, to=quote.plan), unsettled(customer.pk)
    check_upgrade(customer, current, quote.plan, at, documents)
    check_holds(quote, current, at)
    check_card(customer, quote.plan)
    owed = closing(current, at, to=quote.plan, opens_id=quote.opens_id, documents=documents)
    check_figures(quote, owed)
    if owed.totals.total <= 0:
        raise NothingDueError(f"quote {quote.public_id}")
    draft = invoice_draft(
        subscription=current,
        key=f"subscription:{quote.opens_id}{START}",
        lines=owed.lines,
        billing_on=utc_day(at),
        period=owed.period,
        plan=quote.plan,
    )
    [drafted] = draft_invoices(drafts=[draft], at=at, actor=actor)
    [quote.invoice] = finalize_invoices(
        invoice_ids=[drafted.pk], at=at, actor=actor, collect_now=True, by_run=False, tell=False
    )
    quote.effective_at, quote.accepted_at = at, quote.accepted_at or at
    quote.save(update_fields=["invoice", "effective_at", "accepted_at"])
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="bill_start",
        subject=f"quote:{quote.public_id}",
        after={"plan": quote.plan.key, "total": quote.total},
    )
    return _collect(quote.invoice, at, actor)


def _collect(invoice: "Invoice", at: datetime, actor: User | None) -> "Payment | None":
    """The first payment, however often it is asked for; None where kept credits cover the invoice."""
    if invoice.amount_credited == invoice.total:
        return None
    return collect_payment(invoice_id=invoice.pk, at=at, actor=actor, automatic=False, attempt=1)
