"""The staff site: its menu, who may come in, and who may do what."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.models import User
from accounts.roles import METERING_AND_BILLING
from plans.tests.conftest import go_plus

PAGES = ["index", "product_catalog", "billing"]
TABS = [
    "customer",
    "customer_subscriptions",
    "customer_credits",
    "customer_invoices",
    "customer_usage",
    "customer_audit",
]
FORMS = ["customer_add", "customer_subscriptions_add", "plans_plan_add", "usage_meter_add", "usage_feature_add"]


def url_of(page, customer):
    return reverse(f"admin:{page}", args=[customer.key] if page in (*TABS, "customer_subscriptions_add") else [])


@pytest.fixture
def plus_customer(customer, catalogue, seller, at):
    """On Plus, with an open invoice and a card."""
    go_plus(customer, catalogue, at)
    return customer


@pytest.mark.parametrize("page", [*PAGES, *TABS, *FORMS])
def test_it_opens_to_the_role(page, clerk, plus_customer, log_in, django_assert_max_num_queries):
    client = log_in(clerk)
    with django_assert_max_num_queries(15):
        response = client.get(url_of(page, plus_customer))
    assert response.status_code == 200


@pytest.mark.parametrize("page", [*PAGES[1:], *TABS, *FORMS])
def test_it_tells_staff_without_the_role_who_has_it(page, trainee, clerk, customer, log_in):
    response = log_in(trainee).get(url_of(page, customer))
    assert response.status_code == 403
    assert "This needs the role Metering &amp; Billing Admin. Ask Clara (clerk@example.com)." in response.text


@pytest.mark.parametrize("page", [*PAGES, *TABS, *FORMS])
def test_it_sends_everybody_else_to_the_log_in(page, alice, customer, client, log_in):
    assert client.get(url_of(page, customer)).status_code == 302
    assert log_in(alice).get(url_of(page, customer)).status_code == 302


def test_it_names_the_role_also_on_the_lists_of_tables(trainee, clerk, log_in):
    response = log_in(trainee).get(reverse("admin:plans_plan_changelist"))
    assert response.status_code == 403
    assert "clerk@example.com" in response.text


@pytest.mark.parametrize("table", ["plans_plan", "usage_meter", "accounts_customer", "invoices_invoice"])
def test_it_gives_the_role_every_table_of_the_rooms(table, clerk, log_in):
    assert log_in(clerk).get(reverse(f"admin:{table}_changelist")).status_code == 200


def test_it_gives_the_role_no_say_over_people(clerk, log_in):
    assert log_in(clerk).get(reverse("admin:accounts_user_add")).status_code == 403
    assert log_in(clerk).get(reverse("admin:auth_group_changelist")).status_code == 403


def test_it_takes_the_role_from_a_person_who_left(clerk, customer, log_in):
    client = log_in(clerk)
    User.objects.filter(pk=clerk.pk).update(is_staff=False)
    assert client.get(url_of("customer", customer)).status_code == 302


def test_it_does_not_know_customers_that_are_not_there(clerk, log_in):
    assert log_in(clerk).get("/admin/billing/customers/cus_nobody/").status_code == 404


def test_it_makes_the_role_with_the_database(db):
    group = Group.objects.get(name=METERING_AND_BILLING)
    assert [permission.codename for permission in group.permissions.all()] == ["manage_billing"]
