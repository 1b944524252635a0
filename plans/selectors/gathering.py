"""Step one of every figure: gather the facts. A fixed number of queries, however many subscriptions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.periods import Window
from plans.charges import SpellFacts, UsageFacts
from plans.cycle import Slice
from plans.models import RatedUsage, Subscription
from usage.selectors import Span, quantities

Rated = dict[tuple[int, datetime], tuple[Decimal, int]]


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be charged of one subscription; its plan and cards are loaded (`with_terms`).

    `discarding`: keys of drafts that will be discarded first, so that what they billed counts as not billed.
    """

    subscription: Subscription
    slice: Slice
    discarding: frozenset[str] = frozenset()


def gather(claims: Sequence[Claim], *, seen_until: datetime | None = None) -> list[SpellFacts]:
    """The facts of each claim, in order: two queries in all.

    `seen_until` looks at usage before that instant only, for figures about a window that is still running.
    """
    used = quantities([span for claim in claims for span in _spans(claim, seen_until)])
    rated = _rated(claims)
    return [_facts(claim, used, rated.get(claim.subscription.pk, {}), seen_until) for claim in claims]


def _facts(claim: Claim, used: Mapping[Span, Decimal], rated: Rated, seen_until: datetime | None) -> SpellFacts:
    subscription = claim.subscription
    return SpellFacts(
        subscription_id=subscription.pk,
        customer_id=subscription.customer_id,
        terms=subscription.plan.terms(),
        fees=claim.slice.fees,
        usage=tuple(
            UsageFacts(cut, planned, {span.feature_id: used[span] for span in _window_spans(claim, cut, seen_until)})
            for cut, planned in claim.slice.windows
        ),
        rated=rated,
    )


def _spans(claim: Claim, seen_until: datetime | None) -> Iterator[Span]:
    for cut, _planned in claim.slice.windows:
        yield from _window_spans(claim, cut, seen_until)


def _window_spans(claim: Claim, window: Window, seen_until: datetime | None) -> list[Span]:
    seen = window if seen_until is None else window.until(seen_until)
    features = claim.subscription.plan.terms().feature_ids
    return [Span(claim.subscription.customer_id, feature, seen.start, seen.end) for feature in features]


def _rated(claims: Sequence[Claim]) -> dict[int, Rated]:
    discarding: Collection[str] = {key for claim in claims for key in claim.discarding}
    starts = {cut.start for claim in claims for cut, _planned in claim.slice.windows}
    rows = RatedUsage.objects.filter(
        subscription__in=[claim.subscription.pk for claim in claims], window_starts_at__in=starts
    ).exclude(invoice_key__in=discarding)
    rated: dict[int, Rated] = {}
    for row in rows:
        by_window = rated.setdefault(row.subscription_id, {})
        by_window[row.rate_card_id, row.window_starts_at] = (row.quantity, row.amount)
    return rated
