"""What the next invoice comes to so far: the bill's own two steps, gather and compose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.models import Customer
from core.periods import (
    Period,
    Window,
    billing_period,
    calculation_instant,
    midnight,
    next_billing_date,
    period_number,
    utc_day,
)
from credits.words import grant_name
from invoices.charging import CreditRow
from invoices.lines import LineDraft
from invoices.previewing import Credit, Paid, preview_documents
from invoices.selectors import Unsettled, line_draft, pending_lines, read_lines, tax_rule_at, unsettled
from invoices.spreading import kept_for
from invoices.totals import NO_TAX, TaxRule, Totals
from plans import cycle
from plans.charges import SpellFacts, compose_charges
from plans.exceptions import NoSubscriptionError
from plans.late import late_lines
from plans.line_words import worded
from plans.models import Subscription
from plans.projection import PATTERN_DAYS
from plans.selectors.catalogue import current_subscription
from plans.selectors.closing import key_prefix
from plans.selectors.gathering import Claim, gather, gathering
from plans.selectors.watermarks import Known
from plans.spells import spell_of, tax_place
from usage.selectors import Span, day_spans, quantities

if TYPE_CHECKING:
    from invoices.models import Invoice


DAY = timedelta(days=1)

Days = dict[int, list[tuple[date, Decimal]]]  # by feature id: what was used on each UTC day, oldest first


@dataclass(frozen=True, slots=True)
class UpcomingInvoice:
    """What will be billed on `billing_on` (None: a plan that never bills).

    Once calculated (`draft` is the announced invoice) everything is in `owed` and final, and usage since then is
    in `next_counting`, for the billing date after. Before, `owed` has the fees and `counting` the usage so far.
    What credit alone pays stands on no invoice: of it `direct` has the fees.
    Amounts in minor units of `currency`; `totals` is the total so far with tax by `rule`, after `credits`, by grant in
    `credit_rows`, less what goes back to credit. `credit` is what kept credit notes will take off that total.
    `late` is usage of windows billed before: part of what counts, except after the last paid plan. Then nothing else
    counts, and it is billed on `late_billing_on` at the earliest, once it has come to the minimum.
    """

    subscription: Subscription
    currency: str
    billing_on: date | None
    calculate_at: datetime | None
    period: Period
    window: Window
    draft: "Invoice | None"
    owed: tuple[LineDraft, ...]
    counting: tuple[LineDraft, ...]
    direct: tuple[LineDraft, ...]
    next_counting: tuple[LineDraft, ...]
    rule: TaxRule
    totals: Totals
    as_of: datetime
    credit: int = 0
    late: tuple[LineDraft, ...] = ()
    late_billing_on: date | None = None
    credits: int = 0
    credit_rows: tuple[tuple[str, int], ...] = ()

    @property
    def has_document(self) -> bool:
        """Whether an invoice comes: a credits-only plan has none, unless something of a plan before is billed."""
        if not self.subscription.plan.terms().is_credit_only:
            return self.billing_on is not None
        return bool(self.draft or self.owed or self.counting)

    @property
    def bills_usage(self) -> bool:
        """Whether invoices are the plan's own: a follow-up of the plan before may come on any plan."""
        terms = self.subscription.plan.terms()
        return terms.is_priced and not terms.is_credit_only

    @property
    def amount_due(self) -> int:
        """What will be collected: the total so far less the credit."""
        return max(self.totals.total - self.credit, 0)

    @property
    def credits_returned(self) -> int:
        """What the invoice gives back to credit."""
        return sum(paid for _name, paid in self.credit_rows) - self.credits

    @property
    def taken_off(self) -> int:
        """The credit as a row of the sum."""
        return -self.credit

    @property
    def late_subtotal(self) -> int:
        return sum(line.amount for line in self.late)

    @property
    def owed_subtotal(self) -> int:
        return sum(line.amount for line in self.owed)

    @property
    def counting_subtotal(self) -> int:
        return sum(line.amount for line in self.counting)

    @property
    def billed_window(self) -> Window | None:
        """Whose usage is on the invoice; once that is calculated, `window` is the one after. None: only what was
        charged by hand."""
        if not self.bills_usage:
            late = [line for line in (*self.owed, *self.counting) if line.kind == "usage"]
            return Window(min(line.starts_at for line in late), max(line.ends_at for line in late)) if late else None
        if self.draft is None:
            return self.window
        start, end = map(calculation_instant, (self.period.start, self.draft.billing_on))
        return Window(max(start, self.subscription.starts_at) if self.subscription.starts_at < end else start, end)

    @property
    def next_billing_on(self) -> date | None:
        """When what counts beside a calculated invoice is billed; None without one, and where no invoice comes."""
        own = self.subscription
        return own.next_billing_on if self.draft and not own.plan.terms().is_credit_only else None

    @property
    def next_subtotal(self) -> int:
        return sum(line.amount for line in self.next_counting)

    @property
    def key_dates(self) -> list[tuple[str, date]]:
        """(what happens, on which day), in order; empty for a plan that never bills."""
        if self.billing_on is None:
            return []
        calculated = utc_day(calculation_instant(self.billing_on))
        return [
            (_("Period starts"), self.period.start),
            (_("Charges calculated"), calculated),
            (pgettext("key date", "Billed"), self.billing_on),
        ]


