"""Raw SQL, as the owner of the tables: what was booked stays as it was booked, and it balances."""

import pytest
from django.db import DatabaseError, connection, transaction

from credits.models import CreditGrant, LedgerAccount, LedgerTransaction
from credits.tests.cast import DAY, HOUR, correct, grant, use


def run(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.rowcount


def refused(sql, *values, table=""):
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        run(sql.replace("?", f"credits_{table}"), *values)
    return str(error.value)


@pytest.fixture
def booked(customer, at):
    """A grant, a charge with overdraft, a repayment and a correction."""
    first = grant(customer, 100, at)
    use(customer, 140, at + HOUR, key="c1", is_final=False)
    grant(customer, 100, at + 2 * HOUR)
    correct(customer, "c1", 10, at + 3 * HOUR)
    return first


LEDGER = ("ledgertransaction", "ledgerentry", "ledgeraccount", "creditcorrection")


@pytest.mark.parametrize("table", LEDGER)
def test_the_ledger_is_only_added_to(booked, table):
    assert "is refused" in refused("UPDATE ? SET id = id", table=table)
    assert "is refused" in refused("DELETE FROM ?", table=table)
    assert "is refused" in refused("DELETE FROM ? WHERE false", table=table)


@pytest.mark.parametrize("table", [*LEDGER, "creditgrant", "creditcharge", "creditallocation"])
def test_no_table_is_ever_emptied(booked, table):
    assert "TRUNCATE" in refused("TRUNCATE ? CASCADE", table=table)


@pytest.mark.parametrize("table", ["creditgrant", "creditcharge", "creditallocation"])
def test_what_the_ledger_names_is_never_deleted(booked, table):
    assert "never deleted" in refused("DELETE FROM ?", table=table)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("creditgrant", "amount = amount + 1, pending = pending + 1"),
        ("creditgrant", "currency = 'EUR'"),
        ("creditgrant", "expires_at = now()"),
        ("creditgrant", "expires_at = NULL, effective_at = now()"),
        ("creditgrant", "features = '{api}'"),
        ("creditgrant", "key = key || '!'"),
        ("creditgrant", "reason = 'another'"),
        ("creditgrant", "metadata = '{\"a\": 1}'"),
        ("creditcharge", "amount = amount + 1"),
        ("creditcharge", "\"group\" = 'another'"),
        ("creditcharge", "details = '{\"a\": 1}'"),
        ("creditcharge", "booked_at = now()"),
        ("creditallocation", "amount = amount + 1"),
        ("creditallocation", "is_repayment = NOT is_repayment"),
    ],
)
def test_facts_never_change(booked, table, change):
    assert "never changes" in refused(f"UPDATE ? SET {change}", table=table)  # noqa: S608 – the cases above


def test_projections_do(booked):
    assert run("UPDATE credits_creditgrant SET available = available - 1, used = used + 1 WHERE available > 0") == 1
    assert run("UPDATE credits_creditcharge SET is_final = true") == 1
    assert "never changes" in refused("UPDATE credits_creditcharge SET is_final = false")


def test_the_one_who_granted_may_be_forgotten_but_not_replaced(customer, staff, alice, at):
    made = grant(customer, 100, at, actor=staff)
    assert "never changes" in refused("UPDATE credits_creditgrant SET created_by_id = %s", alice.pk)
    CreditGrant.objects.filter(pk=made.pk).update(created_by=None)


TRANSACTION = """
INSERT INTO credits_ledgertransaction (key, customer_id, sequence, kind, currency, amount, feature_key, description,
    booked_at, created_at, entry_count, previous_hash, hash)
SELECT 'forged', customer_id, 99, 'funded', currency, 50, '', '', booked_at, created_at, %s, hash, hash
FROM credits_ledgertransaction WHERE id = (SELECT min(id) FROM credits_ledgertransaction) RETURNING id
"""
ENTRIES = "INSERT INTO credits_ledgerentry (transaction_id, position, account_id, amount) VALUES {}"


def forge(*amounts, count=2, kinds=("funding", "customer_credit")):
    """A transaction of +50 with these entries, all at once."""
    with connection.cursor() as cursor:
        cursor.execute(TRANSACTION, [count])
        (number,) = cursor.fetchone()
    add(number, *amounts, kinds=kinds)
    return number


def add(number, *amounts, kinds=("funding", "customer_credit"), start=0, currency="USD"):
    own = LedgerAccount.objects.filter(currency=currency)
    accounts = dict(own.values_list("kind", "pk"))
    rows = [
        (number, position, accounts[kind], amount)
        for position, (kind, amount) in enumerate(zip(kinds, amounts, strict=False), start)
    ]
    if rows:
        places = ", ".join(["(%s, %s, %s, %s)"] * len(rows))
        run(ENTRIES.format(places), *(value for row in rows for value in row))


def test_what_balances_is_taken(booked):
    forge(-50, 50)
    run("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    ("amounts", "facts"),
    [
        ((-50, 49), {}),  # not zero
        ((-50,), {}),  # one side only
        ((-50, 50), {"count": 3}),  # fewer than it says
        ((-40, 40), {}),  # moves something else than it says
        ((-50, 50), {"kinds": ("funding", "earnings")}),  # moves nothing
    ],
)
def test_what_does_not_balance_is_refused(booked, amounts, facts):
    with pytest.raises(DatabaseError, match="do not balance"), transaction.atomic():
        forge(*amounts, **facts)


def test_a_transaction_without_entries_is_refused_at_commit(booked):
    forge()
    assert "has no entries" in refused("SET CONSTRAINTS ALL IMMEDIATE")
    connection.set_rollback(True)  # the deferred check would fail the test's own end as well


def test_nor_does_a_savepoint_let_it_through(booked):
    """Balanced at first; then the entries are rolled back and the transaction stays."""
    number = forge()
    with transaction.atomic():
        add(number, -50, 50)
        transaction.set_rollback(True)
    assert "has no entries" in refused("SET CONSTRAINTS ALL IMMEDIATE")
    connection.set_rollback(True)


@pytest.mark.parametrize("start", [0, 2, 7])
def test_nothing_is_added_to_an_old_transaction_not_even_what_balances(booked, start):
    old = LedgerTransaction.objects.get(sequence=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        add(old.pk, -5, 5, start=start)


def test_the_sides_of_a_transaction_arrive_together(booked):
    number = forge()
    with pytest.raises(DatabaseError, match="do not balance"), transaction.atomic():
        add(number, -50)
    connection.set_rollback(True)


def test_another_currency_is_refused(customer, booked, at):
    grant(customer, 5, at + DAY, currency="EUR")
    with pytest.raises(DatabaseError, match="do not balance"), transaction.atomic():
        add(forge(), -50, 50, currency="EUR")


def test_another_customers_account_is_refused(customer, other_customer, booked, at):
    grant(other_customer, 5, at)
    strangers = LedgerAccount.objects.get(customer=other_customer, kind="customer_credit")
    funding = LedgerAccount.objects.get(customer=None, kind="funding")
    number = forge()
    message = refused(ENTRIES.format("(%s, 0, %s, -50), (%s, 1, %s, 50)"), number, funding.pk, number, strangers.pk)
    assert "do not balance" in message
    connection.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_an_unbalanced_commit_is_refused(customer, at):
    grant(customer, 100, at)
    with pytest.raises(DatabaseError, match="has no entries"), transaction.atomic():
        forge()
    assert LedgerTransaction.objects.filter(key="forged").count() == 0
