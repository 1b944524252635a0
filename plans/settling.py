"""Usage becomes charges to credit: what is settled, the watermarks that go with it, and what runs meanwhile."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from accounts.models import User
from credits.charges import OpenDraft
from credits.services.set_open_charges import set_open_charges
from invoices.services.settle_lines import settle_lines
from plans import cycle
from plans.keys import instants
from plans.models import RatedUsage, Subscription, UsageWatch
from plans.selectors.gathering import Claim, gather
from plans.selectors.settlement import Settled, SettlementClaim, Touched, floor_hour, settle_claims
from plans.spells import spell_of
from usage.selectors import hours_since

if TYPE_CHECKING:
    from invoices.lines import LineDraft

MARKED = ("window_ends_at", "number", "quantity", "amount", "rated_at")


def settle(claims: Sequence[SettlementClaim], touched: Touched, at: datetime, actor: User | None) -> list[Settled]:
    """Charge to credit what waits of these spells, with their watermarks. The customers are locked."""
    settled = settle_claims(claims, touched)
    charge(settled, at, actor)
    return settled


def close_windows(spells: Mapping[int, cycle.Spell], at: datetime, actor: User | None) -> None:
    """Close the running window of these credits-only subscriptions on its calculation instant."""
    rows = UsageWatch.objects.filter(subscription_id__in=list(spells)).order_by("subscription_id")
    loaded = Subscription.objects.with_terms().in_bulk(list(spells))
    claims = []
    for row in rows:
        row.subscription = loaded[row.subscription_id]
        [(window, _)] = cycle.monthly_slice(spells[row.subscription_id]).windows
        claims.append(
            SettlementClaim(
                row.subscription, row.settled_until, window.end, floor_hour(at), ((window, window),), closes=True
            )
        )
        row.settled_until = max(row.settled_until, window.end)
    settle(claims, hours_since(seen_since(rows)), at, actor)
    UsageWatch.objects.bulk_update(rows, ["settled_until"], batch_size=500)


def seen_since(rows: Iterable[UsageWatch]) -> dict[int, datetime | None]:
    """Since when usage is asked for, by customer; one with a clock of its own is asked for everything, because that
    clock says nothing about when usage reached us."""
    seen: dict[int, datetime | None] = {}
    for row in rows:
        since = None if row.subscription.customer.clock_at else row.seen_at
        before = seen.get(row.customer_id, since)
        seen[row.customer_id] = min(before, since) if before and since else None
    return seen


def charge(settled: Sequence[Settled], at: datetime, actor: User | None) -> None:
    """Charge what was composed, a customer's lines in the order of time, and note it."""
    lines: dict[tuple[int, str], list[tuple[datetime, LineDraft]]] = {}
    for one in settled:
        if one.window.lines:
            owner = one.subscription.customer_id, one.subscription.plan.currency
            lines.setdefault(owner, []).extend(_timed(one.window.lines))
    if lines:
        in_order = {
            owner: [line for _, line in sorted(each, key=lambda timed: timed[0])] for owner, each in lines.items()
        }
        settle_lines(lines=in_order, at=at, actor=actor)
    note(settled, at)


def _timed(lines: Sequence["LineDraft"]) -> Iterator[tuple[datetime, "LineDraft"]]:
    """Each line with its turn: its instant, but in a window that gives back never before the lines it is computed
    after – what is given back has to be charged first."""
    gives_back = any(line.amount < 0 for line in lines)
    turn = lines[0].ends_at
    for line in lines:
        turn = max(turn, line.ends_at) if gives_back else line.ends_at
        yield turn, line


def note(settled: Iterable[Settled], at: datetime) -> None:
    """Remember what of each window is charged: one row per window and price, moved in place. A window that closes has
    one even where nothing was used."""
    new: list[RatedUsage] = []
    moved: list[RatedUsage] = []
    for one in settled:
        facts, closes = one.window.facts, one.claim.closes
        if not (one.window.has_moved or (closes and not facts.is_closed)):
            continue
        mark = one.mark or RatedUsage(
            subscription=one.subscription,
            rate_card_id=facts.card.id,
            window_starts_at=facts.planned.start,
            planned_ends_at=facts.planned.end,
            invoice_key="",
        )
        (moved if one.mark else new).append(mark)
        standing = one.window.standing
        mark.window_ends_at, mark.rated_at = facts.cut.end, at
        mark.number, mark.quantity, mark.amount = standing.number, standing.quantity, standing.amount
    RatedUsage.objects.bulk_create(new)
    RatedUsage.objects.bulk_update(moved, MARKED, batch_size=500)


def scope(subscription_id: int) -> str:
    """What the keys of a spell's running charges begin with."""
    return f"usage:{subscription_id}:"


def show_running(settled: Sequence[Settled], watched: Sequence[Subscription], at: datetime) -> None:
    """Let credit know what is used and not charged yet: of windows just settled, and of plans that invoice the rest."""
    scopes = running_of(settled) | running_usage(watched)
    if scopes:
        set_open_charges(scopes=scopes, at=at)


def running_of(settled: Sequence[Settled]) -> dict[str, list[OpenDraft]]:
    """By scope what of these windows is used and not settled yet."""
    scopes: dict[str, list[OpenDraft]] = {}
    for one in settled:
        if one.window.facts.seen is not None:
            drafts = scopes.setdefault(scope(one.subscription.pk), [])
            if one.window.running:
                drafts.append(_running(one))
    return scopes


def _running(one: Settled) -> OpenDraft:
    spell, facts = one.subscription, one.window.facts
    return OpenDraft(
        key=f"{scope(spell.pk)}{facts.card.key}:{instants(facts.planned)}",
        customer_id=spell.customer_id,
        currency=spell.plan.currency,
        feature_key=facts.card.feature_key,
        amount=one.window.running,
        may_overdraw=True,
    )


def running_usage(spells: Sequence[Subscription]) -> dict[str, list[OpenDraft]]:
    """By scope what the usage of these spells comes to since their last calculation; credit pays what it can of it."""
    billed = [spell for spell in spells if spell.next_billing_on]
    found: dict[str, list[OpenDraft]] = {scope(spell.pk): [] for spell in spells}
    facts = gather([Claim(spell, cycle.monthly_slice(spell_of(spell))) for spell in billed])
    for spell, known in zip(billed, facts, strict=True):
        found[scope(spell.pk)] = [
            OpenDraft(
                key=f"{scope(spell.pk)}{rated.card.key}",
                customer_id=spell.customer_id,
                currency=spell.plan.currency,
                feature_key=rated.card.feature_key,
                amount=rated.difference,
                may_overdraw=False,
            )
            for rated in known.rated_usage
            if rated.difference > 0
        ]
    return found


def stop_running(subscription: Subscription, at: datetime) -> None:
    """A spell ends: nothing of it runs any more. Whether it is watched was read with it, under the customer's lock."""
    if hasattr(subscription, "watch"):
        set_open_charges(scopes={scope(subscription.pk): []}, at=at)


def watch(spells: Iterable[Subscription]) -> None:
    """Look at their usage each minute from now on; who is watched already stays so."""
    rows = [
        UsageWatch(subscription=spell, customer_id=spell.customer_id, settled_until=spell.window_starts_at)
        for spell in spells
    ]
    UsageWatch.objects.bulk_create(rows, ignore_conflicts=True)
