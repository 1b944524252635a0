"""Credit that was sold goes with its price."""

import pytest

from accounts.models import AuditEntry
from credits import books
from credits.exceptions import NotVoidableError, TakeBackError
from credits.selectors import balance, grants
from credits.services.pay_grant import pay_grant
from credits.services.take_back_credits import take_back_credits
from credits.services.void_grant import void_grant
from credits.tests.cast import DAY, HOUR, correct, entries, grant, history, standing, use

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_hold(db):
    yield
    assert list(books.check()) == []


def sold(customer, at, amount=100, *, paid=True, **facts):
    made = grant(customer, amount, at, funding="invoiced", unit_cost=1, **facts)
    return pay_grant(grant_id=made.pk, at=at, actor=None) if paid else made


def taken(made, total, at, **facts):
    return take_back_credits(grant_id=made.pk, total=total, at=at, **facts)


def test_it_takes_back_what_is_unused_once(customer, staff, at):
    made = sold(customer, at)
    use(customer, 30, at + HOUR)
    for _ in range(2):
        row = taken(made, 50, at + 2 * HOUR, actor=staff, reason="Refunded")
        assert (row.available, row.used, row.taken_back, row.settled_at) == (20, 30, 50, None)
    assert history(customer) == [("funded", 100), ("consumed", -30), ("voided", -50)]
    assert entries(f"grant:{made.public_id}:taken-back:50") == [("customer_credit", -50), ("funding", 50)]
    assert standing(customer) == (20, 0)
    [entry] = AuditEntry.objects.filter(action="take_back_credits")
    assert (entry.actor, entry.reason, entry.after) == (staff, "Refunded", {"taken_back": 50, "currency": "USD"})


def test_no_more_is_taken_back_than_is_unused(customer, at):
    made = sold(customer, at)
    use(customer, 30, at + HOUR)
    with pytest.raises(TakeBackError) as refused:
        taken(made, 71, at + 2 * HOUR)
    assert refused.value.message.startswith("Only $0.70 of these credits is unused")
    assert standing(customer) == (70, 0)


def test_what_repaid_overdraft_is_used(customer, at):
    use(customer, 40, at)
    made = sold(customer, at + HOUR)
    with pytest.raises(TakeBackError):
        taken(made, 61, at + 2 * HOUR)
    taken(made, 60, at + 2 * HOUR)
    assert standing(customer) == (0, 0)


def test_what_is_never_paid_is_never_there(customer, at):
    made = sold(customer, at, paid=False)
    row = taken(made, 100, at + HOUR)
    assert (row.pending, row.taken_back, row.settled_at) == (0, 100, at + HOUR)
    assert history(customer) == []
    assert [each.status for each in grants(customer.pk, at + HOUR)] == ["voided"]
    assert (
        pay_grant(grant_id=made.pk, at=at + DAY, actor=None).paid_at is None
    )  # a payment that comes late finds nothing
    assert balance(customer.pk, "USD", at + DAY).available == 0


def test_a_part_that_is_never_paid_lowers_what_becomes_available(customer, at):
    made = sold(customer, at, paid=False)
    taken(made, 40, at + HOUR)
    pay_grant(grant_id=made.pk, at=at + DAY, actor=None)
    assert history(customer) == [("funded", 60)]


def test_what_is_used_and_given_back_after_a_refund_stays_the_customers(customer, at):
    made = sold(customer, at)
    use(customer, 30, at + HOUR, key="c")
    taken(made, 70, at + 2 * HOUR)
    correct(customer, "c", 10, at + 3 * HOUR)
    assert standing(customer) == (10, 0)
    assert [each.status for each in grants(customer.pk, at + 3 * HOUR)] == ["active"]


def test_what_is_left_after_a_part_was_taken_back_can_be_voided(customer, staff, at):
    made = sold(customer, at)
    taken(made, 70, at + HOUR)
    assert void_grant(grant_id=made.pk, at=at + HOUR, actor=staff, reason="Fraud").voided == 30
    with pytest.raises(TakeBackError):
        taken(made, 71, at + 2 * HOUR)


def test_nothing_of_a_grant_that_is_taken_back_can_be_voided(customer, staff, at):
    made = sold(customer, at, paid=False)
    taken(made, 100, at)
    with pytest.raises(NotVoidableError):
        void_grant(grant_id=made.pk, at=at, actor=staff, reason="Fraud")
