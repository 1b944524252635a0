"""Work out a plan change to the cent and keep it, for a page to show and its button to carry."""

from datetime import datetime

from django.conf import settings
from django.db.models import prefetch_related_objects

from accounts.models import Customer, User
from invoices.selectors import Unsettled, unsettled
from invoices.totals import rules_values
from plans.exceptions import NoSubscriptionError
from plans.models import ChangeQuote, Plan, QuoteKind, Subscription, cards_in_order, open_as_ending
from plans.quotes import check_cancellable, check_change, check_upgrade, lines_values, taxes_values, upgrade_kind
from plans.selectors.closing import closing


def make_quote(
    *,
    customer: Customer,
    kind: str | None = None,
    plan: Plan | None = None,
    at: datetime,
    actor: User | None,
    documents: Unsettled | None = None,
) -> ChangeQuote:
    """A quote that takes effect at `at` if confirmed within QUOTE_LIFETIME; nothing else is written.

    `plan` is the one to subscribe or change to, without `kind` whichever of the two it is; a cancellation always
    moves to the default plan. `documents`: the customer's, where somebody has read them. Raises the rule that would
    refuse the change itself: ManagedByContractError, PastDueError, AlreadySubscribedError, CancelFirstError,
    CurrencyMismatchError, PlanNotFoundError, NothingToCancelError, NoSubscriptionError.
    """
    current, plan = _plans(customer, None if kind == QuoteKind.CANCEL else plan)
    kind = kind or upgrade_kind(current)
    documents = documents or unsettled(current.customer_id)
    _check(kind, current, plan, at, documents)
    owed = closing(current, at, to=plan, opens_id=current.next_id, documents=documents)
    return ChangeQuote.objects.create(
        kind=kind,
        customer=current.customer,
        subscription=current,
        plan=plan,
        opens_id=current.next_id,
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
        credits=owed.credits,
        credit_rows=[{"name": row.name, "amount": row.amount} for row in owed.preview.rows],
        to_credits=owed.preview.charged,
        credit=owed.credit,
        balance_after=owed.preview.balance_after if kind == QuoteKind.CANCEL else None,
    )


def _plans(customer: Customer, wanted: Plan | None) -> tuple[Subscription, Plan]:
    """The open spell and the plan after it, else the default one; the cards of both in one query."""
    current = open_as_ending().keeping_number().filter(customer=customer).first()
    if current is None:
        raise NoSubscriptionError(f"customer {customer.pk} has no open subscription")
    plan = wanted or Plan.objects.published().get(is_default=True)
    prefetch_related_objects([current.plan, plan], cards_in_order())
    return current, plan


def _check(kind: str, current: Subscription, plan: Plan, at: datetime, documents: Unsettled) -> None:
    if kind == QuoteKind.CANCEL:
        check_cancellable(current.customer, current)
    elif kind == QuoteKind.CHANGE:
        check_change(current.customer, current, plan, at, documents)
    else:
        check_upgrade(current.customer, current, plan, at, documents)
