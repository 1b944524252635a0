"""After the last paid plan: usage of it that came late becomes a follow-up invoice."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from accounts.audit import audit
from accounts.models import AuditEntry, User
from accounts.services.lock_customers import lock_customers
from core.money import quantize
from core.periods import billing_period, next_billing_date, period_number, utc_day
from invoices.lines import InvoiceDraft, LineDraft
from invoices.services.draft_invoices import draft_invoices
from plans import cycle
from plans.billing import invoice_draft, save_watermarks
from plans.charges import SpellFacts, compose_charges
from plans.models import Subscription
from plans.selectors.closing import key_prefix
from plans.selectors.gathering import Claim, gather
from plans.selectors.watermarks import touched_customers
from plans.spells import next_calculation

if TYPE_CHECKING:
    from invoices.models import Invoice


@dataclass(frozen=True, slots=True)
class _FollowUp:
    """An ended spell on one of its calculation instants, with what came late for its customer."""

    subscription: Subscription
    calculated_at: datetime
    facts: SpellFacts
    lines: tuple[LineDraft, ...]

    @property
    def invoice_key(self) -> str:
        return f"{key_prefix(self.subscription)}late:{utc_day(self.calculated_at)}"

    @property
    def is_worth_it(self) -> bool:
        """Whether it has reached the minimum, or fallen as far below zero; else it waits and stays visible."""
        minimum = quantize(settings.LATE_USAGE_MINIMUM, self.subscription.plan.currency)
        owed = sum(line.amount for line in self.lines)
        return owed != 0 and abs(owed) >= minimum


@transaction.atomic
def bill_late_usage(*, subscription_ids: Collection[int], at: datetime, actor: User | None = None) -> "list[Invoice]":
    """Look for late usage of ended subscriptions that are due at `at`, and draft what has come to the minimum.

    One calculation instant each, the caller repeats until nothing is due; where nothing came, all that have passed at
    once, and nothing but the date is read. Queries do not depend on how many there are. Two runs at once draft once.
    Returns the drafts, issued and collected like any other on their billing date.
    """
    ids = list(subscription_ids)
    lock_customers(Subscription.objects.filter(pk__in=ids).values_list("customer_id", flat=True))
    rows = Subscription.objects.to_follow_up(at, settings.CALCULATION_GRACE).filter(pk__in=ids)
    due = list(rows.order_by("pk"))
    found = _find(due, at)
    worth_it = [one for one in found if one.is_worth_it]
    invoices = draft_invoices(drafts=[_draft(one) for one in worth_it], at=at, actor=actor)
    save_watermarks(((one.facts, one.invoice_key) for one in worth_it), at)
    _move_on(due, {one.subscription.pk for one in found}, at)
    AuditEntry.objects.bulk_create([_audit(one, at, actor) for one in worth_it])
    return invoices


def _draft(one: _FollowUp) -> InvoiceDraft:
    anchor_on = one.subscription.anchor_on
    billing_on = next_billing_date(anchor_on, utc_day(one.calculated_at))
    return invoice_draft(
        subscription=one.subscription,
        key=one.invoice_key,
        lines=one.lines,
        billing_on=billing_on,
        period=billing_period(anchor_on, period_number(anchor_on, billing_on) - 1),
    )


def _find(due: list[Subscription], at: datetime) -> list[_FollowUp]:
    """Those for whose customers something came; only they are loaded and rated."""
    touched = touched_customers(due)
    rows = Subscription.objects.with_terms().filter(pk__in=[spell.pk for spell in due if spell.customer_id in touched])
    spells = list(rows.order_by("pk"))
    facts = gather([Claim(spell, cycle.Slice(fees=(), windows=())) for spell in spells])
    return [
        _FollowUp(spell, spell.follow_up_at, known, compose_charges(known))
        for spell, known in zip(spells, facts, strict=True)
        if spell.follow_up_at
    ]


def _move_on(due: list[Subscription], found: set[int], at: datetime) -> None:
    last_due = at - settings.CALCULATION_GRACE
    Subscription.objects.all().follow_up(
        {
            spell.pk: next_calculation(spell.anchor_on, spell.follow_up_at if spell.pk in found else last_due)
            for spell in due
            if spell.follow_up_at
        }
    )


def _audit(one: _FollowUp, at: datetime, actor: User | None) -> AuditEntry:
    return audit(
        at=at,
        actor=actor,
        customer_id=one.subscription.customer_id,
        action="bill_late_usage",
        subject=f"subscription:{one.subscription.pk}",
        after={"invoice": one.invoice_key, "lines": len(one.lines)},
    )
