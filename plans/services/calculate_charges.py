"""The calculation instant: usage and fees of the next billing date become a draft."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from accounts.audit import Values, record_all
from accounts.models import User
from accounts.services.hold_customers import hold_customers
from core.any_of import any_of
from core.periods import period_of
from invoices.lines import InvoiceDraft, LineDraft
from invoices.services.draft_invoices import draft_invoices
from plans import cycle
from plans.billing import invoice_draft, save_watermarks
from plans.charges import SpellFacts, compose_charges
from plans.models import Subscription
from plans.selectors.closing import key_prefix
from plans.selectors.gathering import Claim, gather
from plans.settling import close_windows, show_running
from plans.spells import calendar_of, spell_of

if TYPE_CHECKING:
    from invoices.models import Invoice

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Calculation:
    """One subscription's next billing date, with what it charges."""

    subscription: Subscription
    spell: cycle.Spell
    facts: SpellFacts
    lines: tuple[LineDraft, ...]

    @property
    def invoice_key(self) -> str:
        return f"{key_prefix(self.subscription)}{self.spell.next_billing_on}"


@transaction.atomic
def calculate_charges(*, subscription_ids: Collection[int], at: datetime, actor: User | None = None) -> "list[Invoice]":
    """Draft the next billing date of every subscription that is due at `at`: one period each, the caller repeats
    until nothing is due. The number of queries does not depend on how many there are.

    Whether it is due is asked again under the lock, so two runs at once draft once. Returns the drafts.
    """
    ids = list(subscription_ids)
    hold_customers(Subscription.objects.filter(any_of("pk", ids)).values_list("customer_id", flat=True))
    rows = Subscription.objects.due(at, settings.CALCULATION_GRACE).with_terms().filter(any_of("pk", ids))
    due = rows.select_related(None).order_by("pk")  # nothing is asked of the customers themselves
    calculations = _calculate(due)
    _settle_windows(calculations, at, actor)
    invoices = draft_invoices(drafts=[_draft(one) for one in calculations if _is_owed(one)], at=at, actor=actor)
    save_watermarks(((one.facts, one.invoice_key) for one in calculations), at)
    _move_on(calculations)
    _show_running(calculations, at)
    record_all(at=at, actor=actor, action="calculate_charges", entries=map(_audited, calculations))
    return invoices


def _calculate(due: Iterable[Subscription]) -> list[_Calculation]:
    spells = [(subscription, spell_of(subscription)) for subscription in due]
    facts = gather([Claim(subscription, _slice(subscription, spell)) for subscription, spell in spells])
    return [
        _Calculation(subscription, spell, known, compose_charges(known))
        for (subscription, spell), known in zip(spells, facts, strict=True)
    ]


def _slice(subscription: Subscription, spell: cycle.Spell) -> cycle.Slice:
    """On a credits-only plan usage is settled by the hour, and a document has none of it."""
    piece = cycle.monthly_slice(spell)
    return replace(piece, windows=()) if subscription.plan.terms().is_credit_only else piece


def _settle_windows(calculations: Iterable[_Calculation], at: datetime, actor: User | None) -> None:
    """Close the windows of credits-only plans: what is left of their usage, and their minimum, go to credit."""
    spells = {one.subscription.pk: one.spell for one in calculations if one.subscription.plan.terms().is_credit_only}
    if spells:
        close_windows(spells, at, actor)


def _show_running(calculations: Iterable[_Calculation], at: datetime) -> None:
    """What is on a draft now is no open charge any more."""
    ids = [one.subscription.pk for one in calculations if not one.subscription.plan.terms().is_credit_only]
    spells = Subscription.objects.with_terms().filter(any_of("pk", ids), watch__isnull=False)
    show_running([], list(spells), at)


def _is_owed(calculation: _Calculation) -> bool:
    return any(line.amount for line in calculation.lines)


def _draft(calculation: _Calculation) -> InvoiceDraft:
    spell = calculation.spell
    return invoice_draft(
        subscription=calculation.subscription,
        key=calculation.invoice_key,
        lines=calculation.lines,
        billing_on=spell.next_billing_on,
        period=period_of(spell.anchor_on, spell.next_billing_on - ONE_DAY),
    )


def _move_on(calculations: list[_Calculation]) -> None:
    Subscription.objects.all().move(
        {one.subscription.pk: calendar_of(cycle.next_spell(one.spell)) for one in calculations}
    )


def _audited(calculation: _Calculation) -> tuple[int, str, Values, Values]:
    return (
        calculation.subscription.customer_id,
        f"subscription:{calculation.subscription.pk}",
        {"next_billing_on": calculation.spell.next_billing_on.isoformat()},
        {"next_billing_on": cycle.next_spell(calculation.spell).next_billing_on.isoformat()},
    )
