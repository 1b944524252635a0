"""The monthly calculation."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Customer, Membership, Role, User
from accounts.services.open_customer import open_customer
from accounts.services.park_customer import park_customer
from invoices.models import Invoice
from plans.models import RatedUsage
from plans.selectors import due_for_calculation
from plans.services.calculate_charges import calculate_charges
from plans.tests.conftest import go_plus, send

CALCULATED = datetime(2026, 11, 17, 1, 0, tzinfo=UTC)


def calculate(subscription, at=CALCULATED):
    return calculate_charges(subscription_ids=[subscription.pk], at=at)


def test_it_drafts_the_fee_of_the_period_and_the_usage_of_the_window(plus, customer, at):
    send(customer, at + timedelta(days=1), requests=3, tokens=5_000_000)

    [invoice] = calculate(plus)

    assert (invoice.key, invoice.billing_on) == (f"subscription:{plus.pk}:2026-11-20", date(2026, 11, 20))
    assert (invoice.period_start, invoice.period_end) == (date(2026, 10, 20), date(2026, 11, 20))
    lines = [(line.title, line.quantity, line.amount, line.detail) for line in invoice.lines.all()]
    assert lines == [
        ("Plus monthly fee", 1, 4_900, "$49.00 × 1 month"),
        ("API requests", 3, 0, "3 of 10,000 included"),
        ("AI tokens", 5_000_000, 1_000, "5,000,000 × $0.0020 per 1,000 tokens"),
    ]
    assert invoice.total == 5_900


def test_it_moves_the_calendar_to_the_next_billing_date(plus):
    calculate(plus)

    plus.refresh_from_db()
    assert plus.window_starts_at == datetime(2026, 11, 17, tzinfo=UTC)
    assert plus.next_billing_on == date(2026, 12, 20)
    assert plus.calculate_at == datetime(2026, 12, 17, tzinfo=UTC)


def test_it_bills_usage_after_the_calculation_instant_with_the_next_invoice(plus, customer):
    send(customer, datetime(2026, 11, 16, 23, 59, 59, 999_999, tzinfo=UTC), tokens=1_000_000)
    send(customer, datetime(2026, 11, 17, tzinfo=UTC), tokens=2_000_000)

    [first] = calculate(plus)
    [second] = calculate(plus, datetime(2026, 12, 17, 1, tzinfo=UTC))

    assert [line.amount for line in first.lines.filter(kind="usage")] == [200]
    assert [line.amount for line in second.lines.filter(kind="usage")] == [400]


def test_it_remembers_what_it_rated(plus, customer, at):
    send(customer, at + timedelta(days=1), tokens=5_000_000)

    [invoice] = calculate(plus)

    rated: Any = RatedUsage.objects.get(rate_card__key="ai-tokens")
    assert (rated.quantity, rated.amount, rated.invoice_key) == (5_000_000, 1_000, invoice.key)
    assert (rated.window_starts_at, rated.window_ends_at) == (at, datetime(2026, 11, 17, tzinfo=UTC))
    assert RatedUsage.objects.get(rate_card__key="api-requests").amount == 0


def test_it_changes_nothing_the_second_time(plus):
    [invoice] = calculate(plus)

    assert calculate(plus) == []
    assert Invoice.objects.get() == invoice
    assert AuditEntry.objects.filter(action="calculate_charges").count() == 1


def test_it_writes_who_moved_which_billing_date(plus, customer):
    calculate(plus)

    entry = AuditEntry.objects.get(action="calculate_charges")
    assert (entry.customer, entry.actor, entry.subject) == (customer, None, f"subscription:{plus.pk}")
    assert (entry.before, entry.after) == ({"next_billing_on": "2026-11-20"}, {"next_billing_on": "2026-12-20"})


@pytest.mark.parametrize(
    ("instant", "is_due"),
    [
        (datetime(2026, 11, 17, 0, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 17, 1, 0, tzinfo=UTC), True),
        (datetime(2027, 3, 1, tzinfo=UTC), True),
    ],
)
def test_it_is_due_a_short_grace_after_the_calculation_instant(plus, instant, is_due):
    assert [row.id for row in due_for_calculation(instant)] == ([plus.pk] if is_due else [])
    assert bool(calculate(plus, instant)) is is_due


def test_it_is_never_due_on_free(free):
    assert due_for_calculation(datetime(2036, 1, 1, tzinfo=UTC)) == []
    assert calculate(free, datetime(2036, 1, 1, tzinfo=UTC)) == []


def test_it_leaves_parked_customers_alone(plus, customer):
    park_customer(customer_id=customer.pk, reason="broken", at=CALCULATED)

    assert due_for_calculation(CALCULATED) == []
    assert calculate(plus) == []


def test_it_goes_by_the_customers_own_clock(plus, customer):
    Customer.objects.filter(pk=customer.pk).update(clock_at=CALCULATED - timedelta(days=1))
    assert due_for_calculation(CALCULATED) == []

    Customer.objects.filter(pk=customer.pk).update(clock_at=CALCULATED)
    [due] = due_for_calculation(CALCULATED - timedelta(days=10))
    assert (due.id, due.customer_id, due.present) == (plus.pk, customer.pk, CALCULATED)


def test_it_catches_up_period_by_period(plus, customer):
    late = datetime(2027, 1, 18, tzinfo=UTC)
    invoices = []
    while due := due_for_calculation(late):
        invoices += calculate_charges(subscription_ids=[row.id for row in due], at=late)

    assert [invoice.billing_on for invoice in invoices] == [
        date(2026, 11, 20), date(2026, 12, 20), date(2027, 1, 20),
    ]  # fmt: skip
    assert [invoice.subtotal for invoice in invoices] == [4_900, 4_900, 4_900]


def test_it_counts_billing_dates_from_an_anchor_on_the_31st(customer, catalogue, seller):
    subscription = go_plus(customer, catalogue, datetime(2026, 1, 31, 12, tzinfo=UTC))
    late = datetime(2026, 5, 1, tzinfo=UTC)
    invoices = [calculate(subscription, late)[0] for _ in range(3)]

    assert [invoice.billing_on for invoice in invoices] == [
        date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30),
    ]  # fmt: skip
    assert [invoice.subtotal for invoice in invoices] == [4_900] * 3


def crowd(count, catalogue, at):
    """Customers on Plus, each with some usage."""
    ids = []
    for number in range(count):
        user = User.objects.create_user(f"crowd{number}-{User.objects.count()}@example.com")
        customer = open_customer(name=f"Crowd {number}", user=user, at=at, actor=None)
        Membership.objects.get_or_create(user=user, customer=customer, defaults={"role": Role.BILLING_ADMIN})
        ids.append(go_plus(customer, catalogue, at).pk)
        send(customer, at + timedelta(days=2), requests=1, tokens=1_000 * number)
    return ids


def test_it_asks_the_database_as_often_for_many_customers_as_for_few(catalogue, seller, at):
    few, many = crowd(2, catalogue, at), crowd(9, catalogue, at)
    with CaptureQueriesContext(
        connection,
    ) as first:
        assert len(calculate_charges(subscription_ids=few, at=CALCULATED)) == 2
    with CaptureQueriesContext(connection) as second:
        assert len(calculate_charges(subscription_ids=many, at=CALCULATED)) == 9

    assert len(first) == len(second)
