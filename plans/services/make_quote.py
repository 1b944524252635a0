"""Work out a plan change to the cent and keep it, for a page to show and its button to carry."""

from datetime import datetime

from django.conf import settings

from accounts.models import Customer, User
from invoices.selectors import tax_rules
from plans.models import ChangeQuote, Plan, QuoteKind, Subscription
from plans.quotes import check_cancellable, check_upgrade, lines_values
from plans.selectors.catalogue import default_plan
from plans.selectors.closing import closing
from plans.spells import open_subscription


def make_quote(
    *, customer: Customer, kind: str, plan: Plan | None = None, at: datetime, actor: User | None
) -> ChangeQuote:
    """A quote that takes effect at `at` if confirmed within QUOTE_LIFETIME; nothing else is written.

    `plan` is the one to subscribe to; a cancellation always moves to the default plan. Raises the rule that would
    refuse the change itself: ManagedByContractError, PastDueError, AlreadySubscribedError, CancelFirstError,
    PlanNotFoundError, NothingToCancelError, NoSubscriptionError.
    """
    current = open_subscription(customer.pk)
    quote = _cancellation(current, at) if kind == QuoteKind.CANCEL else _upgrade(current, plan or default_plan(), at)
    quote.kind = kind
    quote.customer = current.customer
    quote.subscription = current
    quote.effective_at = quote.created_at = at
    quote.expires_at = at + settings.QUOTE_LIFETIME
    quote.created_by = actor
    quote.save(force_insert=True)
    return quote


def _upgrade(current: Subscription, plan: Plan, at: datetime) -> ChangeQuote:
    """Nothing is due at once: fees are in arrears, and the plan left behind has no prices."""
    check_upgrade(current.customer, current, plan, at)
    rule = tax_rules([current.customer_id])[current.customer_id]
    return ChangeQuote(
        plan=plan,
        currency=plan.currency,
        subtotal=0,
        tax=0,
        total=0,
        tax_label=rule.label,
        tax_percent=rule.percent,
    )


def _cancellation(current: Subscription, at: datetime) -> ChangeQuote:
    check_cancellable(current.customer, current)
    owed = closing(current, at)
    return ChangeQuote(
        plan=default_plan(),
        currency=current.plan.currency,
        lines=lines_values(owed.lines),
        discards=list(owed.discarded),
        subtotal=owed.totals.subtotal,
        tax=owed.totals.tax,
        total=owed.totals.total,
        tax_label=owed.rule.label,
        tax_percent=owed.rule.percent,
    )
