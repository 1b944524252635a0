"""Credits: draw-downs beside the same rows as set-based SQL, and reads beside one bare indexed read."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import connection

from billing_portal.benchmarks.measure import Measurement, seconds
from credits import selectors
from credits.charges import ChargeDraft
from credits.grants import GrantDraft
from credits.models import LedgerEntry
from credits.services.draw_down_credits import draw_down_credits
from credits.services.grant_credits import grant_credits

START = datetime(2026, 3, 1, tzinfo=UTC)
BATCH = 500
READS = 2_000

CUSTOMERS = """
INSERT INTO accounts_customer (key, name, currency, payment_policy, parked_reason, gateway_customer, created_at)
SELECT %s || '-' || n, 'Bench', '', 'optional', '', '', %s FROM generate_series(1, %s) n RETURNING id
"""
# The rows of one draw-down from one grant: the charge, its allocation, a transaction with a hash, two entries, and the
# projections that it moves. Nothing is decided here: the sums are known beforehand.
FLOOR_TABLES = """
CREATE TABLE floor_charge (LIKE credits_creditcharge INCLUDING ALL);
CREATE TABLE floor_allocation (LIKE credits_creditallocation INCLUDING ALL);
CREATE TABLE floor_transaction (LIKE credits_ledgertransaction INCLUDING ALL);
CREATE TABLE floor_entry (LIKE credits_ledgerentry INCLUDING ALL);
CREATE TABLE floor_grant (LIKE credits_creditgrant INCLUDING ALL);
CREATE TABLE floor_balance (LIKE credits_creditbalance INCLUDING ALL);
INSERT INTO floor_grant SELECT * FROM credits_creditgrant;
INSERT INTO floor_balance SELECT * FROM credits_creditbalance;
ANALYZE floor_grant
"""
FLOOR = """
WITH grants AS (
    UPDATE floor_grant SET available = available - 100, used = used + 100 RETURNING id, customer_id, public_id
), balances AS (
    UPDATE floor_balance SET settled = settled - 100
), charges AS (
    INSERT INTO floor_charge (key, "group", customer_id, currency, feature_key, title, line_key, details, amount,
                              covered, overdraft, returned, is_final, booked_at, created_at)
    SELECT 'bench:' || customer_id, 'bench:' || customer_id, customer_id, 'USD', '', 'Usage', '', '{}', 100, 100, 0, 0,
           true, %(at)s, %(at)s
    FROM grants RETURNING id, customer_id, key
), allocations AS (
    INSERT INTO floor_allocation (charge_id, grant_id, position, amount, returned, is_repayment)
    SELECT c.id, g.id, 1, 100, 0, false FROM charges c JOIN grants g USING (customer_id)
), transactions AS (
    INSERT INTO floor_transaction (key, customer_id, sequence, kind, currency, amount, grant_id, charge_id,
                                   feature_key, description, booked_at, created_at, entry_count, previous_hash, hash)
    SELECT c.key, c.customer_id, 2, 'consumed', 'USD', -100, g.id, c.id, '', 'Usage', %(at)s, %(at)s, 2,
           repeat('0', 64), encode(sha256((c.key || g.public_id)::bytea), 'hex')
    FROM charges c JOIN grants g USING (customer_id)
    RETURNING id, grant_id, charge_id
)
INSERT INTO floor_entry (transaction_id, position, account_id, amount, grant_id, charge_id)
SELECT t.id, side, %(account)s, CASE side WHEN 1 THEN -100 ELSE 100 END, t.grant_id, t.charge_id
FROM transactions t, generate_series(1, 2) side
"""
BARE = "SELECT id, settled, overdraft FROM credits_creditbalance WHERE customer_id = %s AND currency = 'USD'"


def measure_draw_downs(*, customers: int) -> Measurement:
    """Charges per second through `draw_down_credits`, one a customer, each paid by one grant."""
    ids = _customers("drawing", customers)
    for customer_id in ids:
        grant_credits(grant=_grant(customer_id, 10_000), at=START, actor=None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(FLOOR_TABLES)
        account = LedgerEntry.objects.values_list("account_id", flat=True)[0]
        floor = seconds(lambda: cursor.execute(FLOOR, {"at": START, "account": account}))
    took = sum(seconds(partial(_draw, batch)) for batch in _batches(ids))
    note = f"batches of {BATCH}"
    return Measurement("draw-downs", "charges/s", customers / took, customers / floor, "same rows by SQL", note)


def measure_balances(*, entries: int) -> list[Measurement]:
    """Balances per second with `entries` ledger entries, a tenth of them one customer's, against one bare read."""
    quiet, busy = _customers("reading", 2)
    for customer_id in (quiet, busy):
        grant_credits(grant=_grant(customer_id, 100_000_000), at=START, actor=None)
    _fill(busy, entries)
    return [
        _reads("balance", quiet, lambda: selectors.balance(quiet, "USD", START), "few entries"),
        _reads("balance", busy, lambda: selectors.balance(busy, "USD", START), f"{entries:,} entries"),
    ]


def _reads(name: str, customer_id: int, read: Callable[[], object], note: str) -> Measurement:
    with connection.cursor() as cursor:

        def bare() -> None:
            cursor.execute(BARE, [customer_id])
            cursor.fetchone()

        floor = seconds(lambda: _repeat(bare))
        took = seconds(lambda: _repeat(read))
    return Measurement(name, "reads/s", READS / took, READS / floor, "one bare indexed read", note)


def _repeat(work: Callable[[], object]) -> None:
    for _ in range(READS):
        work()


def _customers(name: str, count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(CUSTOMERS, [name, START, count])
        return [row[0] for row in cursor.fetchall()]


def _grant(customer_id: int, amount: int) -> GrantDraft:
    return GrantDraft(
        key=f"bench:{customer_id}", customer_id=customer_id, currency="USD", amount=amount, funding="promotional",
        name="Bench", unit_cost=Decimal(1),
    )  # fmt: skip


def _batches(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


def _draw(ids: list[int]) -> None:
    charges = [_charge(customer_id, f"bench:{customer_id}", START + timedelta(hours=1)) for customer_id in ids]
    drawn = draw_down_credits(charges=charges, at=START + timedelta(hours=2))
    if any(allocation.covered != allocation.amount for allocation in drawn.values()):
        raise RuntimeError("a charge was not covered")


def _charge(customer_id: int, key: str, at: datetime) -> ChargeDraft:
    return ChargeDraft(
        key=key, group=key, customer_id=customer_id, currency="USD", feature_key="", amount=100, booked_at=at,
        may_overdraw=True, is_final=True, title="Usage",
    )  # fmt: skip


def _fill(customer_id: int, entries: int) -> None:
    """A long history, through the verb itself: two entries a charge."""
    for start in range(0, entries // 2, BATCH):
        at = START + timedelta(hours=1, seconds=start)
        charges = [_charge(customer_id, f"bench:{customer_id}:{number}", at) for number in range(start, start + BATCH)]
        draw_down_credits(charges=charges, at=at)
