"""Credits: draw-downs beside the same rows as set-based SQL, and reads beside one bare indexed read."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from django.db import connection

from billing_portal.benchmarks.credit_history import (
    FAR_AHEAD,
    FEATURE,
    HOUR,
    START,
    batches,
    charge,
    fund,
    new_customers,
    write_past,
)  # fmt: skip
from billing_portal.benchmarks.measure import Measurement, seconds
from credits.charges import ChargeDraft
from credits.models import LedgerEntry
from credits.selectors import balance
from credits.services.draw_down_credits import draw_down_credits
from plans.seed import demo_catalogue, prepaid_plan
from plans.selectors.access import access_of
from plans.services.open_contract import open_contract
from plans.services.open_default_subscription import open_default_subscription

BATCH = 500  # customers of one sweep
READS = 2_000
QUIET = 1_000  # customers among whom the rest of the entries is spread
OVERDRAWN = 5_000  # charges of the overdrawn customer
PLENTY = 1_000_000_000

# The rows of one draw-down from one grant: the charge, its allocation, a transaction with a hash, two entries, and the
# projections that it moves. Nothing is decided here: the sums are known beforehand.
FLOOR_TABLES = """
CREATE TABLE floor_charge (LIKE credits_creditcharge INCLUDING ALL);
CREATE TABLE floor_allocation (LIKE credits_creditallocation INCLUDING ALL);
CREATE TABLE floor_transaction (LIKE credits_ledgertransaction INCLUDING ALL);
CREATE TABLE floor_entry (LIKE credits_ledgerentry INCLUDING ALL);
CREATE TABLE floor_grant (LIKE credits_creditgrant INCLUDING ALL);
CREATE TABLE floor_balance (LIKE credits_creditbalance INCLUDING ALL);
CREATE TABLE floor_head (LIKE credits_chainhead INCLUDING ALL);
INSERT INTO floor_grant SELECT * FROM credits_creditgrant;
INSERT INTO floor_balance OVERRIDING SYSTEM VALUE SELECT * FROM credits_creditbalance;
INSERT INTO floor_head SELECT * FROM credits_chainhead;
ANALYZE
"""
FLOOR = """
WITH grants AS (
    UPDATE floor_grant SET available = available - 100, used = used + 100 RETURNING id, customer_id, public_id
), balances AS (
    UPDATE floor_balance SET settled = settled - 100
), heads AS (
    UPDATE floor_head SET sequence = sequence + 1, hash = encode(sha256(hash::bytea), 'hex')
    RETURNING customer_id, sequence, hash
), charges AS (
    INSERT INTO floor_charge (key, "group", customer_id, currency, feature_key, title, line_key, details, amount,
                              covered, overdraft, returned, is_final, booked_at, created_at)
    SELECT 'bench:' || customer_id || ':0', 'bench:' || customer_id || ':0', customer_id, 'USD', '', 'Usage', '', '{}',
           100, 100, 0, 0, true, %(at)s, %(at)s
    FROM grants RETURNING id, customer_id, key
), allocations AS (
    INSERT INTO floor_allocation (charge_id, grant_id, position, amount, returned, is_repayment)
    SELECT c.id, g.id, 1, 100, 0, false FROM charges c JOIN grants g USING (customer_id)
), transactions AS (
    INSERT INTO floor_transaction (key, customer_id, sequence, kind, currency, amount, grant_id, charge_id,
                                   feature_key, description, booked_at, created_at, entry_count, previous_hash, hash)
    SELECT c.key, c.customer_id, h.sequence, 'consumed', 'USD', -100, g.id, c.id, '', 'Usage', %(at)s, %(at)s, 2,
           repeat('0', 64), h.hash
    FROM charges c JOIN grants g USING (customer_id) JOIN heads h USING (customer_id)
    RETURNING id, grant_id, charge_id
)
INSERT INTO floor_entry (transaction_id, position, account_id, amount, grant_id, charge_id)
SELECT t.id, side, %(account)s, CASE side WHEN 1 THEN -100 ELSE 100 END, t.grant_id, t.charge_id
FROM transactions t, generate_series(1, 2) side
"""
BARE = "SELECT id, settled, overdraft FROM credits_creditbalance WHERE customer_id = %s AND currency = 'USD'"


def measure_draw_downs(*, customers: int) -> Measurement:
    """Charges per second through `draw_down_credits`, one a customer, each paid by one grant."""
    ids = new_customers("drawing", customers)
    fund(ids, 10_000)
    with connection.cursor() as cursor:
        cursor.execute(FLOOR_TABLES)
        account = LedgerEntry.objects.values_list("account_id", flat=True)[0]
        floor = seconds(lambda: cursor.execute(FLOOR, {"at": START + HOUR, "account": account}))
        written = cursor.rowcount
    before = LedgerEntry.objects.count()
    took = sum(seconds(partial(_draw, batch)) for batch in batches((charge(one, 0) for one in ids), BATCH))
    if LedgerEntry.objects.count() - before != written:
        raise RuntimeError("the draw-downs and their floor wrote different numbers of rows")
    note = f"batches of {BATCH}, {customers:,} customers"
    return Measurement("draw-downs", "charges/s", customers / took, customers / floor, "same rows by SQL", note)


def _draw(charges: Sequence[ChargeDraft]) -> None:
    drawn = draw_down_credits(charges=charges, at=START + 2 * HOUR)
    if any(allocation.covered != allocation.amount for allocation in drawn.values()):
        raise RuntimeError("a charge was not covered")


def measure_credit_reads(*, entries: int) -> Iterator[Measurement]:
    """Balances and access answers per second with `entries` ledger entries, a tenth of them one customer's."""
    busy, overdrawn, *quiet = new_customers("reading", QUIET + 2)
    _subscribe([busy, overdrawn, quiet[0]])
    fund([busy, *quiet], PLENTY)
    write_past([busy], entries=entries // 10)
    write_past([overdrawn], entries=2 * OVERDRAWN)
    write_past(quiet, entries=entries - entries // 10)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    counts = _counts([quiet[0], busy])
    notes = {
        quiet[0]: f"{counts[quiet[0]]:,} of {LedgerEntry.objects.count():,} entries",
        busy: f"{counts[busy]:,} entries of one customer",
        overdrawn: f"{OVERDRAWN:,} overdrawn charges",
    }
    at = START + HOUR * (FAR_AHEAD + 2)
    for customer_id, note in notes.items():
        yield _reads("balance", customer_id, partial(balance, customer_id, "USD", at), note)
    for customer_id, note in notes.items():
        yield _reads("access", customer_id, partial(access_of, customer_id, FEATURE, at), note)


def _subscribe(customer_ids: Sequence[int]) -> None:
    demo_catalogue(START)
    plan = prepaid_plan(START)
    for customer_id in customer_ids:
        open_default_subscription(customer_id=customer_id, at=START, actor=None)
        open_contract(customer_id=customer_id, plan=plan, at=START + timedelta(minutes=1), actor=None)


def _counts(customer_ids: Sequence[int]) -> dict[int, int]:
    own = LedgerEntry.objects.filter(transaction__customer_id__in=customer_ids)
    found = own.values_list("transaction__customer_id")
    return {one: found.filter(transaction__customer_id=one).count() for one in customer_ids}


def _reads(name: str, customer_id: int, read: Callable[[], object], note: str) -> Measurement:
    with connection.cursor() as cursor:

        def bare() -> None:
            cursor.execute(BARE, [customer_id])
            cursor.fetchone()

        floor = seconds(partial(_repeat, bare))
        took = seconds(partial(_repeat, read))
    return Measurement(name, "reads/s", READS / took, READS / floor, "one bare indexed read", note)


def _repeat(work: Callable[[], object]) -> None:
    for _ in range(READS):
        work()
