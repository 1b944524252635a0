"""The staff site: its menu, who may come in, and who may do what."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.models import User
from accounts.roles import ROLES
from plans.services.copy_plan import copy_plan
from plans.tests.conftest import go_plus
from usage.models import Meter

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
    with django_assert_max_num_queries({"customer": 20, "index": 17}.get(page, 15)):
        response = client.get(url_of(page, plus_customer))
    assert response.status_code == 200


@pytest.mark.parametrize("page", [*PAGES[1:], *TABS, *FORMS])
def test_it_tells_staff_without_the_role_who_has_it(page, trainee, clerk, customer, log_in):
    response = log_in(trainee).get(url_of(page, customer))
    assert response.status_code == 403
    assert "This needs the role Metering &amp; Billing Admin" in response.text
    assert "Ask Clara (clerk@example.com)." in response.text


@pytest.mark.parametrize("page", [*PAGES, *TABS, *FORMS])
def test_it_sends_everybody_else_to_the_log_in(page, alice, customer, client, log_in):
    assert client.get(url_of(page, customer)).status_code == 302
    refused = log_in(alice).get(url_of(page, customer), follow=True)
    assert refused.status_code == 403
    assert "This is for staff." in refused.text


def test_it_names_the_role_also_on_the_lists_of_tables(trainee, clerk, log_in):
    response = log_in(trainee).get(reverse("admin:plans_plan_changelist"))
    assert response.status_code == 403
    assert "clerk@example.com" in response.text


def test_it_names_who_reads_to_staff_with_another_role(cataloger, clerk, log_in):
    response = log_in(cataloger).get(reverse("admin:accounts_customer_changelist"))
    assert response.status_code == 403
    assert "This needs the role Metering &amp; Billing Admin or Billing Support or Auditor." in response.text


def test_it_says_what_no_role_includes(clerk, log_in):
    response = log_in(clerk).get(reverse("admin:accounts_user_add"))
    assert response.status_code == 403
    assert "No role includes this." in response.text


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


@pytest.mark.parametrize("role", ROLES)
def test_it_makes_the_roles_with_the_database(role, db):
    codenames = Group.objects.get(name=role).permissions.values_list("codename", flat=True)
    assert {f"accounts.{codename}" for codename in codenames} == set(ROLES[role])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", ["first", "second"])
def test_the_roles_outlive_a_test_that_commits(turn):
    """Whichever of the workers' tests comes next finds the database as it was made."""
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)


# --- each role sees its part ------------------------------------------------------------------------------------------
CATALOG_PAGES = ["product_catalog"]
CATALOG_FORMS = ["plans_plan_add", "usage_meter_add", "usage_feature_add"]
BILLING_FORMS = ["customer_add", "customer_subscriptions_add"]


def statuses(client, pages, customer):
    return {client.get(url_of(page, customer)).status_code for page in pages}


@pytest.mark.parametrize("person", ["supporter", "auditor"])
def test_it_shows_everything_to_who_reads_and_no_form(person, plus_customer, log_in, request):
    client = log_in(request.getfixturevalue(person))
    assert statuses(client, [*PAGES, *TABS], plus_customer) == {200}
    assert statuses(client, [*CATALOG_FORMS, *BILLING_FORMS], plus_customer) == {403}
    tables = ["plans_plan", "usage_meter", "accounts_customer", "invoices_invoice", "invoices_payment"]
    assert {client.get(reverse(f"admin:{table}_changelist")).status_code for table in tables} == {200}


def test_it_shows_the_catalogue_and_nothing_of_customers_to_the_catalog_manager(cataloger, plus_customer, log_in):
    client = log_in(cataloger)
    assert statuses(client, ["index", *CATALOG_PAGES, *CATALOG_FORMS], plus_customer) == {200}
    assert statuses(client, ["billing", *TABS, *BILLING_FORMS], plus_customer) == {403}
    for table, status in {
        "plans_plan": 200,
        "usage_feature": 200,
        "accounts_customer": 403,
        "invoices_invoice": 403,
    }.items():
        assert client.get(reverse(f"admin:{table}_changelist")).status_code == status
    page = client.get(reverse("admin:index")).text
    assert "Product Catalog" in page
    assert reverse("admin:billing") not in page


@pytest.mark.parametrize("person", ["supporter", "auditor"])
def test_it_shows_a_draft_plan_and_a_meter_closed_to_who_only_reads(person, catalogue, clerk, at, log_in, request):
    draft = copy_plan(plan_id=catalogue.plus.pk, at=at, actor=clerk)
    meter = Meter.objects.first()
    client = log_in(request.getfixturevalue(person))
    for url in (
        reverse("admin:plans_plan_change", args=[draft.pk]),
        reverse("admin:usage_meter_change", args=[meter.pk]),
    ):
        page = client.get(url)
        assert page.status_code == 200
        assert not re.search(r"<button[^>]*>(Save|New version|Add Rate Card)", page.text)
        assert client.post(url, {"name": "Changed"}).status_code == 403
    draft.refresh_from_db()
    meter.refresh_from_db()
    assert "Changed" not in (draft.name, meter.name)


def test_it_names_every_role_that_reaches(trainee, cataloger, clerk, log_in):
    page = log_in(trainee).get(reverse("admin:product_catalog")).text
    roles = "Metering &amp; Billing Admin or Billing Support or Catalog Manager or Auditor"
    assert f"This needs the role {roles}. Ask Cat (cataloger@example.com), Clara (clerk@example.com)." in page


# --- the way in ------------------------------------------------------------------------------------------------------
def test_it_has_one_log_in_the_portals_own(client, clerk):
    answer = client.get(reverse("admin:login"), {"next": "/admin/billing/"})
    assert answer.headers["Location"] == "/accounts/login/?next=/admin/billing/"
    client.post("/admin/login/", {"username": clerk.email, "password": "correct-horse-battery"})
    assert client.get(reverse("admin:billing")).status_code == 302


def test_it_leads_staff_without_a_second_factor_to_setting_one_up(clerk, log_in, settings):
    settings.STAFF_MFA_REQUIRED = True
    client = log_in(clerk)
    for url in (reverse("admin:index"), reverse("admin:billing"), reverse("admin:invoices_invoice_changelist")):
        assert client.get(url).headers["Location"] == reverse("mfa_activate_totp")
    assert client.post(reverse("admin:plans_plan_add"), {"name": "X"}).headers["Location"] == reverse(
        "mfa_activate_totp"
    )


def test_it_lets_staff_with_a_second_factor_in(clerk, log_in, settings):
    settings.STAFF_MFA_REQUIRED = True
    Authenticator.objects.create(user=clerk, type=Authenticator.Type.TOTP, data={"secret": "kept"})
    assert log_in(clerk).get(reverse("admin:billing")).status_code == 200
