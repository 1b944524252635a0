"""Customers with credit and a long past, for the measurements of credits: everything as the verbs write it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.db import connection, transaction

from accounts.services.lock_customers import lock_customers
from core.bulk import copy_rows
from credits.charges import ChargeDraft
from credits.ledger import write
from credits.models import CreditGrant, Funding
from credits.services.draw_down_credits import draw_down_credits
from credits.storage import Purses

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
AMOUNT = 100  # of every charge, minor units
FEATURE = "ai-tokens"
BATCH = 5_000
FAR_AHEAD = 10_000  # hours within which the whole past happens

CUSTOMERS = """
INSERT INTO accounts_customer (key, name, currency, payment_policy, parked_reason, gateway_customer, created_at)
SELECT %s::text || '-' || n, 'Bench', '', 'optional', '', '', %s FROM generate_series(1, %s) n RETURNING id
"""


def new_customers(name: str, count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(CUSTOMERS, [name, START, count])
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def fund(customer_ids: Sequence[int], amount: int) -> None:
    """A promotional grant for each, booked like `grant_credits`, all at once."""
    customers = lock_customers(customer_ids)
    grants = [
        CreditGrant(
            key=f"bench:{customer_id}", customer_id=customer_id, currency="USD", amount=amount, pending=amount,
            funding=Funding.PROMOTIONAL, name="Bench", effective_at=START, created_at=START,
        )
        for customer_id in customer_ids
    ]  # fmt: skip
    copy_rows(grants)
    purses = Purses().load_open(customer_ids, until=START, repaying=True)
    for purse in purses:
        for grant in list(purse.grants.values()):
            purse.fund(grant, START)
    write(purses, customers, START)


def charge(customer_id: int, number: int, feature_key: str = "") -> ChargeDraft:
    """The charge of an hour; later numbers are later hours."""
    key = f"bench:{customer_id}:{number}"
    return ChargeDraft(
        key=key, group=key, customer_id=customer_id, currency="USD", feature_key=feature_key, amount=AMOUNT,
        booked_at=START + HOUR * (1 + number % FAR_AHEAD), may_overdraw=True, is_final=True, title="Usage",
    )  # fmt: skip


def write_past(customer_ids: Sequence[int], *, entries: int) -> None:
    """So many ledger entries, two a charge, spread evenly."""
    each = -(-entries // 2 // len(customer_ids))
    charges = (charge(owner, number, FEATURE) for number in range(each) for owner in customer_ids)
    at = START + HOUR * (FAR_AHEAD + 1)
    for batch in batches(charges):
        draw_down_credits(charges=batch, at=at)


def batches(charges: Iterator[ChargeDraft], size: int = BATCH) -> Iterator[list[ChargeDraft]]:
    while batch := list(islice(charges, size)):
        yield batch
