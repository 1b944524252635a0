"""What ending a subscription costs: the one calculation behind «Confirm Downgrade», its preview and its invoice."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.periods import Period, utc_day
from invoices.lines import LineDraft
from invoices.selectors import drafts, tax_rules
from invoices.totals import TaxRule, Totals, total_up
from plans import cycle
from plans.charges import SpellFacts, compose_charges
from plans.models import Subscription
from plans.selectors.gathering import Claim, gather
from plans.spells import spell_of

if TYPE_CHECKING:
    from invoices.models import Invoice


@dataclass(frozen=True, slots=True)
class Closing:
    """The last charges of a subscription at an instant. `discarded`: drafts it takes the place of, as JSON values."""

    facts: SpellFacts
    lines: tuple[LineDraft, ...]
    period: Period
    rule: TaxRule
    totals: Totals
    discarded: tuple[dict[str, Any], ...]
    window_starts_at: datetime

    @property
    def is_owed(self) -> bool:
        """Whether there is anything to invoice: lines of 0 alone make no document."""
        return any(line.amount for line in self.lines)


def closing(subscription: Subscription, at: datetime) -> Closing:
    """What is left to bill when the subscription (loaded `with_terms`) ends at `at`.

    A draft that is not issued yet would be discarded, so what it billed is billed here: the same days, the same
    windows, and what has come since.
    """
    waiting = [draft for draft in drafts(subscription.customer_id) if draft.key.startswith(key_prefix(subscription))]
    earliest = min((draft.billing_on for draft in waiting), default=None)
    spell = spell_of(subscription, earliest)
    discarding = frozenset(draft.key for draft in waiting)
    [facts] = gather([Claim(subscription, cycle.closing_slice(spell, at), discarding)])
    lines = compose_charges(facts)
    rule = tax_rules([subscription.customer_id])[subscription.customer_id]
    return Closing(
        facts=facts,
        lines=lines,
        period=cycle.unbilled_period(spell, utc_day(at)),
        rule=rule,
        totals=total_up((line.amount for line in lines), rule),
        discarded=tuple(_draft_values(draft) for draft in waiting),
        window_starts_at=cycle.window_start(spell),
    )


def key_prefix(subscription: Subscription) -> str:
    """What the keys of all its invoices begin with."""
    return f"subscription:{subscription.pk}:"


def _draft_values(draft: "Invoice") -> dict[str, Any]:
    return {"key": draft.key, "billing_on": draft.billing_on.isoformat(), "total": draft.total}
