"""How long credit lasts, on the «Credits» tab: only where usage takes from it all the time."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.models import Customer, PaymentPolicy
from core.clock import travel_to
from credits.tests.cast import DAY, grant, use

DIRECT = {"details": {"kind": "usage"}}  # what is charged to credit alone is kept with what it was rated from


@pytest.fixture
def shown(alice, log_in):
    def shown(at):
        with travel_to(at):
            return " ".join(strip_tags(log_in(alice).get(reverse("credits")).content.decode()).split())

    return shown


def used(customer, at, days=5, **facts):
    grant(customer, 10_000, at)
    for day in range(days):
        use(customer, 400, at + day * DAY, **facts)
    return at + days * DAY


@pytest.fixture
def paying_by_credit(customer):
    Customer.objects.filter(pk=customer.pk).update(payment_policy=PaymentPolicy.OPTIONAL)
    return customer


def test_it_says_how_long_it_lasts(paying_by_credit, at, shown):
    assert "≈ 20 days left at this rate" in shown(used(paying_by_credit, at, **DIRECT))


def test_one_day_is_one_day_and_less_is_less(paying_by_credit, at, shown):
    now = used(paying_by_credit, at, **DIRECT)
    use(paying_by_credit, 7_400, now, **DIRECT)
    assert "Less than a day left at this rate" in shown(now + timedelta(hours=1))


def test_too_little_to_go_by_says_nothing(paying_by_credit, at, shown):
    assert "at this rate" not in shown(used(paying_by_credit, at, days=2, **DIRECT))


def test_what_invoices_take_is_no_rate(paying_by_credit, at, shown):
    assert "at this rate" not in shown(used(paying_by_credit, at))


def test_who_is_invoiced_by_now_has_none(customer, at, shown):
    Customer.objects.filter(pk=customer.pk).update(payment_policy=PaymentPolicy.REQUIRED)
    assert "at this rate" not in shown(used(customer, at, **DIRECT))


def test_each_currency_lasts_by_itself(paying_by_credit, at, shown):
    now = used(paying_by_credit, at, **DIRECT)
    grant(paying_by_credit, 500, at, currency="EUR")
    page = shown(now)
    assert page.count("at this rate") == 1
    assert "Movements of credit in EUR, USD, newest first" in page


def test_the_history_names_its_currency(paying_by_credit, at, alice, log_in):
    grant(paying_by_credit, 500, at)
    grant(paying_by_credit, 500, at, currency="EUR")
    with travel_to(at):
        page = log_in(alice).get(reverse("credit_tx"), {"currency": "EUR"}).content.decode()
    assert "Movements of credit in EUR, newest first, with the balance before and after each" in page
