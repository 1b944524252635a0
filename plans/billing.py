"""From composed charges to rows: the invoice draft and the watermark that goes with it."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal, NamedTuple

from accounts.models import PaymentPolicy
from core.bulk import copy_values
from core.periods import Period
from invoices.lines import InvoiceDraft, LineDraft
from plans.charges import RatedWindow, SpellFacts
from plans.models import Plan, RatedUsage, Subscription

WINDOW = ("subscription_id", "rate_card_id", "window_starts_at", "number")
COLUMNS = (
    *WINDOW,
    *("window_ends_at", "planned_ends_at", "quantity", "amount", "invoice_key", "rated_at"),
)


def invoice_draft(
    *,
    subscription: Subscription,
    key: str,
    lines: tuple[LineDraft, ...],
    billing_on: date,
    period: Period,
    plan: Plan | None = None,
    charged: bool = True,
) -> InvoiceDraft:
    """The document for these lines; customers under contract get an invoice instead of a charge, and so does who is
    not to be `charged`.

    `plan` is the one that charges, where that is not the subscription's: a plan that is only about to begin.
    """
    plan = plan or subscription.plan
    by_contract = plan.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT
    collection: Literal["automatic", "send_invoice"] = "send_invoice" if by_contract or not charged else "automatic"
    return InvoiceDraft(
        key=key,
        customer_id=subscription.customer_id,
        currency=plan.currency,
        billing_on=billing_on,
        period=period,
        lines=lines,
        collection=collection,
        payment_terms=plan.payment_terms,
    )


def save_watermarks(rated: Iterable[tuple[SpellFacts, str]], at: datetime) -> None:
    """Remember what of each window is billed now, by which invoice key: the next rating posts the difference.

    The facts were gathered under the customers' locks, so they know which windows have a watermark already.
    """
    first: list[tuple[object, ...]] = []
    again: list[tuple[object, ...]] = []
    for facts, invoice_key in rated:
        for window in facts.rated_usage:
            known = (window.card.id, window.facts.cut.start) in facts.rated
            posting = _Posting(facts.subscription_id, 0, window.total, invoice_key, at)
            (again if known else first).append(_watermark(window, posting))
        for late in facts.late:
            posted = late.posted(facts.standing)
            first.append(_watermark(late.rated, _Posting(late.subscription_id, late.number, posted, invoice_key, at)))
    copy_values(RatedUsage, COLUMNS, first)
    RatedUsage.objects.bulk_create(
        [RatedUsage(**dict(zip(COLUMNS, values, strict=True))) for values in again],
        update_conflicts=True,
        unique_fields=WINDOW,
        update_fields=[name for name in COLUMNS if name not in WINDOW],
    )


class _Posting(NamedTuple):
    """`amount`: what of the window is billed now, minor units. What it costs may be less, where staff gave it back."""

    subscription_id: int
    number: int
    amount: int
    invoice_key: str
    at: datetime


def _watermark(rated: RatedWindow, posting: _Posting) -> tuple[object, ...]:
    """The values of COLUMNS."""
    cut, planned = rated.facts.cut, rated.facts.planned
    return (
        posting.subscription_id,
        rated.card.id,
        cut.start,
        posting.number,
        cut.end,
        planned.end,
        rated.priced.quantity,
        posting.amount,
        posting.invoice_key,
        posting.at,
    )
