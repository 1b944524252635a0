"""What leaving one plan for another costs at once: the one calculation behind «Subscribe», «Change Plan» and
«Confirm Downgrade», their previews and their invoices."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from core.periods import Period, utc_day
from credits.waiting import waiting_charges
from invoices.lines import LineDraft
from invoices.previewing import DocumentPreview, preview_document
from invoices.selectors import Unsettled, pending_lines, tax_rule_at, unsettled
from invoices.spreading import kept_for
from invoices.totals import NO_TAX, TaxRule, Totals
from plans import cycle
from plans.charges import SpellFacts, compose_charges
from plans.models import Plan, Subscription
from plans.selectors.gathering import Claim, gather
from plans.selectors.settlement import Settled, settle_ending
from plans.selectors.watermarks import looked_at
from plans.spells import next_anchor, spell_of, tax_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoices.models import Invoice


@dataclass(frozen=True, slots=True)
class Closing:
    """What is due at once when a spell ends at an instant and another begins.

    `facts` are those of the old spell, `lines` the charges of both, old ones first, also those that credit alone pays;
    `preview` is what becomes of them. `pending` lines that wait for the next document join them. `discarded`: drafts
    that the invoice takes the place of, as JSON values. `settled`: usage of a credits-only plan up to the end;
    `withdrawn`: keys of its fees that wait for their billing date. `credit`: what credit notes that are kept will take
    off the total.
    """

    facts: SpellFacts
    lines: tuple[LineDraft, ...]
    pending: tuple[LineDraft, ...]
    currency: str
    period: Period
    rule: TaxRule
    preview: DocumentPreview
    discarded: tuple[dict[str, Any], ...]
    window_starts_at: datetime
    settled: tuple[Settled, ...] = ()
    withdrawn: tuple[str, ...] = ()
    credit: int = 0

    @property
    def is_owed(self) -> bool:
        """Whether there is anything to charge: lines of 0 alone make no document."""
        return any(line.amount for line in self.lines)

    @property
    def totals(self) -> Totals:
        """Of the document alone, after what credit pays of it."""
        return self.preview.totals

    @property
    def credits(self) -> int:
        """What credit pays of the document, minor units."""
        return sum(self.preview.credits.values())

    @property
    def all_lines(self) -> tuple[LineDraft, ...]:
        """Everything that will stand on the document or go to credit alone."""
        return (*self.lines, *self.pending)


@dataclass(frozen=True, slots=True)
class _Ending:
    facts: SpellFacts
    period: Period
    waiting: tuple["Invoice", ...]
    window_starts_at: datetime
    settled: tuple[Settled, ...] = ()
    withdrawn: tuple[str, ...] = ()


def closing(
    subscription: Subscription,
    at: datetime,
    *,
    to: Plan | None = None,
    opens_id: int | None = None,
    now: datetime | None = None,
    documents: Unsettled | None = None,
) -> Closing:
    """What is due when the subscription (loaded `as_ending`) ends at `at` and plan `to` begins.

    A draft that is not issued yet would be discarded, so what it billed is billed here: the same days, the same
    windows, and what has come since. `opens_id` is the number kept for the new spell, in the keys of its lines;
    without it nothing of the new plan is charged. `now`: when it is drafted, where that is later; credit of then pays.
    `documents`: the customer's, where somebody has read them.
    """
    documents = documents or unsettled(subscription.customer_id)
    is_paid = subscription.plan.terms().is_priced
    ending = _ending(subscription, documents.drafts, at) if is_paid else _free(subscription, at)
    starting = _starting(subscription, to, opens_id, at) if to and opens_id else None
    settled = (line for one in ending.settled for line in one.window.lines)
    lines = (*settled, *compose_charges(ending.facts), *(compose_charges(starting) if starting else ()))
    currency = subscription.plan.currency if is_paid or not to else to.currency
    joins = subscription.has_pending_lines and any(line.amount for line in lines)
    pending = pending_lines(subscription.customer_id, currency, discarding=True) if joins else ()
    rule = _rule(subscription, (*lines, *pending), to)
    preview = preview_document(
        customer_id=subscription.customer_id,
        currency=currency,
        lines=(*lines, *pending),
        rule=rule,
        billing_on=utc_day(at),
        at=now or at,
        discarding=bool(ending.waiting),
        had_credit=subscription.had_credit,
    )
    return Closing(
        facts=ending.facts,
        lines=lines,
        pending=pending,
        currency=currency,
        period=ending.period if ending.period.days or not to else _first_period(subscription, to, at),
        rule=rule,
        preview=preview,
        discarded=tuple(_draft_values(draft, documents.notes) for draft in ending.waiting),
        window_starts_at=ending.window_starts_at,
        settled=ending.settled,
        withdrawn=ending.withdrawn,
        credit=kept_for(subscription.customer_id, documents.notes, currency, preview.totals.total),
    )


def _rule(subscription: Subscription, lines: "Sequence[LineDraft]", to: Plan | None) -> TaxRule:
    """What its document is taxed by; a new plan with prices has its pages say what that will cost, document or not."""
    has_document = any(line.settlement != "credit_only" for line in lines)
    if has_document or (to is not None and to.terms().is_priced):
        return tax_rule_at(*tax_place(subscription))
    return NO_TAX


def key_prefix(subscription: Subscription) -> str:
    """What the keys of all its invoices begin with."""
    return f"subscription:{subscription.pk}:"


def _ending(subscription: Subscription, waiting: "Sequence[Invoice]", at: datetime) -> _Ending:
    fees = _waiting_fees(subscription)
    own = [draft.billing_on for draft in waiting if draft.key.startswith(key_prefix(subscription))]
    earliest = min((*own, *fees.values()), default=None)
    spell = spell_of(subscription, earliest)
    piece, known = cycle.closing_slice(spell, at), None
    if subscription.plan.terms().is_credit_only:  # its own usage: `settle_ending`
        piece = replace(piece, windows=())
        known = None if waiting else looked_at(subscription)
    [facts] = gather([Claim(subscription, piece, frozenset(draft.key for draft in waiting))], known=known)
    return _Ending(
        facts,
        cycle.unbilled_period(spell, utc_day(at)),
        tuple(waiting),
        cycle.window_start(spell),
        settled=tuple(settle_ending(subscription, at)),
        withdrawn=tuple(fees),
    )


def _waiting_fees(subscription: Subscription) -> dict[str, date]:
    """Fees of a credits-only plan that are calculated and not charged to credit yet: key → billing date."""
    if not (subscription.plan.terms().is_credit_only and subscription.has_waiting_charges):
        return {}
    prefix = key_prefix(subscription)
    return {
        row.key: utc_day(row.settles_at)
        for row in waiting_charges([subscription.customer_id])
        if row.key.startswith(prefix)
    }


def _free(subscription: Subscription, at: datetime) -> _Ending:
    """A plan without prices owes nothing when it ends."""
    terms, today = subscription.plan.terms(), utc_day(at)
    facts = SpellFacts(subscription.pk, subscription.customer_id, terms)
    return _Ending(facts, Period(today, today), (), subscription.starts_at)


def _starting(subscription: Subscription, to: Plan, opens_id: int, at: datetime) -> SpellFacts:
    """What the new plan charges at once; another version of the same plan asks for no one-time fee again."""
    piece = cycle.starting_slice(_new_spell(subscription, to, at), one_time=to.key != subscription.plan.key)
    return SpellFacts(opens_id, subscription.customer_id, to.terms(), fees=piece.fees)


def _new_spell(subscription: Subscription, to: Plan, at: datetime) -> cycle.Spell:
    anchor_on = next_anchor(subscription, to, at)
    return cycle.Spell(anchor_on, at, cycle.first_billing_date(anchor_on, at))


def _first_period(subscription: Subscription, to: Plan, at: datetime) -> Period:
    spell = _new_spell(subscription, to, at)
    return Period(spell.starts_on, spell.next_billing_on)


def _draft_values(draft: "Invoice", notes: "Sequence[Invoice]") -> dict[str, Any]:
    """`total` as it was announced: less what credit notes that are kept take off it; of a credit note below zero."""
    announced = draft.total - kept_for(draft.customer_id, notes, draft.currency, draft.total)
    return {"key": draft.key, "billing_on": draft.billing_on.isoformat(), "total": announced}
