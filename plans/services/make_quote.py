"""Work out a plan change to the cent and keep it, for a page to show and its button to carry."""

from datetime import datetime

from django.conf import settings

from accounts.models import Customer, User
from invoices.totals import rules_values
from plans.models import ChangeQuote, Plan, QuoteKind, Subscription
from plans.quotes import check_cancellable, check_change, check_upgrade, lines_values, taxes_values
from plans.selectors.catalogue import default_plan
from plans.selectors.closing import closing
from plans.spells import keep_number, open_subscription


def make_quote(
    *, customer: Customer, kind: str, plan: Plan | None = None, at: datetime, actor: User | None
) -> ChangeQuote:
    """A quote that takes effect at `at` if confirmed within QUOTE_LIFETIME; nothing else is written.

    `plan` is the one to subscribe or change to; a cancellation always moves to the default plan. Raises the rule
    that would refuse the change itself: ManagedByContractError, PastDueError, AlreadySubscribedError,
    CancelFirstError, CurrencyMismatchError, PlanNotFoundError, NothingToCancelError, NoSubscriptionError.
    """
    current = open_subscription(customer.pk)
    plan = default_plan() if kind == QuoteKind.CANCEL or plan is None else plan
    _check(kind, current, plan, at)
    opens_id = keep_number()
    owed = closing(current, at, to=plan, opens_id=opens_id)
    return ChangeQuote.objects.create(
        kind=kind,
        customer=current.customer,
        subscription=current,
        plan=plan,
        opens_id=opens_id,
        effective_at=at,
        expires_at=at + settings.QUOTE_LIFETIME,
        created_at=at,
        created_by=actor,
        currency=owed.currency,
        lines=lines_values(owed.all_lines),
        discards=list(owed.discarded),
        subtotal=owed.totals.subtotal,
        tax_rules=rules_values(owed.rule),
        taxes=taxes_values(owed.totals),
        tax=owed.totals.tax,
        total=owed.totals.total,
        credit=owed.credit,
    )


def _check(kind: str, current: Subscription, plan: Plan, at: datetime) -> None:
    if kind == QuoteKind.CANCEL:
        check_cancellable(current.customer, current)
    elif kind == QuoteKind.CHANGE:
        check_change(current.customer, current, plan, at)
    else:
        check_upgrade(current.customer, current, plan, at)
