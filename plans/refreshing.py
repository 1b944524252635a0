"""Figures that are held for minutes, on a page that stands longer: it asks for new ones before they run out.

Each look is a quote of its own, as every quote that is shown is. After LOOKS of them the page asks no more and offers a
link instead. Without JavaScript the figures run out as they say, and the confirmation answers with new ones.
"""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from accounts.access import PortalRequest, customer_now
from plans.models import ChangeQuote
from plans.quotes import total_sentence
from plans.selectors import quote_of

LOOKS: Final = 4  # with QUOTE_LIFETIME of 15 minutes: figures of a page are held for more than an hour
EARLY: Final = timedelta(minutes=1)  # before they run out
SOONEST: Final = 10  # seconds, however short a quote lasts


def is_refresh(request: PortalRequest) -> bool:
    """Whether a page asks for new figures by itself."""
    return bool(request.htmx) and request.method == "GET" and "looks" in request.GET


def held_quote(request: PortalRequest) -> ChangeQuote | None:
    """The one whose figures the page that asks has shown, where it is the customer's."""
    return quote_of(request.customer.pk, request.GET.get("held", "")) if is_refresh(request) else None


def is_another_change(held: ChangeQuote | None, quote: ChangeQuote) -> bool:
    """Whether more than figures has moved: another plan is left or begun than the whole page speaks of."""
    return held is not None and (held.subscription_id, held.plan_id) != (quote.subscription_id, quote.plan_id)


def refresh(request: PortalRequest, quote: ChangeQuote, held: ChangeQuote | None) -> dict[str, Any]:
    """Variables of a template: `wait` seconds until `again_url` is asked (None: not any more, which `looked_enough`
    says), and `moved`, a sentence where the total is not that of `held`."""
    said = request.GET.get("looks", "") if is_refresh(request) else ""
    looks = min(int(said), LOOKS) if said.isdecimal() and len(said) < 6 else 0
    return {
        "wait": None if looks == LOOKS else _wait(request, quote),
        "looked_enough": looks == LOOKS,
        "again_url": f"{request.path}?{urlencode({'looks': looks + 1, 'held': quote.public_id})}",
        "moved": _moved(held, quote) if held else "",
        "swapped": is_refresh(request),
    }


def _wait(request: PortalRequest, quote: ChangeQuote) -> int | None:
    """None where a test clock stands still: nothing runs out there by itself."""
    if request.customer.clock_at is not None:
        return None
    left = quote.expires_at - customer_now(request.customer) - EARLY
    return max(int(left.total_seconds()), SOONEST)


def _moved(held: ChangeQuote, quote: ChangeQuote) -> str:
    was, now = (one.amount_due - one.amount_back for one in (held, quote))
    return total_sentence(held, quote, was=was, now=now)
