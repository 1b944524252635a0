"""Charges are paid by credit: in order, once, as of their instant."""

from credits.selectors import allocations_of
from credits.tests.cast import HOUR, entries, grant, history, left, standing, use


def test_a_grant_and_a_charge(customer, at):
    given = grant(customer, 100, at)
    outcome = use(customer, 40, at + HOUR, key="c1", title="Tokens")
    assert (outcome.covered, outcome.overdraft) == (40, 0)
    assert outcome.parts == ((given.public_id, "Welcome", 40),)
    assert history(customer) == [("funded", 100), ("consumed", -40)]
    assert entries("c1#1") == [("customer_credit", -40), ("earnings", 40)]
    assert standing(customer) == (60, 0)
    assert (left(given).available, left(given).used) == (60, 40)


def test_what_is_not_covered_is_overdraft_and_the_next_grant_repays_it(customer, at):
    grant(customer, 100, at)
    assert use(customer, 140, at + HOUR, key="c1").overdraft == 40
    assert standing(customer) == (-40, 40)
    second = grant(customer, 100, at + 2 * HOUR)
    assert standing(customer) == (60, 0)
    assert history(customer) == [("funded", 100), ("consumed", -100), ("consumed", -40), ("funded", 100)]
    assert entries(f"grant:{second.public_id}:funded") == [
        ("funding", -100),
        ("customer_credit", 60),
        ("overdraft", 40),
    ]
    assert (left(second).repaid, left(second).available) == (40, 60)


def test_charges_and_what_pays_them_are_one_question_and_their_grants_another(customer, at, django_assert_num_queries):
    grant(customer, 10, at, priority=1)
    grant(customer, 20, at, name="Sorry")
    for key, amount in (("c1", 25), ("c2", 15), ("c3", 5)):
        use(customer, amount, at + HOUR, key=key)

    with django_assert_num_queries(2):
        found = allocations_of(["c1", "c2", "c3", "never"])

    paid = {key: [(name, amount) for _grant, name, amount in one.parts] for key, one in found.items()}
    assert paid == {"c1": [("Welcome", 10), ("Sorry", 15)], "c2": [("Sorry", 5)], "c3": []}
