"""What leaving one plan for another costs at once: the one calculation behind «Subscribe», «Change Plan» and
«Confirm Downgrade», their previews and their invoices."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.periods import Period, utc_day
from invoices.lines import LineDraft
from invoices.selectors import Unsettled, pending_lines, tax_rule_at, totals_of, unsettled
from invoices.spreading import kept_for
from invoices.totals import TaxRule, Totals
from plans import cycle
from plans.charges import SpellFacts, compose_charges
from plans.models import Plan, Subscription
from plans.selectors.gathering import Claim, gather
from plans.spells import next_anchor, spell_of, tax_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoices.models import Invoice


@dataclass(frozen=True, slots=True)
class Closing:
    """What is due at once when a spell ends at an instant and another begins.

    `facts` are those of the old spell, `lines` the charges of both, old ones first; `pending` lines that wait for the
    next document join them. `discarded`: drafts that the invoice takes the place of, as JSON values. `credit`: what
    credit notes that are kept will take off the total.
    """

    facts: SpellFacts
    lines: tuple[LineDraft, ...]
    pending: tuple[LineDraft, ...]
    currency: str
    period: Period
    rule: TaxRule
    totals: Totals
    discarded: tuple[dict[str, Any], ...]
    window_starts_at: datetime
    credit: int = 0

    @property
    def is_owed(self) -> bool:
        """Whether there is anything to invoice: lines of 0 alone make no document."""
        return any(line.amount for line in self.lines)

    @property
    def all_lines(self) -> tuple[LineDraft, ...]:
        """Everything that will stand on the document."""
        return (*self.lines, *self.pending)


@dataclass(frozen=True, slots=True)
class _Ending:
    facts: SpellFacts
    period: Period
    waiting: tuple["Invoice", ...]
    window_starts_at: datetime


def closing(
    subscription: Subscription,
    at: datetime,
    *,
    to: Plan | None = None,
    opens_id: int | None = None,
    documents: Unsettled | None = None,
) -> Closing:
    """What is due when the subscription (loaded `with_terms`) ends at `at` and plan `to` begins.

    A draft that is not issued yet would be discarded, so what it billed is billed here: the same days, the same
    windows, and what has come since. `opens_id` is the number kept for the new spell, in the keys of its lines;
    without it nothing of the new plan is charged. `documents`: the customer's, where somebody has read them.
    """
    documents = documents or unsettled(subscription.customer_id)
    is_paid = subscription.plan.terms().is_priced
    ending = _ending(subscription, documents.drafts, at) if is_paid else _free(subscription, at)
    starting = _starting(subscription, to, opens_id, at) if to and opens_id else None
    lines = (*compose_charges(ending.facts), *(compose_charges(starting) if starting else ()))
    rule = tax_rule_at(*tax_place(subscription))
    currency = subscription.plan.currency if is_paid or not to else to.currency
    is_owed = any(line.amount for line in lines)
    pending = pending_lines(subscription.customer_id, currency, discarding=True) if is_owed else ()
    period = ending.period
    if to and not period.days:
        period = _first_period(subscription, to, at)
    totals = totals_of((*lines, *pending), rule)
    return Closing(
        facts=ending.facts,
        lines=lines,
        pending=pending,
        currency=currency,
        period=period,
        rule=rule,
        totals=totals,
        discarded=tuple(_draft_values(draft) for draft in ending.waiting),
        window_starts_at=ending.window_starts_at,
        credit=kept_for(subscription.customer_id, documents.notes, currency, totals.total),
    )


def key_prefix(subscription: Subscription) -> str:
    """What the keys of all its invoices begin with."""
    return f"subscription:{subscription.pk}:"


def _ending(subscription: Subscription, waiting: "Sequence[Invoice]", at: datetime) -> _Ending:
    own = (draft.billing_on for draft in waiting if draft.key.startswith(key_prefix(subscription)))
    earliest = min(own, default=None)
    spell = spell_of(subscription, earliest)
    discarding = frozenset(draft.key for draft in waiting)
    [facts] = gather([Claim(subscription, cycle.closing_slice(spell, at), discarding)])
    return _Ending(facts, cycle.unbilled_period(spell, utc_day(at)), tuple(waiting), cycle.window_start(spell))


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


def _draft_values(draft: "Invoice") -> dict[str, Any]:
    return {"key": draft.key, "billing_on": draft.billing_on.isoformat(), "total": draft.total}
