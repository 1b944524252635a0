"""Step one of every figure: gather the facts. A fixed number of queries, however many subscriptions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from core.periods import Window
from invoices.standing import standing
from plans.charges import SpellFacts, UsageFacts
from plans.cycle import Slice
from plans.late import LateFacts
from plans.models import Plan, Subscription, with_terms_read
from plans.pricing import PlanTerms
from plans.selectors.watermarks import Known, Rated, Watermark, known_windows, touched_windows
from usage.selectors import Looked, Span, quantities


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be charged of one subscription; its plan and cards are loaded (`with_terms`).

    `discarding`: keys of drafts that will be discarded first, so that what they billed counts as not billed.
    """

    subscription: Subscription
    slice: Slice
    discarding: frozenset[str] = frozenset()

    @property
    def customer_id(self) -> int:
        return self.subscription.customer_id


@dataclass(frozen=True, slots=True)
class Gathering:
    """What is known of the claims before usage is asked: `spans` are the questions, `facts` takes the answers."""

    claims: Sequence[Claim]
    discarding: Collection[str]
    rated: Mapping[Rated, tuple[Decimal, int]]
    late: Sequence[Watermark]
    seen_until: datetime | None

    @property
    def spans(self) -> list[Span]:
        return [*_all_spans(self.claims, self.seen_until), *(mark.span for mark in self.late)]

    def facts(self, used: Mapping[Span, Decimal]) -> list[SpellFacts]:
        """The facts of each claim, in order. `used`: at least the `spans`.

        Of windows that usage may have reached since only those count of which more, or less, is known now.
        """
        moved = [mark for mark in self.late if used[mark.span] != mark.quantity]
        terms, late = _terms(self.claims, moved), _by_customer(moved)
        found = [
            _facts(
                claim,
                used,
                self.rated,
                tuple(_late(mark, terms[mark.plan_id], used) for mark in late.get(claim.customer_id, ())),
                self.seen_until,
            )
            for claim in self.claims
        ]
        return _with_standing(found, self.discarding)


def gather(
    claims: Sequence[Claim], *, seen_until: datetime | None = None, known: Known | None = None
) -> list[SpellFacts]:
    """The facts of each claim, in order: three queries in all, up to two more where usage came late, and
    one where something is given back. As `gathering`, with all that it asks answered."""
    if not claims:
        return []
    found = gathering(claims, seen_until=seen_until, known=known)
    return found.facts(quantities(found.spans))


def gathering(claims: Sequence[Claim], *, seen_until: datetime | None = None, known: Known | None = None) -> Gathering:
    """For whoever asks usage for more than the claims.

    `seen_until` looks at usage before that instant only, for figures about a window that is still running. `known`:
    when customers were looked at, where somebody knows; what is billed is then read with what was touched since.
    """
    discarding = {key for claim in claims for key in claim.discarding}
    own = {(claim.subscription.pk, cut.start) for claim in claims for cut, _planned in claim.slice.windows}
    beside = own if known else ()
    known = known or known_windows(own, {claim.customer_id for claim in claims}, discarding)
    marks = _touched(claims, known, discarding, beside)
    rated = {**known.rated, **{mark.rated: (mark.quantity, mark.amount) for mark in marks}}
    late = [mark for mark in marks if (mark.subscription_id, mark.window.start) not in own]
    return Gathering(claims, discarding, rated, late, seen_until)


def _with_standing(found: list[SpellFacts], discarding: Collection[str]) -> list[SpellFacts]:
    """What stands of the billed lines that they give back."""
    stands = standing({key for facts in found for key in facts.gives_back}, discarding)
    return [replace(facts, standing=stands) for facts in found] if stands else found


def _touched(
    claims: Sequence[Claim], known: Known, discarding: Collection[str], beside: Collection[tuple[int, datetime]]
) -> list[Watermark]:
    """Windows billed before that usage has reached since, and those `beside`."""
    looks = {
        claim.customer_id: Looked(known.looked_at[claim.customer_id], claim.subscription.window_starts_at)
        for claim in claims
        if claim.customer_id in known.looked_at
    }
    return touched_windows(looks, known.own_clocks, discarding, beside)


def _rated(claim: Claim, rated: Mapping[Rated, tuple[Decimal, int]]) -> dict[tuple[int, datetime], tuple[Decimal, int]]:
    """What its own windows were billed at before, by card and start."""
    spell = claim.subscription
    return {
        (card.id, cut.start): rated[spell.pk, card.id, cut.start]
        for cut, _planned in claim.slice.windows
        for card in spell.plan.terms().metered
        if (spell.pk, card.id, cut.start) in rated
    }


def _facts(
    claim: Claim,
    used: Mapping[Span, Decimal],
    rated: Mapping[Rated, tuple[Decimal, int]],
    late: tuple[LateFacts, ...],
    seen_until: datetime | None,
) -> SpellFacts:
    subscription = claim.subscription
    return SpellFacts(
        subscription_id=subscription.pk,
        customer_id=subscription.customer_id,
        terms=subscription.plan.terms(),
        fees=claim.slice.fees,
        usage=tuple(
            UsageFacts(
                cut,
                planned,
                {span.feature_id: used[span] for span in _window_spans(claim, cut, seen_until)},
                closed=seen_until is None or cut.end <= seen_until,
            )
            for cut, planned in claim.slice.windows
        ),
        rated=_rated(claim, rated),
        late=late,
    )


def _late(mark: Watermark, terms: PlanTerms, used: Mapping[Span, Decimal]) -> LateFacts:
    return LateFacts(
        subscription_id=mark.subscription_id,
        terms=terms,
        card=next(card for card in terms.cards if card.id == mark.card_id),
        usage=UsageFacts(mark.window, mark.planned, {mark.feature_id: used[mark.span]}),
        number=mark.number + 1,
        billed_quantity=mark.quantity,
        billed_amount=mark.amount,
    )


def _terms(claims: Sequence[Claim], late: Sequence[Watermark]) -> dict[int, PlanTerms]:
    """The price list of every plan that a late window was rated by."""
    terms = {claim.subscription.plan_id: claim.subscription.plan.terms() for claim in claims}
    missing = {mark.plan_id for mark in late} - terms.keys()
    if missing:
        terms |= {plan.pk: plan.terms() for plan in with_terms_read(Plan.objects.filter(pk__in=missing))}
    return terms


def _by_customer(marks: Sequence[Watermark]) -> dict[int, list[Watermark]]:
    found: dict[int, list[Watermark]] = {}
    for mark in marks:
        found.setdefault(mark.customer_id, []).append(mark)
    return found


def _all_spans(claims: Sequence[Claim], seen_until: datetime | None) -> Iterator[Span]:
    for claim in claims:
        for cut, _planned in claim.slice.windows:
            yield from _window_spans(claim, cut, seen_until)


def _window_spans(claim: Claim, window: Window, seen_until: datetime | None) -> list[Span]:
    seen = window if seen_until is None else window.until(seen_until)
    features = claim.subscription.plan.terms().feature_ids
    return [Span(claim.customer_id, feature, seen.start, seen.end) for feature in features]
