"""Grants that staff are still writing, and what granting one would do: the real verb, rolled back."""

from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Customer, User
from accounts.services.lock_customers import lock_customers
from core.seen import fingerprint
from credits import selectors
from credits.exceptions import ProposalMovedError
from credits.grants import GrantDraft
from credits.models import CreditGrant, Funding
from credits.models_proposals import GrantProposal
from credits.services.grant_credits import grant_credits
from credits.services.pay_grant import pay_grant


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a grant does, minor units: the settled balance before and after, overdraft it repays, its place among the
    grants in draw-down order (1 is drawn first) and how many those are."""

    before: int
    after: int
    repaid: int
    position: int
    grants: int


def save_proposal(
    *, customer: Customer, values: dict[str, Any], at: datetime, actor: User | None, proposal: GrantProposal | None
) -> GrantProposal:
    """Keep what was filled in; nothing is granted."""
    if proposal is None:
        return GrantProposal.objects.create(
            customer=customer, values=values, created_by=actor, created_at=at, updated_at=at
        )
    proposal.values, proposal.updated_at = values, at
    proposal.save(update_fields=["values", "updated_at"])
    return proposal


def find_proposal(customer: Customer, public_id: str) -> GrantProposal | None:
    return GrantProposal.objects.select_related("granted").filter(customer=customer, public_id=public_id).first()


def latest_proposal(customer: Customer, actor: User | None) -> GrantProposal | None:
    """What this person began for this customer and did not finish."""
    rows = GrantProposal.objects.filter(customer=customer, created_by=actor, granted__isnull=True)
    return rows.order_by("-updated_at").first()


def proposal_key(proposal: GrantProposal) -> str:
    """The idempotency key of its grant."""
    return f"proposal:{proposal.public_id}"


def figures(proposal: GrantProposal, outcome: Outcome) -> str:
    """What the summary shows of a proposal, in short."""
    return fingerprint(proposal.values, astuple(outcome))


@transaction.atomic
def accept_proposal(
    *, proposal: GrantProposal, grant: GrantDraft, is_paid: bool, seen: str, at: datetime, actor: User | None
) -> CreditGrant:
    """Grant it. A second click, or another tab, gives the same grant. Raises as `check_proposal`."""
    check_proposal(proposal=proposal, grant=grant, is_paid=is_paid, seen=seen, at=at)
    made = _grant(grant, is_paid, at, actor)
    close_proposal(proposal=proposal, granted_id=made.pk)
    return made


def check_proposal(*, proposal: GrantProposal, grant: GrantDraft, is_paid: bool, seen: str, at: datetime) -> None:
    """Hold it until the transaction ends. Raises ProposalMovedError where its `figures` are not those that were seen;
    never once it is granted: its key gives the same grant again."""
    lock_customers([proposal.customer_id])
    row = GrantProposal.objects.select_for_update().get(pk=proposal.pk)
    if row.granted_id:
        return
    now = figures(row, preview_grant(grant=grant, is_paid=is_paid, at=at))
    if now != seen or row.values != proposal.values:
        raise ProposalMovedError(f"{proposal.public_id}: {now}, seen {seen}")


def close_proposal(*, proposal: GrantProposal, granted_id: int) -> None:
    """It was granted, by whichever verb."""
    GrantProposal.objects.filter(pk=proposal.pk).update(granted=granted_id)


def preview_grant(*, grant: GrantDraft, is_paid: bool, at: datetime) -> Outcome:
    """What accepting it now would do; nothing of it stays."""
    before = selectors.balance(grant.customer_id, grant.currency, at).settled
    with transaction.atomic():
        made = _grant(grant, is_paid, at, None)
        after = selectors.balance(grant.customer_id, grant.currency, at).settled
        rows = [row for row in selectors.grants(grant.customer_id, at) if row.status in ("active", "pending")]
        transaction.set_rollback(True)
    same = [row.grant.pk for row in rows if row.grant.currency == grant.currency]
    position = same.index(made.pk) + 1 if made.pk in same else 0
    return Outcome(before, after, made.repaid, position, len(same))


def _grant(grant: GrantDraft, is_paid: bool, at: datetime, actor: User | None) -> CreditGrant:
    made = grant_credits(grant=grant, at=at, actor=actor)
    if is_paid and grant.funding == Funding.EXTERNAL:
        made = pay_grant(grant_id=made.pk, at=at, actor=actor, reference=grant.reason)
    return made