@dataclass(frozen=True, slots=True)
class Running:
    """The open spell and what the next calculation would see if it were at `as_of`: read once, shown in many ways.

    `days`: what was used on every UTC day, where somebody has asked for that (`running_days`). `used`: the answers to
    what was asked beside.
    """

    subscription: Subscription
    facts: SpellFacts
    as_of: datetime
    days: Days | None = None
    used: Mapping[Span, Decimal] = field(default_factory=dict)


def open_subscription(customer: Customer) -> Subscription:
    """The customer's open spell (loaded `as_shown`). Raises NoSubscriptionError."""
    subscription = current_subscription(customer.pk)
    if subscription is None:
        raise NoSubscriptionError(f"customer {customer.pk} has no open subscription")
    return subscription


def running(customer: Customer, at: datetime, subscription: Subscription | None = None) -> Running:
    """The facts behind `upcoming_invoice` and `usage_to_date`. `subscription`: the open one, where somebody has read
    it. Raises NoSubscriptionError."""
    subscription = subscription or open_subscription(customer)
    return Running(subscription, _running_facts(subscription, at), at)


def running_days(
    subscription: Subscription, at: datetime, beside: Sequence[Span] = (), *, known: Known | None = None
) -> Running:
    """The same with every UTC day since the window began and of the four weeks before `at`, where the plan has prices,
    and with the spans `beside`, all in one question. `known`: when the customer was looked at, as `gathering` says."""
    spans = _days(subscription, at) if subscription.plan.terms().is_priced else None
    found = gathering([_running_claim(subscription, at)], seen_until=at, known=known)
    used = quantities([*(spans or {}).values(), *found.spans, *beside])
    [facts] = found.facts(used)
    if spans is None:
        return Running(subscription, facts, at, used=used)
    days: Days = {feature: [] for feature in subscription.plan.terms().feature_ids}
    for (feature, on), span in spans.items():
        days[feature].append((on, used[span]))
    return Running(subscription, facts, at, days, used)


def _days(subscription: Subscription, at: datetime) -> dict[tuple[int, date], Span]:
    window = running_window(subscription, at)
    first = min(window.start, max(subscription.starts_at, midnight(utc_day(at) - PATTERN_DAYS * DAY)))
    return day_spans(subscription.customer_id, subscription.plan.terms().feature_ids, Window(min(first, at), at))


def upcoming_invoice(
    now: Running, documents: Unsettled | None = None, *, credit: Credit | None = None
) -> UpcomingInvoice:
    """The next invoice as far as it is known. `documents`, `credit`: the customer's, where somebody has read them."""
    subscription, facts, at = now.subscription, now.facts, now.as_of
    documents = documents or unsettled(subscription.customer_id)
    draft = _waiting_draft(subscription, documents.drafts)
    lines = compose_charges(facts) if facts.terms.is_priced else ()
    billed = tuple(line for line in lines if line.settlement != "credit_only")
    owed = _stored(draft) if draft else (*_kind(billed, "fee"), *_pending(subscription))
    counting = () if draft else _kind(billed, "usage")
    is_taxed = (not draft and bool(owed or counting)) or (facts.terms.is_priced and not facts.terms.is_credit_only)
    rule = tax_rule_at(*tax_place(subscription)) if is_taxed else NO_TAX
    known = _announced(draft) if draft else previewed(subscription, [(*owed, *counting)], rule, at, credit)[0]
    return UpcomingInvoice(
        subscription=subscription,
        currency=subscription.plan.currency,
        billing_on=draft.billing_on if draft else subscription.next_billing_on,
        calculate_at=draft.calculated_at if draft else subscription.calculate_at,
        period=Period(draft.period_start, draft.period_end) if draft else _running_period(subscription, at),
        window=facts.usage[0].planned,
        draft=draft,
        owed=tuple(map(worded, owed)),
        counting=tuple(map(worded, counting)),
        direct=tuple(worded(line) for line in _kind(lines, "fee") if line.settlement == "credit_only"),
        next_counting=tuple(map(worded, _kind(lines, "usage"))) if draft else (),
        rule=rule,
        totals=known.totals,
        credits=known.credits,
        credit_rows=tuple((grant_name(row.name), row.amount) for row in known.rows),
        as_of=at,
        credit=kept_for(subscription.customer_id, documents.notes, subscription.plan.currency, known.totals.total),
        late=tuple(map(worded, late_lines(facts.late, facts.standing))),
        late_billing_on=_follow_up_date(subscription) if facts.late and not facts.terms.is_priced else None,
    )


