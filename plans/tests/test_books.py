"""The books of this room agree after every verb, and name what does not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from accounts.models import Customer
from invoices.giving_back import Wanted
from invoices.selectors import stored_lines
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.issue_credit_note import issue_credit_note
from invoices.tests.cast import line as invoice_line
from plans import books
from plans.explain import derived_amount, explain
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


# --- every line can be derived again ---------------------------------------------------------------------------------


def spoil(assignment):
    """As somebody with the database's password might."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"UPDATE invoices_invoiceline SET {assignment} WHERE key LIKE '%usage:ai-tokens%'")  # noqa: S608
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.parametrize(
    ("assignment", "detail"),
    [
        ("amount = 201", "derived 200, stored 201"),
        ('explain = explain || \'{"quantity": "1000001000"}\'', "derived 200000, stored 200"),
        ("explain = explain - 'unit_amount'", "its data does not suffice: KeyError 'unit_amount'"),
        ("explain = '{}'", "its data does not suffice: KeyError 'model'"),
        ("explain = explain || '{\"per_units\": 0}'", "its data does not suffice: ZeroDivisionError"),
        ('explain = explain || \'{"quantity": "many"}\'', "its data does not suffice: ValueError"),
    ],
)
def test_it_names_a_line_that_its_own_data_does_not_come_to(billed, assignment, detail):
    spoil(assignment)

    [finding] = books.lines_can_be_derived()
    assert finding.subject.startswith(f"line:subscription:{billed.pk}:usage:ai-tokens:")
    assert finding.detail.startswith(detail)


def test_it_derives_late_lines_cut_windows_and_what_was_given_back(billed, customer, at):
    send(customer, at + timedelta(days=2), tokens=500_000, received=CALCULATED + timedelta(days=1))
    later = CALCULATED + timedelta(days=1, hours=1)
    invoice = cancel_subscription(quote=cancel_quote(customer, later), at=later, actor=None).invoice
    issue_credit_note(invoice_id=invoice.pk, at=later, actor=None, reason="For nothing")

    derived = [line for line in stored_lines() if derived_amount(line.explain) == line.amount]
    assert len(derived) == len(list(stored_lines())) >= 6
    assert {line.amount for line in derived} > {-line.amount for line in derived if line.amount < 0}
    assert [(explain(line.explain).amount) for line in derived] == [line.amount for line in derived]
    assert rules() == []


def test_it_derives_parts_that_staff_gave_back(billed, customer, at):
    later = CALCULATED + timedelta(days=1, hours=1)
    invoice = cancel_subscription(quote=cancel_quote(customer, later), at=later, actor=None).invoice
    issue_credit_note(
        invoice_id=invoice.pk, at=later, actor=None, reason="Outage", wanted=Wanted(amount=1_000), key="part"
    )
    issue_credit_note(invoice_id=invoice.pk, at=later, actor=None, reason="Outage", key="rest")

    assert [line.key for line in stored_lines() if explain(line.explain).amount != line.amount] == []
    assert any("part of it is given back" in explain(line.explain).text for line in stored_lines())
    assert rules() == []


def test_a_line_added_by_hand_has_nothing_to_derive(billed, customer, at):
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[invoice_line(500)], at=at)

    assert list(books.lines_can_be_derived()) == []


def test_it_reads_all_lines_with_one_query(billed, django_assert_num_queries):
    with django_assert_num_queries(1):
        list(books.lines_can_be_derived())
