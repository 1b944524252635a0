"""From composed charges to rows: the invoice draft and the watermark that goes with it."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Literal

from accounts.models import PaymentPolicy
from core.periods import Period
from invoices.lines import InvoiceDraft, LineDraft
from plans.charges import RatedWindow, SpellFacts, rate_usage
from plans.models import Plan, RatedUsage, Subscription


def invoice_draft(
    *,
    subscription: Subscription,
    key: str,
    lines: tuple[LineDraft, ...],
    billing_on: date,
    period: Period,
    plan: Plan | None = None,
) -> InvoiceDraft:
    """The document for these lines; customers under contract get an invoice instead of a charge.

    `plan` is the one that charges, where that is not the subscription's: a plan that is only about to begin.
    """
    plan = plan or subscription.plan
    by_contract = plan.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT
    collection: Literal["automatic", "send_invoice"] = "send_invoice" if by_contract else "automatic"
    return InvoiceDraft(
        key=key,
        customer_id=subscription.customer_id,
        currency=plan.currency,
        billing_on=billing_on,
        period=period,
        lines=lines,
        collection=collection,
    )


def save_watermarks(rated: Iterable[tuple[SpellFacts, str]], at: datetime) -> None:
    """Remember what of each window is billed now, by which invoice key: the next rating posts the difference."""
    rows = [row for facts, invoice_key in rated for row in _watermarks(facts, invoice_key, at)]
    RatedUsage.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["subscription", "rate_card", "window_starts_at", "number"],
        update_fields=["window_ends_at", "planned_ends_at", "quantity", "amount", "invoice_key", "rated_at"],
    )


def _watermarks(facts: SpellFacts, invoice_key: str, at: datetime) -> Iterator[RatedUsage]:
    for rated in rate_usage(facts):
        yield _watermark(facts.subscription_id, rated, 0, invoice_key, at)
    for late in facts.late:
        yield _watermark(late.subscription_id, late.rated, late.number, invoice_key, at)


def _watermark(subscription_id: int, rated: RatedWindow, number: int, invoice_key: str, at: datetime) -> RatedUsage:
    return RatedUsage(
        subscription_id=subscription_id,
        rate_card_id=rated.card.id,
        window_starts_at=rated.facts.cut.start,
        window_ends_at=rated.facts.cut.end,
        planned_ends_at=rated.facts.planned.end,
        number=number,
        quantity=rated.priced.quantity,
        amount=rated.total,
        invoice_key=invoice_key,
        rated_at=at,
    )
