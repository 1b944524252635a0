"""What waits of credits-only usage: gathered with a fixed number of queries, composed by `plans.hours`."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from accounts.selectors import present_in_sql
from core.due import Due, only
from core.periods import Window, usage_windows
from core.questions import Given, Question
from credits.selectors import due_open_charges
from credits.waiting import customers_with_credits
from plans import cycle
from plans.hours import HOUR, Reading, SettledWindow, Standing, WindowFacts, settle_window
from plans.models import RatedUsage, SettlementMode, Subscription, UsageWatch
from plans.pricing import CardTerms
from plans.spells import spell_of
from usage.selectors import Span, hours_since, quantities, used_hours

MarkKey = tuple[int, int, datetime]
Touched = Mapping[int, Sequence[tuple[int, datetime]]]


@dataclass(frozen=True, slots=True)
class SettlementClaim:
    """What is to be settled of one credits-only spell (loaded `with_terms`): hours that ended by `until`.

    `windows` are pairs (cut, planned). `closes`: the windows end now, with what is left and their minimum. `newest`:
    when late usage is charged.
    """

    subscription: Subscription
    settled_until: datetime
    until: datetime
    newest: datetime
    windows: tuple[tuple[Window, Window], ...]
    closes: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    """One price over one window, with the spans that have to be measured for it."""

    claim: SettlementClaim
    card: CardTerms
    facts: WindowFacts
    settled_to: datetime
    is_touched: bool
    mark: RatedUsage | None

    @property
    def waiting(self) -> Span:
        """The time whose hours are not settled yet."""
        end = min(self.claim.until, self.facts.cut.end)
        return self._span(min(self.settled_to, end), end)

    @property
    def late(self) -> Span | None:
        """Everything in hours that are settled, where usage came since; a closing window needs no such question where
        it ends before them."""
        if not self.is_touched or self.settled_to > self.facts.cut.end:
            return None
        return self._span(self.facts.planned.start, self.settled_to)

    @property
    def whole(self) -> Span:
        return self._span(self.facts.cut.start, self.facts.cut.end)

    def until(self, end: datetime) -> Span:
        return self._span(self.facts.planned.start, end)

    @property
    def has_ended_hours(self) -> bool:
        """Whether an hour that is not settled yet has ended: else none needs a charge of its own."""
        return floor_hour(self.waiting.end) > self.waiting.start

    def ends(self, hours: Iterable[datetime]) -> list[datetime]:
        """The ends of closed hours; that of a closing window which is cut short is settled with the window."""
        is_cut = self.claim.closes and self.facts.cut != self.facts.planned
        last = self.waiting.end
        ends = [hour + HOUR for hour in hours]
        return [end for end in ends if end <= last and not (is_cut and end == self.facts.cut.end)]

    def _span(self, start: datetime, end: datetime) -> Span:
        return Span(self.claim.subscription.customer_id, self.card.feature_id or 0, start, end)


@dataclass(frozen=True, slots=True)
class Settled:
    """One window as it was composed, with the watermark it had before (None: none)."""

    claim: SettlementClaim
    window: SettledWindow
    mark: RatedUsage | None

    @property
    def subscription(self) -> Subscription:
        return self.claim.subscription


def due_to_settle(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Customers of whom something waits for credit: an hour has closed, usage has reached us since they were looked at,
    or the day of a fee has come; by their own clocks, nobody parked. The number of queries is fixed."""
    due: dict[int, datetime] = dict(_to_watch.ask(at=at, customer_id=customer_id))
    watched = _watched.ask(at=at, customer_id=customer_id)
    asked: dict[int, datetime] = {}
    presents: dict[int, datetime] = {}
    for owner_id, clock, now, settled_until, seen_at, ends_at, mode in watched:
        presents[owner_id] = now
        closed = mode == SettlementMode.CREDIT_ONLY and ends_at is None and settled_until < floor_hour(now)
        if closed or clock or seen_at is None:
            due[owner_id] = now
        else:
            asked[owner_id] = min(seen_at, asked.get(owner_id, seen_at))
    for owner_id in hours_since(asked):
        due[owner_id] = presents[owner_id]
    due |= {row.customer_id: row.present for row in due_open_charges(at, customer_id)}
    return sorted((Due(owner_id, owner_id, now) for owner_id, now in due.items()), key=_in_order)


@Question
def _watched(at: Given, customer_id: Given | None) -> QuerySet[Any, Any]:
    rows = UsageWatch.objects.filter(customer__parked_at__isnull=True, **only(customer_id)).order_by("customer_id")
    return rows.annotate(present=present_in_sql(at)).values_list(
        "customer_id", "customer__clock_at", "present", "settled_until", "seen_at",
        "subscription__ends_at", "subscription__plan__settlement_mode",
    )  # fmt: skip


@Question
def _to_watch(at: Given, customer_id: Given | None) -> QuerySet[Any, Any]:
    """Who has credit, or a plan that nothing but credit pays, and is not looked at yet."""
    wanted = Q(customer_id__in=customers_with_credits()) | Q(plan__settlement_mode=SettlementMode.CREDIT_ONLY)
    rows = Subscription.objects.open().filter(wanted, watch__isnull=True, customer__parked_at__isnull=True)
    own = rows.filter(**only(customer_id)).annotate(present=present_in_sql(at))
    return own.values_list("customer_id", "present")


def _in_order(row: Due) -> tuple[datetime, int]:
    return row.present, row.customer_id


