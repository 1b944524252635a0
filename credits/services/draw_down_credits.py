from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, User
from accounts.services.lock_customers import lock_customers
from core.bulk import copy_values
from credits.charges import Allocation, ChargeDraft, as_json
from credits.exceptions import ChargeError
from credits.ledger import write
from credits.models import CreditCharge, OpenCharge
from credits.storage import Purses, among

CHUNK = 2_000  # what is held in memory at a time
OPEN = (
    "key", "scope", "customer_id", "currency", "feature_key", "amount", "may_overdraw", "settles_at", "charge",
    "updated_at",
)  # fmt: skip


@transaction.atomic
def draw_down_credits(
    *, charges: Sequence[ChargeDraft], at: datetime, actor: User | None = None
) -> dict[str, Allocation]:
    """Pay charges with credit; by key what became of each. A key charged before gives what is recorded.

    What no credit covers becomes overdraft where the charge may overdraw, else it stays uncovered, and a charge of
    which nothing is covered leaves no row. One that is booked later than `at` waits as an open charge if it may
    overdraw; else the credit of `at` pays for it. Raises ChargeError.
    """
    customers = lock_customers({charge.customer_id for charge in charges})
    for charge in charges:
        if charge.amount <= 0:
            raise ChargeError(f"{charge.key}: {charge.amount}")
    in_order = sorted(charges, key=lambda charge: charge.booked_at)
    outcomes: dict[str, Allocation] = {}
    written = 0
    for start in range(0, len(in_order), CHUNK):
        some = {charge.key: charge for charge in in_order[start : start + CHUNK]}
        written += _draw(some, customers, at, outcomes)
    if written:
        owners = list(customers)
        record(
            at=at,
            actor=actor,
            customer_id=owners[0] if len(owners) == 1 else None,
            action="draw_down_credits",
            subject=f"charges:{len(outcomes)}",
            after={"transactions": written, "customers": len(owners)},
        )
    return outcomes


def _draw(
    drafts: dict[str, ChargeDraft], customers: dict[int, Customer], at: datetime, outcomes: dict[str, Allocation]
) -> int:
    purses = Purses()
    charges = purses.load_charges(CreditCharge.objects.filter(key__in=among(drafts.keys(), "text")))
    for known in charges:
        if known.customer_id != drafts[known.key].customer_id:
            raise ChargeError(f"{known.key} is another customer's")
    recorded = {charge.key for charge in charges}
    new = [draft for draft in drafts.values() if draft.key not in recorded]
    waiting = set(
        OpenCharge.objects.filter(key__in=among([draft.key for draft in new], "text")).values_list("key", flat=True)
    )
    later = [draft for draft in new if draft.booked_at > at and draft.may_overdraw]
    _wait([draft for draft in later if draft.key not in waiting], at)
    now = [draft for draft in new if not (draft.booked_at > at and draft.may_overdraw)]
    purses.load_open({draft.customer_id for draft in now}, until=at)
    for draft in now:
        due = draft if draft.booked_at <= at else replace(draft, booked_at=at)
        charge = purses.of(draft.customer_id, draft.currency).charge(due, at)
        if charge is not None:
            charges.append(charge)
    written = write(purses, customers, at)
    if settled := waiting.intersection(draft.key for draft in now):
        OpenCharge.objects.filter(key__in=settled).delete()
    outcomes |= {draft.key: Allocation(draft.key, draft.amount, 0, 0) for draft in new}
    outcomes |= {charge.key: charge.outcome() for charge in charges}
    return written


def _wait(drafts: Sequence[ChargeDraft], at: datetime) -> None:
    if drafts:
        copy_values(
            OpenCharge,
            OPEN,
            (
                (one.key, "", one.customer_id, one.currency, one.feature_key, one.amount, True, one.booked_at,
                 as_json(one), at)
                for one in drafts
            ),
        )  # fmt: skip
