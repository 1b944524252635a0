"""The work list: each kind with its count, the oldest few and a link; nothing that a person may not see."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import Customer
from accounts.services.park_customer import park_customer
from accounts.tests.cards import DECLINES, TIMES_OUT, add_card
from billing_portal.admin.worklist import LIMIT, Work
from billing_portal.models import Run, RunKind
from core import clock
from invoices.services.collect_payment import collect_payment
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import calculated, open_invoice
from plans.models import SalesInquiry
from plans.services.copy_plan import copy_plan

QUERIES = 17  # one for each kind of work and for the diary, the session, the person, and what they may
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EMPTY = [
    "Every run takes every customer along.",
    "Every payment has its outcome.",
    "No open invoice had its card declined.",
    "No refund has failed.",
    "No cardholder takes a charge back.",
    "Every event of the processor was handled.",
    "No invoice waits for its billing date.",
    "Nobody waits for an answer.",
    "Nobody asks for a corrected invoice.",
    "Nobody asks about a charge.",
    "Every version is published.",
]


@pytest.fixture(autouse=True)
def _now():
    with clock.travel_to(NOW):
        yield


def charged(customer, user, at, card):
    """An invoice whose card was tried."""
    add_card(customer, user, at, card, make_default=True)
    payment = collect_payment(invoice_id=open_invoice(customer, 4900).pk, at=at, automatic=True)
    return submit_payment(payment_id=payment.pk, at=at)


def busy(customer, alice, clerk, catalogue, at):
    """One of each kind, a refund excepted."""
    payments = [charged(customer, alice, at, card) for card in (TIMES_OUT, DECLINES)]
    calculated(customer, 1_000)
    park_customer(customer_id=customer.pk, reason="CurrencyError: JPY", at=at)
    SalesInquiry.objects.create(
        customer=customer, name="Alice", email="a@example.com", company="Wonder", message="Hi", created_at=at
    )
    copy_plan(plan_id=catalogue.plus.pk, at=at, actor=clerk)
    Run.objects.create(kind=RunKind.BILLING, at=at, started_at=at)
    Run.objects.create(kind=RunKind.BOOKS, at=at, started_at=at, ended_at=at, found=2)
    return payments


@pytest.mark.django_db(transaction=True)
def test_it_shows_one_of_each_with_where_it_is_worked_on(
    as_clerk, clerk, customer, alice, seller, catalogue, at, django_assert_max_num_queries
):
    payments = busy(customer, alice, clerk, catalogue, at)
    with django_assert_max_num_queries(QUERIES):
        page = as_clerk.get(reverse("admin:index")).text
    headings = re.findall(r'<h2 id="w-(\w+)">[^<]*<span class="badge \w+">(\d+)', page)
    assert headings == [
        ("parked", "1"), ("unresolved", "1"), ("declined", "1"), ("overdue", "1"), ("drafts", "1"),
        ("inquiries", "1"), ("plans", "1"), ("books", "2"),
    ]  # fmt: skip
    for payment in payments:
        assert reverse("admin:attention_payment", args=[payment.public_id]) in page
    assert "Never ended" in page
    assert "They do not agree" in page


def test_it_says_so_where_there_is_nothing_to_do(as_clerk, catalogue, django_assert_max_num_queries):
    with django_assert_max_num_queries(QUERIES):
        page = as_clerk.get(reverse("admin:index")).text
    for text in [*EMPTY, "They have not been checked yet.", "Nothing has run yet."]:
        assert text in page


EVERYTHING = {
    *("parked", "unresolved", "declined", "overdue", "refunds", "disputes", "events", "drafts"),
    *("inquiries", "corrections", "questions", "plans", "books", "runs"),
}


@pytest.mark.parametrize(
    ("person", "sees"),
    [
        ("supporter", EVERYTHING),
        ("auditor", EVERYTHING),
        ("cataloger", {"plans"}),
        ("trainee", set()),
    ],
)
def test_everybody_sees_what_their_role_reaches(person, sees, request, log_in, catalogue):
    page = log_in(request.getfixturevalue(person)).get(reverse("admin:index")).text
    assert set(re.findall(r'<h2 id="w-(\w+)">', page)) == sees


def test_the_number_of_queries_does_not_grow(as_clerk, customer, seller, at, django_assert_max_num_queries):
    Customer.objects.bulk_create(
        Customer(name=f"Customer {n}", parked_at=at + timedelta(hours=n), parked_reason="x") for n in range(150)
    )
    for _ in range(20):
        calculated(customer, 1_000)
    with django_assert_max_num_queries(QUERIES):
        page = as_clerk.get(reverse("admin:index")).text
    assert ">100+</span>" in page
    assert "Customer 0<" in page  # the longest first
    assert "Customer 3<" not in page


def test_it_counts_no_further_than_it_has_to():
    work = Work("parked", "Parked", LIMIT + 1, (), "/", "All", "", "danger")
    assert work.count_text == "100+"
