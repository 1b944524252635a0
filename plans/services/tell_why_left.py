"""«Why are you leaving?»: what somebody says of it after «Confirm Downgrade»."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from plans.exceptions import NotCancelledError
from plans.models import ChangeQuote, QuoteKind


@transaction.atomic
def tell_why_left(*, quote: ChangeQuote, reason: str, words: str, at: datetime, actor: User) -> ChangeQuote:
    """Keep the answer with the cancellation; nothing else changes by it. `reason`: a LeavingReason or empty; `words`:
    their own.

    The first answer stays. Raises NotCancelledError for a quote that has ended no plan.
    """
    lock_customers([quote.customer_id])
    quote = ChangeQuote.objects.get(pk=quote.pk)
    if quote.kind != QuoteKind.CANCEL or quote.completed_at is None:
        raise NotCancelledError(f"quote {quote.public_id} has ended no plan")
    if not quote.asks_why:
        return quote
    quote.leaving_reason, quote.leaving_words, quote.reason_at = reason, words, at
    quote.save(update_fields=["leaving_reason", "leaving_words", "reason_at"])
    record(
        at=at,
        actor=actor,
        customer_id=quote.customer_id,
        action="tell_why_left",
        subject=f"quote:{quote.public_id}",
        after={"reason": reason, "words": words},
    )
    return quote