def running_claim(row: UsageWatch, until: datetime, at: datetime) -> SettlementClaim:
    """What a look at `at` settles of a watched spell: hours that are closed at `until`; of one that has ended, or
    charges nothing, only what came late."""
    spell = row.subscription
    runs = spell.ends_at is None and spell.plan.terms().is_priced
    windows = cycle.begun_windows(spell_of(spell), until) if runs else ()
    return SettlementClaim(
        spell, row.settled_until, floor_hour(until), floor_hour(at), tuple((window, window) for window in windows)
    )


def settle_ending(subscription: Subscription, at: datetime) -> list[Settled]:
    """What is left of a spell that ends at `at`, to the instant; nothing where no credits-only plan is watched."""
    if not subscription.plan.terms().is_credit_only:
        return []
    row: UsageWatch | None = getattr(subscription, "watch", None)
    if row is None:
        return []
    spell = spell_of(subscription)
    windows = tuple(usage_windows(spell.anchor_on, cycle.window_start(spell), at))
    claim = SettlementClaim(subscription, row.settled_until, at, at, windows, closes=True)
    seen = None if subscription.customer.clock_at else row.seen_at
    return settle_claims([claim], hours_since({subscription.customer_id: seen}))


def settle_claims(claims: Sequence[SettlementClaim], touched: Touched) -> list[Settled]:
    """Every price over every window of the claims, and over windows that closed before where usage came late.

    `touched`: by customer the hours that usage may have reached since. Two queries, and one
    more where an hour has ended.
    """
    marks = _marks([claim.subscription.pk for claim in claims])
    questions = [question for claim in claims for question in _questions(claim, marks, touched)]
    hours = used_hours([one.waiting for one in questions if not one.facts.is_closed and one.has_ended_hours])
    ends = {id(one): one.ends(hours.get(one.waiting, ())) for one in questions if not one.facts.is_closed}
    used = quantities([span for one in questions for span in _spans(one, ends.get(id(one), []))])
    return [Settled(one.claim, settle_window(_known(one, ends.get(id(one), []), used)), one.mark) for one in questions]


def _questions(
    claim: SettlementClaim, marks: Mapping[int, Sequence[RatedUsage]], touched: Touched
) -> Iterator[_Question]:
    spell = claim.subscription
    own = {(mark.rate_card_id, mark.window_starts_at): mark for mark in marks.get(spell.pk, ())}
    hours = touched.get(spell.customer_id, ())
    open_starts = {planned.start for _cut, planned in claim.windows}
    cards = {card.id: card for card in spell.plan.terms().metered}
    for cut, planned in claim.windows:
        for card in cards.values():
            mark = own.get((card.id, planned.start))
            settled_to = max(claim.settled_until, planned.start)
            is_touched = _is_touched(hours, card, Window(planned.start, max(planned.start, settled_to)))
            yield _Question(claim, card, _facts(claim, card, cut, planned, mark), settled_to, is_touched, mark)
    for (card_id, start), mark in own.items():
        cut = Window(start, mark.window_ends_at)
        card = cards[card_id]
        if start not in open_starts and _is_touched(hours, card, cut):
            facts = replace(_facts(claim, card, cut, Window(start, mark.planned_ends_at), mark), is_closed=True)
            yield _Question(claim, card, facts, cut.end, True, mark)


def _facts(
    claim: SettlementClaim, card: CardTerms, cut: Window, planned: Window, mark: RatedUsage | None
) -> WindowFacts:
    return WindowFacts(
        subscription_id=claim.subscription.pk,
        terms=claim.subscription.plan.terms(),
        card=card,
        cut=cut,
        planned=planned,
        standing=Standing(mark.quantity, mark.amount, mark.number) if mark else Standing(),
        newest=claim.newest,
    )


def _is_touched(hours: Iterable[tuple[int, datetime]], card: CardTerms, window: Window) -> bool:
    first = floor_hour(window.start)
    return any(feature == card.feature_id and first <= hour < window.end for feature, hour in hours)


def _spans(question: _Question, ends: Sequence[datetime]) -> Iterator[Span]:
    if question.late:
        yield question.late
    if not question.facts.is_closed:
        yield from (question.until(end) for end in ends)
        yield question.whole


def _known(question: _Question, ends: Sequence[datetime], used: Mapping[Span, Decimal]) -> WindowFacts:
    facts, claim = question.facts, question.claim
    late = Reading(question.late.end, used[question.late]) if question.late else None
    if facts.is_closed:
        return replace(facts, late=late)
    whole = used[question.whole]
    return replace(
        facts,
        late=late,
        hours=tuple(Reading(end, used[question.until(end)]) for end in ends),
        final=Reading(facts.cut.end, whole) if claim.closes else None,
        seen=None if claim.closes else whole,
    )


def _marks(subscription_ids: Collection[int]) -> dict[int, list[RatedUsage]]:
    found: dict[int, list[RatedUsage]] = {}
    for mark in RatedUsage.objects.filter(subscription_id__in=subscription_ids).order_by("window_starts_at", "pk"):
        found.setdefault(mark.subscription_id, []).append(mark)
    return found


def watched(customer_ids: Collection[int]) -> list[UsageWatch]:
    """The spells whose usage lowers credit, with plans and customers."""
    rows = UsageWatch.objects.filter(customer_id__in=customer_ids).order_by("subscription_id")
    spells = Subscription.objects.with_terms().in_bulk([row.subscription_id for row in rows])
    for row in rows:
        row.subscription = spells[row.subscription_id]
    return list(rows)


def unwatched(subscriptions: Q) -> list[Subscription]:
    """Open spells of this kind that nobody watches yet, with their plans."""
    rows = Subscription.objects.open().filter(subscriptions, watch__isnull=True)
    return list(rows.select_related("plan").order_by("pk"))


def floor_hour(at: datetime) -> datetime:
    """The newest full hour: every hour that ended by then is closed."""
    return at - timedelta(minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
