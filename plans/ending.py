"""From one plan to another: bill what is left, end the spell, begin the next. All verbs that change a plan end here."""

from datetime import datetime
from typing import TYPE_CHECKING

from accounts.models import Customer, User
from core.periods import utc_day
from credits.services.withdraw_open_charges import withdraw_open_charges
from invoices.selectors import Unsettled
from invoices.services.discard_drafts import discard_drafts
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from plans.billing import invoice_draft, save_watermarks
from plans.models import ChangeQuote, Plan, RatedUsage, Subscription
from plans.quotes import check_figures
from plans.selectors.closing import Closing, closing, key_prefix
from plans.settling import note, stop_running
from plans.spells import close_spell, next_anchor, open_spell

if TYPE_CHECKING:
    from invoices.models import Invoice


def end_spell(
    *, current: Subscription, owed: Closing, to: Plan, ends_at: datetime, at: datetime, actor: User | None,
    collect_now: bool = True, charged: bool = True,
) -> "Invoice | None":  # fmt: skip
    """Take back what was only announced; draft and issue what is owed; end the spell at `ends_at`.

    The customer is locked. `collect_now`: a person has confirmed the total just now, so it is collected at once.
    Not `charged`: the invoice is sent, and no card is tried by itself.
    Returns the invoice; None where nothing is owed, or credit alone pays it.
    """
    if owed.discarded:
        discard_drafts(customer_ids=[current.customer_id], at=at, actor=actor)
        keys = [draft["key"] for draft in owed.discarded]
        RatedUsage.objects.filter(subscription__customer_id=current.customer_id, invoice_key__in=keys).delete()
    if owed.withdrawn:
        withdraw_open_charges(keys=owed.withdrawn, at=at)
    note(owed.settled, at)
    stop_running(current, at)
    key = f"{key_prefix(current)}closing"
    save_watermarks([(owed.facts, key)], at)
    charging = current.plan if current.plan.terms().is_priced else to
    close_spell(current, ends_at, followed_by=to, at=at)
    if not owed.is_owed:
        return None
    draft = invoice_draft(
        subscription=current,
        key=key,
        lines=owed.lines,
        billing_on=utc_day(ends_at),
        period=owed.period,
        plan=charging,
        charged=charged,
    )
    drafted = draft_invoices(drafts=[draft], at=at, actor=actor)
    ids = [invoice.pk for invoice in drafted]
    return next(iter(finalize_invoices(invoice_ids=ids, at=at, actor=actor, collect_now=collect_now)), None)


def begin_spell(
    *, customer: Customer, before: Subscription, plan: Plan, starts_at: datetime, opens_id: int | None
) -> Subscription:
    """The spell after `before`: from paid plan to paid plan with the same anchor."""
    anchor_on = next_anchor(before, plan, starts_at)
    return open_spell(customer=customer, plan=plan, at=starts_at, anchor_on=anchor_on, opens_id=opens_id)


def carry_out(
    *, quote: ChangeQuote, customer: Customer, current: Subscription, plan: Plan, at: datetime, actor: User | None,
    documents: Unsettled | None = None,
) -> Subscription:  # fmt: skip
    """Do to the cent what a quote showed, as of its `effective_at`: the spell it `opened`; the quote is completed.

    The customer is locked and the rules are checked. `documents`: the customer's, where somebody has read them under
    this lock. Raises QuoteMovedError where a figure has moved.
    """
    ends_at, opens_id = quote.effective_at, quote.opens_id
    owed = closing(current, ends_at, to=plan, opens_id=opens_id, now=at, documents=documents)
    check_figures(quote, owed)
    quote.invoice = end_spell(current=current, owed=owed, to=plan, ends_at=ends_at, at=at, actor=actor)
    opened = begin_spell(customer=customer, before=current, plan=plan, starts_at=ends_at, opens_id=opens_id)
    quote.opened = opened
    quote.complete(at)
    return opened