def _pending(subscription: Subscription) -> tuple[LineDraft, ...]:
    """Lines that wait for the next document, where one comes."""
    if not (subscription.has_pending_lines and subscription.plan.terms().is_priced):
        return ()
    return pending_lines(subscription.customer_id, subscription.plan.currency)


def _follow_up_date(current: Subscription) -> date | None:
    """The billing date of the next follow-up invoice after the last paid plan."""
    anchor_on, at = current.followed_anchor, current.followed_at
    return next_billing_date(anchor_on, utc_day(at)) if anchor_on and at else None


def _waiting_draft(subscription: Subscription, waiting: "Sequence[Invoice]") -> "Invoice | None":
    """The calculated invoice that is not issued yet; the first of several after an outage.

    On a plan without prices it can only be the follow-up of the plan before.
    """
    if subscription.plan.terms().is_priced:
        waiting = [draft for draft in waiting if draft.key.startswith(key_prefix(subscription))]
    return next(iter(waiting), None)


def _running_facts(subscription: Subscription, at: datetime) -> SpellFacts:
    """What the next calculation would see if it were now: its own slice, with usage before `at`."""
    [facts] = gather([_running_claim(subscription, at)], seen_until=at)
    return facts


def _running_claim(subscription: Subscription, at: datetime) -> Claim:
    if subscription.next_billing_on:
        return Claim(subscription, cycle.monthly_slice(spell_of(subscription)))
    window = running_window(subscription, at)
    return Claim(subscription, cycle.Slice(fees=(), windows=((window, window),)))


def running_window(subscription: Subscription, at: datetime) -> Window:
    """The usage window that included units count in: until the next calculation; a plan that never bills counts by
    months from the anchor."""
    if subscription.next_billing_on:
        [(window, _planned)] = cycle.monthly_slice(spell_of(subscription)).windows
        return window
    month = _running_period(subscription, at)
    return Window(max(midnight(month.start), subscription.starts_at), midnight(month.end))


def _running_period(subscription: Subscription, at: datetime) -> Period:
    billing_on = subscription.next_billing_on
    anchor_on = subscription.anchor_on
    number = period_number(anchor_on, billing_on) - 1 if billing_on else period_number(anchor_on, utc_day(at))
    return billing_period(anchor_on, number)


def _kind(lines: Sequence[LineDraft], kind: str) -> tuple[LineDraft, ...]:
    return tuple(line for line in lines if line.kind == kind)


def _stored(draft: "Invoice") -> tuple[LineDraft, ...]:
    """The lines of a draft in the shape of lines that are not stored."""
    read_lines([draft])
    return tuple(line_draft(line) for line in draft.lines.all())


def _announced(draft: "Invoice") -> Paid:
    totals = Totals(subtotal=draft.subtotal, tax=draft.tax, total=draft.total)
    rows = tuple(CreditRow(row["name"], row.get("grant", ""), row["amount"]) for row in draft.credit_rows)
    return Paid(totals, draft.credits, rows)


def previewed(
    subscription: Subscription,
    documents: Sequence[Sequence[LineDraft]],
    rule: TaxRule,
    at: datetime,
    credit: Credit | None = None,
) -> list[Paid]:
    """Each as if it were drafted now: the same credit pays. No line of them is settled by credit alone."""
    return preview_documents(
        documents,
        customer_id=subscription.customer_id,
        currency=subscription.plan.currency,
        rule=rule,
        billing_on=subscription.next_billing_on or utc_day(at),
        at=at,
        credit=credit or Credit(subscription.customer_id, at),
    )
