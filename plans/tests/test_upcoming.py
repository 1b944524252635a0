"""What is known of the next invoice, and what was used so far."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Customer, PaymentMethod
from accounts.services.update_billing_profile import update_billing_profile
from core.periods import Period
from plans.exceptions import NoSubscriptionError
from plans.selectors import running, upcoming_invoice, usage_to_date
from plans.selectors.upcoming import open_subscription, running_days
from plans.selectors.watermarks import looked_at
from plans.services.calculate_charges import calculate_charges
from plans.tests.conftest import send

NOVEMBER = datetime(2026, 11, 5, 12, tzinfo=UTC)
CALCULATED = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)


def figures(lines):
    return [(line.title, line.amount) for line in lines]


def test_it_tells_what_is_owed_from_what_still_counts(plus, customer, at):
    send(customer, at + timedelta(days=1), requests=5, tokens=2_000_000)

    upcoming = upcoming_invoice(running(customer, NOVEMBER))

    assert figures(upcoming.owed) == [("Plus monthly fee", 4_900)]
    assert figures(upcoming.counting) == [("API requests", 0), ("AI tokens", 400)]
    assert (upcoming.owed_subtotal, upcoming.counting_subtotal, upcoming.totals.total) == (4_900, 400, 5_300)
    assert (upcoming.billing_on, upcoming.period) == (
        date(2026, 11, 20),
        Period(date(2026, 10, 20), date(2026, 11, 20)),
    )


def test_it_adds_tax_at_the_customers_rate(plus, customer, at):
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=at, actor=None)

    totals = upcoming_invoice(running(customer, NOVEMBER)).totals

    assert (totals.subtotal, totals.tax, totals.total) == (4_900, 980, 5_880)


def test_it_is_what_the_calculation_bills_when_nothing_more_comes(plus, customer, at):
    send(customer, at + timedelta(days=1), requests=5, tokens=2_345_678)
    upcoming = upcoming_invoice(running(customer, NOVEMBER))

    [invoice] = calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)

    assert [(line.key, line.amount) for line in (*upcoming.owed, *upcoming.counting)] == [
        (line.key, line.amount) for line in invoice.lines.all()
    ]
    assert upcoming.totals.total == invoice.total


def test_it_shows_the_announced_draft_and_what_counts_for_the_next(plus, customer, at):
    send(customer, at + timedelta(days=1), tokens=2_000_000)
    [invoice] = calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    send(customer, CALCULATED, tokens=1_000_000)

    upcoming = upcoming_invoice(running(customer, CALCULATED + timedelta(hours=1)))

    assert (upcoming.draft, upcoming.billing_on) == (invoice, date(2026, 11, 20))
    assert figures(upcoming.owed) == [("Plus monthly fee", 4_900), ("AI tokens", 400)]
    assert (upcoming.counting, figures(upcoming.next_counting)) == ((), [("AI tokens", 200)])
    assert upcoming.totals.total == invoice.total == 5_300


def test_it_names_the_key_dates(plus, customer):
    assert upcoming_invoice(running(customer, NOVEMBER)).key_dates == [
        ("Period starts", date(2026, 10, 20)),
        ("Charges calculated", date(2026, 11, 17)),
        ("Billed", date(2026, 11, 20)),
    ]


def test_it_owes_nothing_on_free(free, customer):
    upcoming = upcoming_invoice(running(customer, NOVEMBER))

    assert (upcoming.billing_on, upcoming.owed, upcoming.counting, upcoming.totals.total) == (None, (), (), 0)
    assert upcoming.key_dates == []


def test_it_counts_usage_to_date_by_price(plus, customer, at):
    send(customer, at + timedelta(days=1), requests=12, tokens=2_000_000)

    usage = usage_to_date(running(customer, NOVEMBER))

    rows: list[Any] = [(row.feature_key, row.quantity, row.included, row.unit_price, row.amount) for row in usage.rows]
    assert rows == [
        ("api-requests", 12, 10_000, "$1.00 per 1,000 requests", 0),
        ("ai-tokens", 2_000_000, 0, "$0.0020 per 1,000 tokens", 400),
    ]
    assert (usage.window.start, usage.window.end) == (at, datetime(2026, 11, 17, tzinfo=UTC))
    assert usage.received_at == at + timedelta(days=1, minutes=5)


def test_it_does_not_look_ahead_of_the_customers_present(plus, customer, at):
    send(customer, at + timedelta(days=5), tokens=2_000_000)

    assert usage_to_date(running(customer, at + timedelta(days=4))).amount == 0
    assert usage_to_date(running(customer, at + timedelta(days=6))).amount == 400


def test_it_counts_the_running_window_after_the_calculation(plus, customer, at):
    send(customer, at + timedelta(days=1), tokens=2_000_000)
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    send(customer, CALCULATED, tokens=1_000_000)

    usage = usage_to_date(running(customer, CALCULATED + timedelta(hours=1)))

    assert usage.amount == 200
    assert (usage.window.start, usage.window.end) == (
        datetime(2026, 11, 17, tzinfo=UTC),
        datetime(2026, 12, 17, tzinfo=UTC),
    )


def test_it_counts_the_included_units_of_free_by_month(free, customer, at):
    send(customer, at + timedelta(days=1), requests=3)
    send(customer, datetime(2026, 11, 20, tzinfo=UTC), requests=2)

    first, second = (
        usage_to_date(running(customer, NOVEMBER)),
        usage_to_date(running(customer, datetime(2026, 11, 21, tzinfo=UTC))),
    )

    rows: list[Any] = [(row.quantity, row.included, row.unit_price, row.amount) for row in first.rows]
    assert rows == [(3, 5_000, "No charge", 0)]
    assert [row.quantity for row in second.rows] == [2]
    assert (first.window.start, first.window.end) == (at, datetime(2026, 11, 20, tzinfo=UTC))


def test_it_says_so_where_nobody_has_opened_a_plan(customer, catalogue, seller):
    with pytest.raises(NoSubscriptionError):
        upcoming_invoice(running(customer, NOVEMBER))


def test_it_reads_with_a_fixed_number_of_queries(plus, customer, at, django_assert_max_num_queries):
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)

    with django_assert_max_num_queries(13):
        upcoming_invoice(running(customer, CALCULATED))
    with django_assert_max_num_queries(7):
        usage_to_date(running(customer, CALCULATED))


@pytest.mark.parametrize(("has_own_clock", "queries"), [(False, 3), (True, 2)])
def test_what_is_billed_is_read_with_what_came_late(
    plus, customer, at, django_assert_num_queries, has_own_clock, queries
):
    send(customer, at + timedelta(days=1), tokens=2_000_000)
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    send(customer, at + timedelta(days=2), tokens=1_500_000, received=CALCULATED + timedelta(hours=1))
    later = CALCULATED + timedelta(days=2)
    Customer.objects.filter(pk=customer.pk).update(clock_at=later if has_own_clock else None)
    spell = open_subscription(customer)

    with django_assert_num_queries(queries):  # touched hours where no clock is set, windows, usage
        facts = running_days(spell, later, known=looked_at(spell)).facts

    assert [late.billed_quantity for late in facts.late] == [2_000_000]
    assert facts == running_days(spell, later).facts


def test_the_open_spell_comes_with_the_default_card(plus, customer, at, django_assert_num_queries):
    first = PaymentMethod.objects.get(customer=customer)
    first.pk, first.key, first.token, first.is_default = None, "pm_other", "tok_other", False
    first.save()

    with django_assert_num_queries(2):  # the spell, and the prices of its plan
        card = open_subscription(customer).default_card

    assert card == PaymentMethod.objects.get(customer=customer, is_default=True)


def test_the_open_spell_says_that_there_is_no_card(free, customer):
    assert open_subscription(customer).default_card is None
