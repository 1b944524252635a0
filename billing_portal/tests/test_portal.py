"""The billing portal: what it says where there is nothing, which only the plan knows."""

import re
from datetime import date, timedelta
from functools import partial

import pytest
from django.urls import reverse

from core.clock import travel_to
from core.periods import billing_period
from invoices.models import CreditStatement
from invoices.services.finalize_invoices import finalize_invoices
from invoices.tests.cast import open_invoice
from plans.budgets import BudgetTerms
from plans.seed import prepaid_plan
from plans.services.calculate_charges import calculate_charges
from plans.services.open_contract import open_contract
from plans.services.open_default_subscription import open_default_subscription
from plans.services.set_budget import set_budget
from plans.tests.conftest import add_card, go_plus

NOT_NEEDED = "Not needed: your plan is paid with credits."


@pytest.fixture(autouse=True)
def _now(at):
    with travel_to(at):
        yield


@pytest.fixture
def shown(alice, log_in):
    client = log_in(alice)
    return lambda: " ".join(client.get(reverse("portal")).text.split())


@pytest.fixture
def prepaid(seller, catalogue, customer, at):
    opened = open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    opened.plan = prepaid_plan(at)
    opened.save()
    return customer


def test_on_free_it_says_that_no_card_is_needed_on_free(catalogue, seller, customer, at, shown):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    page = shown()
    assert "No payment method. You don’t need one on Free." in page
    assert "No invoices yet." in page  # nothing says when


def test_on_a_paid_plan_it_says_when_the_first_invoice_comes(catalogue, seller, customer, at, shown):
    opened = go_plus(customer, catalogue, at)
    assert "Your first invoice will appear here on 20 Nov 2026, the day it is issued." in shown()

    [draft] = calculate_charges(subscription_ids=[opened.pk], at=at + timedelta(days=29))
    finalize_invoices(invoice_ids=[draft.pk], at=at + timedelta(days=32))
    assert "Your first invoice will appear" not in shown()


def test_where_credits_pay_the_cards_are_folded_away(prepaid, shown):
    page = shown()
    assert f"<details><summary>{NOT_NEEDED}</summary>" in page
    inside = re.search(r"<details><summary>Not needed.*?</details>", page)
    assert inside
    assert reverse("pm_add") in inside[0]  # still possible
    assert page.count(f'href="{reverse("pm_add")}"') == 1
    assert "Your first invoice will appear" not in page


def test_cards_that_are_there_stay_in_sight(prepaid, at, shown):
    """A top-up charges them."""
    add_card(prepaid, at)
    page = shown()
    assert NOT_NEEDED not in page
    assert "Visa ending 4242" in page


def test_a_viewer_is_offered_no_card_to_add(prepaid, bob, log_in):
    page = log_in(bob).get(reverse("portal")).text
    assert NOT_NEEDED in page
    assert reverse("pm_add") not in page


def test_it_is_for_people_of_the_customer_who_see_billing(customer, charlie, dora, client, log_in):
    assert log_in(charlie).get(reverse("portal")).status_code == 404
    assert log_in(dora).get(reverse("portal")).status_code == 403
    assert client.get(reverse("portal"))["Location"].startswith("/accounts/login/")


def test_it_asks_thirteen_questions_at_most_two_of_them_about_plan_and_alerts(
    catalogue, seller, customer, at, alice, log_in, django_assert_num_queries
):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    client = log_in(alice)
    with django_assert_num_queries(11):
        client.get(reverse("portal"))
    open_invoice(customer, 4_900, at=at)  # it is on two lists, and there is no card to pay it with
    with django_assert_num_queries(13):
        client.get(reverse("portal"))


def test_saved_details_lead_to_a_corrected_invoice(customer, alice, log_in):
    typed = {"legal_name": "Wonder Holding", "line1": "Rue 1", "city": "Paris", "country": "FR"}
    answer = log_in(alice).post(reverse("billing_details"), typed, follow=True)
    assert f'<a href="{reverse("correction_add")}">Ask for a corrected invoice</a>' in answer.text


@pytest.mark.parametrize(("managed", "name"), [(False, " and pay it"), (True, "")])
def test_an_invoice_is_opened_to_pay_it_by_who_may(catalogue, seller, customer, at, shown, managed, name):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    if managed:
        open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=None)
    invoice = open_invoice(customer, 4_900, collection="send_invoice")
    assert f'View<span class="visually-hidden"> invoice {invoice.number}{name}</span>' in shown()


def test_it_says_at_which_spending_and_usage_it_tells(catalogue, seller, customer, at, shown):
    go_plus(customer, catalogue, at)
    assert "<dt>Alerts by e-mail</dt><dd>No alerts are set.</dd>" in shown()

    terms = BudgetTerms("USD", 10_000, [50, 100], projected=True, included_percents=[80])
    set_budget(customer_id=customer.pk, terms=terms, at=at, actor=None)

    told = ("At 50 %, 100 % of your budget of $100.00", "When the projection is above your budget of $100.00",
            "At 80 % of included usage")  # fmt: skip
    assert f"<dd>{'<br>'.join(told)}</dd>" in shown()


def test_older_credit_statements_are_a_page_further(prepaid, alice, log_in, at):
    months = (billing_period(date(2024, 1, 1), number) for number in range(26))
    statement = partial(CreditStatement, customer=prepaid, currency="USD", opening=0, closing=0, last_sequence=0)
    CreditStatement.objects.bulk_create(
        statement(period_start=month.start, period_end=month.end, created_at=at) for month in months
    )
    client = log_in(alice)

    first = client.get(reverse("portal")).text
    assert first.count(">Statement<") == 24
    assert '<a class="btn" href="?statements=2#h-statements" rel="next">' in first

    second = client.get(reverse("portal"), {"statements": "2"}).text
    assert second.count(">Statement<") == 2
    assert "1 Jan – 31 Jan 2024" in second
    assert '<a class="btn" href="?statements=1#h-statements" rel="prev">' in second
