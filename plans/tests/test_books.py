"""The books of this room agree after every verb, and name what does not."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import Customer
from plans import books
from plans.models import RatedUsage, Subscription
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.tests.conftest import cancel_quote, go_plus, send

CALCULATED = datetime(2026, 11, 17, 2, tzinfo=UTC)


def rules():
    return [finding.rule for finding in books.check()]


@pytest.fixture
def billed(plus, customer, at):
    send(customer, at + timedelta(days=1), requests=3, tokens=1_000_000)
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    return plus


def test_it_finds_nothing_after_a_calculation(billed):
    assert rules() == []


def test_it_finds_nothing_after_plans_came_and_went(billed, customer, catalogue):
    cancel_subscription(quote=cancel_quote(customer, CALCULATED), at=CALCULATED, actor=None)
    go_plus(customer, catalogue, CALCULATED + timedelta(hours=3))

    assert rules() == []


def test_it_names_a_customer_without_a_plan(customer):
    assert [(finding.rule, finding.subject) for finding in books.check()] == [
        ("has exactly one open subscription", f"customer:{customer.pk}")
    ]


def test_it_names_a_payment_policy_that_was_not_pushed_down(billed, customer):
    Customer.objects.filter(pk=customer.pk).update(payment_policy="optional")

    assert rules() == ["payment policy is that of the plan"]


def test_it_names_a_gap_between_spells(billed):
    free = Subscription.objects.exclude(pk=billed.pk).get()
    assert free.ends_at is not None
    before = free.ends_at - timedelta(seconds=1)
    Subscription.objects.filter(pk=free.pk).update(starts_at=before, ends_at=before, window_starts_at=before)

    assert rules() == ["a spell ends where the next one starts"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"next_billing_on": date(2026, 12, 21)},
        {"calculate_at": CALCULATED},
        {"window_starts_at": CALCULATED},
        {"next_billing_on": None, "calculate_at": None},
    ],
)
def test_it_names_a_calendar_that_left_the_anchor(billed, wrong):
    Subscription.objects.filter(pk=billed.pk).update(**wrong)

    assert rules() == ["the calendar follows the anchor"]


def test_it_names_a_watermark_that_was_not_billed(billed):
    RatedUsage.objects.filter(rate_card__key="ai-tokens").update(amount=199)

    [finding] = books.check()
    assert (finding.rule, finding.detail) == ("what was rated was billed", "rated 199, billed 200")
