"""The answer to a stale quote: a fresh one, beside the one refused."""

from datetime import datetime

from accounts.models import User
from plans.exceptions import PlanRetiredError, QuoteStaleError
from plans.models import ChangeQuote, QuoteKind
from plans.quotes import QuoteMovedError, moved_sentence
from plans.selectors.catalogue import published_plan
from plans.services.make_quote import make_quote
from plans.spells import open_subscription


def refuse_moved(quote: ChangeQuote, moved: QuoteMovedError, *, at: datetime, actor: User | None) -> QuoteStaleError:
    """A QuoteStaleError that carries a fresh quote. Called after the refused transaction, which kept nothing.

    Raises PlanRetiredError, and what `make_quote` raises where the change is not possible at all any more.
    """
    plan = published_plan(quote.plan.key) if quote.kind != QuoteKind.CANCEL else None
    if plan is None and quote.kind != QuoteKind.CANCEL:
        raise PlanRetiredError(quote.plan.title, open_subscription(quote.customer_id).plan.title)
    after = make_quote(customer=quote.customer, kind=quote.kind, plan=plan, at=at, actor=actor)
    return QuoteStaleError(
        f"quote {quote.public_id}: {moved}",
        message=moved_sentence(moved, quote, after),
        before=quote,
        after=after,
    )
