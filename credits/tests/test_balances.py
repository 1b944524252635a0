"""Settled, open, available, pending: at any instant, whoever slept."""

import pytest

from credits.charges import OpenDraft
from credits.selectors import balance, balances, grants, movements, settled_at
from credits.services.book_due_credits import book_due_credits
from credits.services.set_open_charges import set_open_charges
from credits.tests.cast import DAY, HOUR, correct, grant, history, use


def facts(customer, at, **asked):
    found = balance(customer.pk, "USD", at, **asked)
    return found.settled, found.open_charges, found.available, found.pending, found.overdraft


def open_charge(customer, amount, at, *, may_overdraw=True, feature_key=""):
    draft = OpenDraft(
        key="usage:1:now", customer_id=customer.pk, currency="USD", feature_key=feature_key, amount=amount,
        may_overdraw=may_overdraw,
    )  # fmt: skip
    set_open_charges(scopes={"usage:1:": [draft]}, at=at)


def test_who_never_had_credit_has_none(customer, at):
    assert facts(customer, at) == (0, 0, 0, 0, 0)
    assert balances(customer.pk, at) == []
    assert movements(customer.pk).rows == []


def test_open_charges_lower_what_is_available(customer, at):
    grant(customer, 100, at)
    open_charge(customer, 30, at)
    assert facts(customer, at) == (100, 30, 70, 0, 0)
    open_charge(customer, 130, at)
    assert facts(customer, at) == (100, 130, -30, 0, 0)


def test_what_an_invoice_would_take_does_not_go_below_zero(customer, at):
    grant(customer, 100, at)
    open_charge(customer, 130, at, may_overdraw=False)
    assert facts(customer, at) == (100, 100, 0, 0, 0)


def test_open_charges_without_any_grant_show(customer, at):
    open_charge(customer, 30, at)
    assert [(one.currency, one.available) for one in balances(customer.pk, at)] == [("USD", -30)]


def test_a_reading_is_exact_while_the_worker_sleeps(customer, at):
    grant(customer, 100, at, expires_at=at + 2 * DAY)
    grant(customer, 50, at, effective_at=at + DAY)
    readings = [(at, (100, 50)), (at + DAY, (150, 0)), (at + 2 * DAY, (50, 0))]
    before = [facts(customer, when) for when, _ in readings]
    assert [(settled, pending) for settled, _, _, pending, _ in before] == [expected for _, expected in readings]
    assert [settled_at(customer.pk, "USD", when) for when, _ in readings] == [100, 150, 50]
    assert book_due_credits(customer_ids=[customer.pk], at=at + 3 * DAY) == 2
    assert [settled_at(customer.pk, "USD", when) for when, _ in readings] == [100, 150, 50]
    assert facts(customer, at + 3 * DAY) == (50, 0, 50, 0, 0)
    assert history(customer) == [("funded", 100), ("funded", 50), ("expired", -100)]


def test_a_release_that_is_due_repays_overdraft_in_the_reading(customer, at):
    grant(customer, 100, at, effective_at=at + DAY)
    use(customer, 40, at)
    assert facts(customer, at + HOUR) == (-40, 0, -40, 100, 40)
    assert facts(customer, at + DAY) == (60, 0, 60, 0, 0)
    assert grants(customer.pk, at + DAY)[0].status == "active"


def test_credit_of_a_feature_counts_for_it_alone(customer, at):
    grant(customer, 100, at, features=("api",))
    grant(customer, 10, at)
    assert facts(customer, at, feature_key="api")[2] == 110
    assert facts(customer, at, feature_key="storage")[2] == 10
    assert facts(customer, at)[2] == 110


def test_the_next_expiry_and_how_much(customer, at):
    for _ in range(2):
        grant(customer, 100, at, expires_at=at + DAY)
    grant(customer, 100, at, expires_at=at + 2 * DAY)
    expiry = balance(customer.pk, "USD", at).next_expiry
    assert (expiry.at, expiry.amount) == (at + DAY, 200)
    open_charge(customer, 30, at)
    expiry = balance(customer.pk, "USD", at).next_expiry
    assert (expiry.at, expiry.amount) == (at + DAY, 170)
    open_charge(customer, 230, at)
    expiry = balance(customer.pk, "USD", at).next_expiry
    assert (expiry.at, expiry.amount) == (at + 2 * DAY, 70)


def test_the_history_chains_whatever_is_shown(customer, at):
    grant(customer, 100, at)
    for hour in range(1, 6):
        use(customer, 30, at + hour * HOUR, key=f"c{hour}", feature_key="api" if hour % 2 else "")
    correct(customer, "c1", 10, at + 6 * HOUR)
    use(customer, 5, at + HOUR, now=at + 7 * HOUR)  # booked late, stands earlier
    rows = movements(customer.pk).rows
    assert rows[0].after == balance(customer.pk, "USD", at + DAY).settled == -45
    assert [row.before for row in rows[:-1]] == [row.after for row in rows[1:]]
    assert all(row.before + row.amount == row.after for row in rows)
    by_id = {row.id: row for row in rows}
    filtered = movements(customer.pk, kind="consumed", feature_key="api").rows
    assert [row.charge_key for row in filtered] == ["c5", "c3", "c1"]
    assert all(by_id[row.id] == row for row in filtered)


@pytest.mark.parametrize("currency", ["", "USD"])
def test_pages_go_older_and_newer(customer, at, currency):
    grant(customer, 1000, at)
    for hour in range(1, 7):
        use(customer, 10, at + hour * HOUR)
    everything = [row.id for row in movements(customer.pk).rows]
    first = movements(customer.pk, limit=3, currency=currency)
    second = movements(customer.pk, limit=3, currency=currency, cursor=first.older)
    third = movements(customer.pk, limit=3, currency=currency, cursor=second.older)
    assert [row.id for page in (first, second, third) for row in page.rows] == everything
    assert (first.newer, third.older) == ("", "")
    assert movements(customer.pk, limit=3, cursor=second.newer).rows == first.rows
    assert movements(customer.pk, limit=3, cursor=second.newer).newer == ""
    assert movements(customer.pk, limit=3, cursor="o999").rows == first.rows
    assert movements(customer.pk, limit=3, cursor="nonsense").rows == first.rows


def test_currencies_are_never_merged(customer, at):
    grant(customer, 100, at)
    grant(customer, 70, at, currency="EUR")
    use(customer, 10, at + HOUR, currency="EUR")
    assert [(one.currency, one.available) for one in balances(customer.pk, at + HOUR)] == [("EUR", 60), ("USD", 100)]
    assert [(row.currency, row.after) for row in movements(customer.pk).rows] == [
        ("EUR", 60),
        ("EUR", 70),
        ("USD", 100),
    ]


def test_a_balance_is_one_query(customer, at, django_assert_num_queries):
    grant(customer, 100, at, expires_at=at + DAY)
    use(customer, 130, at + HOUR, feature_key="api")
    open_charge(customer, 10, at)
    with django_assert_num_queries(1):
        balance(customer.pk, "USD", at + HOUR)
    with django_assert_num_queries(1):
        balance(customer.pk, "USD", at + HOUR, "api")
