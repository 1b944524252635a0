"""Budgets: each threshold is told once per usage window, with the figures of the overview. Nothing is stopped."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import IntegrityError, transaction

from accounts.figures import written
from accounts.models import AuditEntry, Customer, Notice
from accounts.services.park_customer import park_customer
from plans.budgets import BudgetTerms, reached, share
from plans.exceptions import BudgetInvalidError
from plans.models import Budget
from plans.seed import prepaid_plan
from plans.selectors.spending import due_to_tell, spending
from plans.selectors.upcoming import running, upcoming_invoice
from plans.services.calculate_charges import calculate_charges
from plans.services.carry_out_changes import carry_out_changes
from plans.services.schedule_change import schedule_change
from plans.services.set_budget import set_budget
from plans.services.tell_budget import tell_budget
from plans.tests.conftest import go_plus, send
from plans.tests.test_races import at_once

pytestmark = pytest.mark.django_db

ALL = BudgetTerms("USD", 100_00, spend_percents=(50, 80, 100), projected=True, included_percents=(50, 80, 100))
DAY = timedelta(days=1)


@pytest.fixture
def plus(customer, catalogue, seller, at):
    """$49.00 a month, and $2.00 for a million tokens."""
    return go_plus(customer, catalogue, at)


@pytest.fixture
def budget(plus, customer, alice, at):
    return set_budget(customer_id=customer.pk, terms=ALL, at=at, actor=alice)


def tell(budget, at):
    """What is told at that instant: kind and percent of each message."""
    before = set(Notice.objects.values_list("pk", flat=True))
    queued = tell_budget(budget_id=budget.pk, at=at)
    new = [written(notice.context) for notice in Notice.objects.exclude(pk__in=before).order_by("pk")]
    assert queued == len(new)
    return [(context["kind"], context.get("percent")) for context in new]


# --- what is reached -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [
        (0, 100, None),
        (49, 100, None),
        (50, 100, 50),
        (79, 100, 50),
        (80, 100, 80),
        (100, 100, 100),
        (250, 100, 100),
        (-5, 100, None),
        (10, 0, None),
        (Decimal("0.5"), Fraction(1), 50),
        (Decimal("0.666666666667"), Fraction(5, 6), 80),
        (Decimal("0.666666666666"), Fraction(5, 6), 50),
    ],
)
def test_it_takes_the_highest_that_is_reached_exactly(part, whole, percent):
    assert reached(part, whole, (50, 80, 100)) == percent


def test_a_share_is_never_rounded_up():
    assert share(99_99, 100_00) == 99


# --- the customer's choice -------------------------------------------------------------------------------------------


def test_it_is_set_changed_and_audited(plus, customer, alice, at):
    first = set_budget(customer_id=customer.pk, terms=ALL, at=at, actor=alice)
    again = set_budget(customer_id=customer.pk, terms=ALL, at=at + DAY, actor=alice)
    assert (again, again.changed_at) == (first, at)
    set_budget(customer_id=customer.pk, terms=ALL._replace(amount=None), at=at + DAY, actor=alice)

    made, changed = AuditEntry.objects.filter(action="set_budget").order_by("pk")
    assert (made.actor, made.before, made.after["amount"]) == (alice, {}, 100_00)
    assert (changed.before["amount"], changed.after["amount"]) == (100_00, None)
    assert changed.after["spend_percents"] == [50, 80, 100]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"amount": 0}, "above zero"), ({"amount": -1}, "above zero"), ({"spend_percents": (60,)}, "Choose from"),
     ({"included_percents": (0,)}, "Choose from")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong, said, plus, customer, alice, at):
    with pytest.raises(BudgetInvalidError) as refused:
        set_budget(customer_id=customer.pk, terms=ALL._replace(**wrong), at=at, actor=alice)
    assert said in refused.value.message
    assert not Budget.objects.exists()


@pytest.mark.parametrize("wrong", [{"amount": 0}, {"spend_percents": [60]}, {"included_percents": [-50]}])
def test_the_database_refuses_it_too(wrong, budget):
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.update(**wrong)


# --- telling ---------------------------------------------------------------------------------------------------------


def test_each_threshold_is_told_once(budget, customer, at):
    assert tell(budget, at) == []
    send(customer, at + timedelta(hours=1), tokens=1_000_000)  # $51.00
    assert tell(budget, at + timedelta(hours=2)) == [("spend", 50)]
    assert tell(budget, at + timedelta(hours=3)) == []
    send(customer, at + timedelta(hours=4), tokens=16_000_000)  # $83.00
    assert tell(budget, at + timedelta(hours=5)) == [("spend", 80)]
    send(customer, at + timedelta(hours=6), tokens=10_000_000)
    assert tell(budget, at + timedelta(hours=7)) == [("spend", 100)]
    assert tell(budget, at + timedelta(hours=8)) == []


def test_what_is_passed_together_is_told_once_and_what_falls_back_is_not_told_again(budget, customer, at):
    send(customer, at + timedelta(hours=1), tokens=30_000_000)
    assert tell(budget, at + timedelta(hours=2)) == [("spend", 100)]
    Budget.objects.update(spend_percents=[50, 80])
    assert tell(budget, at + timedelta(hours=3)) == []


def test_the_message_has_the_figures_of_the_overview(budget, customer, at):
    for day in range(12):
        send(customer, at + day * DAY, tokens=1_500_000)
    now = at + 12 * DAY
    tell(budget, now)
    seen = spending(customer, now)
    upcoming = upcoming_invoice(running(customer, now))
    notice = Notice.objects.get(context__kind="spend")
    message = written(notice.context)

    assert seen.so_far == upcoming.amount_due == 85_00
    assert message["spent"] == "$85.00"
    assert (message["share"], message["percent"]) == (85, 80)
    assert message["projected"] == "$133.00"
    assert message["as_of"] == "1 Nov 2026, 10:00 UTC"
    assert message["received_at"] == "31 Oct 2026, 10:05 UTC"
    assert notice.to == ["alice@example.com"]
    assert Notice.objects.filter(context__kind="projected").count() == 1


def test_a_projection_above_the_amount_is_told_once_and_only_before_it_is_spent(budget, customer, at):
    for day in range(5):
        send(customer, at + day * DAY, tokens=100_000)
    assert tell(budget, at + 5 * DAY) == [("spend", 50)]  # on course for $55.00
    for day in range(5, 9):
        send(customer, at + day * DAY, tokens=1_800_000)
    assert tell(budget, at + 9 * DAY) == [("projected", None)]
    assert tell(budget, at + 10 * DAY) == []


def test_included_usage_is_told_by_meter(budget, customer, at):
    Budget.objects.update(amount=None)
    send(customer, at + timedelta(hours=1), requests=4_999)
    assert tell(budget, at + timedelta(hours=2)) == []
    send(customer, at + timedelta(hours=3), requests=1)
    assert tell(budget, at + timedelta(hours=4)) == [("included", 50)]
    context = written(Notice.objects.latest("pk").context)
    assert (context["name"], context["used"], context["included"]) == ("API requests", "5,000 requests", "10,000")
    assert context["url"].endswith("/settings/billing/usage/?meter=api-requests")
    assert tell(budget, at + timedelta(hours=5)) == []


def test_the_next_window_begins_anew(budget, plus, customer, at):
    send(customer, at + timedelta(hours=1), tokens=30_000_000)
    tell(budget, at + timedelta(hours=2))
    calculated_at = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
    calculate_charges(subscription_ids=[plus.pk], at=calculated_at)

    assert spending(customer, calculated_at).so_far == 0  # what was announced is not spent twice
    assert tell(budget, calculated_at) == []
    send(customer, calculated_at + timedelta(hours=1), tokens=40_000_000)
    assert tell(budget, calculated_at + timedelta(hours=2)) == [("spend", 80)]


def test_another_amount_is_another_budget(budget, customer, alice, at):
    send(customer, at + timedelta(hours=1), tokens=30_000_000)  # $109.00
    assert tell(budget, at + timedelta(hours=2)) == [("spend", 100)]
    set_budget(customer_id=customer.pk, terms=ALL._replace(amount=200_00), at=at + DAY, actor=alice)
    assert tell(budget, at + DAY) == [("spend", 50)]


def test_an_amount_of_another_currency_says_nothing(budget, customer, at):
    send(customer, at + timedelta(hours=1), tokens=30_000_000)
    Budget.objects.update(currency="EUR")
    assert tell(budget, at + timedelta(hours=2)) == []


def test_credits_that_are_used_are_spent_too(budget, customer, at):
    now = at + DAY
    change = schedule_change(
        customer_id=customer.pk, plan=prepaid_plan(at), when="now", at=now, actor=None, reason="Agreed"
    )
    carry_out_changes(change_ids=[change.pk], at=now)
    send(customer, now + timedelta(hours=1), tokens=6_000_000)
    assert tell(budget, now + timedelta(hours=2)) == [("spend", 50)]
    context = written(Notice.objects.latest("pk").context)
    assert (context["spent"], context["in_credits"], context["billing_on"]) == ("$60.00", True, "")


def test_it_is_audited_when_something_was_told(budget, customer, at):
    tell(budget, at)
    assert not AuditEntry.objects.filter(action="tell_budget").exists()
    send(customer, at + timedelta(hours=1), tokens=1_000_000)
    tell(budget, at + timedelta(hours=2))
    entry = AuditEntry.objects.get(action="tell_budget")
    assert (entry.actor, entry.customer) == (None, customer)
    assert entry.after["told"] == [Notice.objects.latest("pk").key]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_once(budget, customer, at):
    send(customer, at + timedelta(hours=1), tokens=1_000_000)
    now = at + timedelta(hours=2)
    told = at_once(*[lambda: tell_budget(budget_id=budget.pk, at=now)] * 2)
    assert sum(told) == 1
    assert Notice.objects.filter(template="usage_alert").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_set_it_at_once_leave_one(plus, customer, alice, at):
    amounts = (70_00, 90_00)
    at_once(*[
        lambda amount=amount: set_budget(customer_id=customer.pk, terms=ALL._replace(amount=amount), at=at, actor=alice)
        for amount in amounts
    ])  # fmt: skip
    assert Budget.objects.get().amount in amounts
    assert AuditEntry.objects.filter(action="set_budget").count() == 2


# --- what is due -----------------------------------------------------------------------------------------------------


def test_it_is_looked_at_when_usage_came_and_at_least_daily(budget, customer, at, django_assert_max_num_queries):
    assert [row.id for row in due_to_tell(at)] == [budget.pk]
    tell(budget, at)
    assert due_to_tell(at + timedelta(hours=2)) == []
    send(customer, at + timedelta(hours=3), tokens=1)
    assert due_to_tell(at + timedelta(minutes=10)) == []
    with django_assert_max_num_queries(3):
        assert [row.id for row in due_to_tell(at + timedelta(hours=4))] == [budget.pk]
    tell(budget, at + timedelta(hours=4))
    assert due_to_tell(at + timedelta(hours=5)) == []
    assert [row.id for row in due_to_tell(at + timedelta(hours=29))] == [budget.pk]
    assert due_to_tell(at + timedelta(hours=29), customer.pk + 1) == []


def test_a_clock_of_ones_own_decides_the_window(budget, customer, at):
    Customer.objects.update(clock_at=at + 3 * DAY)
    send(customer, at + 2 * DAY, tokens=1_000_000, received=at)
    tell(budget, at)
    assert [row.id for row in due_to_tell(at + timedelta(minutes=1))] == [budget.pk]
    assert written(Notice.objects.latest("pk").context)["as_of"] == "23 Oct 2026, 10:00 UTC"


def test_nobody_is_looked_at_who_asked_for_nothing_or_is_parked(budget, customer, alice, at):
    nothing = BudgetTerms("USD", 100_00)
    set_budget(customer_id=customer.pk, terms=nothing, at=at, actor=alice)
    assert due_to_tell(at) == []
    set_budget(customer_id=customer.pk, terms=ALL, at=at, actor=alice)
    park_customer(customer_id=customer.pk, reason="no price", at=at)
    assert due_to_tell(at) == []
