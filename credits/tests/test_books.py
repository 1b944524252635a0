"""The books agree after everything that can be done, and name the row where somebody reached into them."""

import pytest
from django.db import connection

from credits import books
from credits.services.adjust_balance import adjust_balance
from credits.services.book_due_credits import book_due_credits
from credits.services.recognize_charges import recognize_charges
from credits.services.void_grant import void_grant
from credits.tests.cast import DAY, HOUR, correct, grant, use


@pytest.fixture
def busy(customer, staff, at):
    """Every kind of transaction, in two currencies."""
    grant(customer, 100, at, expires_at=at + DAY, features=("api",))
    second = grant(customer, 50, at, effective_at=at + 3 * HOUR)
    use(customer, 70, at + HOUR, key="c1", feature_key="api", is_final=False)
    use(customer, 40, at + 2 * HOUR, key="c2")
    use(customer, 40, at + 4 * HOUR, key="c3", feature_key="api", is_final=False)
    recognize_charges(keys=["c1"], at=at + 5 * HOUR)
    correct(customer, "c2", 35, at + 6 * HOUR)
    correct(customer, "c3", 5, at + 6 * HOUR)
    grant(customer, 30, at + 7 * HOUR, currency="EUR")
    use(customer, 45, at + 7 * HOUR, currency="EUR")
    adjust_balance(
        key="a", customer_id=customer.pk, currency="EUR", amount=5, reason="Sorry", at=at + 8 * HOUR, actor=staff
    )
    adjust_balance(
        key="b", customer_id=customer.pk, currency="USD", amount=-3, reason="Oops", at=at + 8 * HOUR, actor=staff
    )
    book_due_credits(customer_ids=[customer.pk], at=at + 2 * DAY)
    correct(customer, "c1", None, at + 3 * DAY)  # returned after its expiry: expires again
    void_grant(grant_id=second.pk, at=at + 4 * DAY, actor=staff, reason="Ended")
    return customer


def found():
    return {(finding.rule, finding.subject) for finding in books.check()}


def test_the_books_agree(busy):
    assert found() == set()


def test_corrections_name_what_they_correct(busy):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(corrects_id) FROM credits_ledgertransaction WHERE kind = 'correction'")
        assert cursor.fetchone() == (3, 3)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("UPDATE credits_ledgerentry SET amount = amount + 1 WHERE id = (SELECT min(id) FROM credits_ledgerentry)",
         "transaction sums to zero in one currency on its customer's accounts"),
        ("UPDATE credits_ledgertransaction SET amount = amount + 1 WHERE kind = 'funded' AND sequence = 1",
         "movement is what its entries move"),
        ("UPDATE credits_ledgertransaction SET description = 'another' WHERE sequence = 2", "chain is intact"),
        ("UPDATE credits_chainhead SET hash = repeat('a', 64)", "chain is intact"),
        ("UPDATE credits_creditbalance SET settled = settled + 1 WHERE currency = 'USD'",
         "balance is the sum of its movements"),
        ("UPDATE credits_creditbalance SET overdraft = overdraft + 1 WHERE currency = 'USD'",
         "balance is the sum of its movements"),
        ("UPDATE credits_creditdebt SET amount = amount + 1", "debt of a feature is the overdraft of its charges"),
        ("DELETE FROM credits_creditdebt WHERE amount > 0", "debt of a feature is the overdraft of its charges"),
        ("UPDATE credits_creditgrant SET available = available - 1, used = used + 1 WHERE available > 0",
         "grant is what the ledger says of it"),
        ("UPDATE credits_creditgrant SET expired = expired - 1, voided = voided + 1 WHERE expired > 0",
         "grant is what the ledger says of it"),
        ("UPDATE credits_creditcharge SET covered = covered - 1 WHERE covered > 0",
         "charge is what the ledger says of it"),
        ("UPDATE credits_creditcharge SET is_final = true WHERE key = 'c3'", "charge is what the ledger says of it"),
        ("UPDATE credits_creditallocation SET returned = returned + 1 WHERE returned < amount",
         "charge is what the ledger says of it"),
        ("UPDATE credits_creditgrant SET expires_at = effective_at + interval '1 second' WHERE features <> '{}'",
         "nothing is consumed before it is effective or after it expired"),
        ("UPDATE credits_creditgrant SET features = '{storage}' WHERE features <> '{}'",
         "credit pays only for its currency, its customer and its features"),
    ],
)  # fmt: skip
def test_whoever_reaches_into_them_is_found(busy, at, change, rule):
    grant(busy, 10, at + 5 * DAY)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # the throw-away server's superuser alone may
        cursor.execute(change)
        assert cursor.rowcount > 0
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert rule in {name for name, _ in found()}
