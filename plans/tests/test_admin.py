"""Staff may look at everything; what is published or belongs to a customer stays as it is."""

import pytest
from django.urls import reverse

from plans.models import Plan, SalesInquiry
from plans.services.publish_plan import publish_plan
from plans.tests.conftest import cancel_quote

TABLES = ["plan", "ratecard", "subscription", "ratedusage", "changequote", "salesinquiry"]


@pytest.fixture
def as_staff(staff, log_in):
    return log_in(staff)


@pytest.fixture
def inquiry(customer, alice, at):
    return SalesInquiry.objects.create(
        customer=customer,
        user=alice,
        name="Alice",
        email="a@example.com",
        company="Wonder",
        message="Hi",
        created_at=at,
    )


@pytest.mark.parametrize("table", TABLES)
def test_it_lists_every_table(plus, customer, at, inquiry, as_staff, table):
    cancel_quote(customer, at)

    assert as_staff.get(reverse(f"admin:plans_{table}_changelist")).status_code == 200


@pytest.mark.parametrize("table", TABLES)
def test_it_hides_them_from_everybody_else(plus, alice, log_in, table):
    assert log_in(alice).get(reverse(f"admin:plans_{table}_changelist")).status_code == 302


@pytest.mark.parametrize("table", ["subscription", "ratedusage", "changequote"])
def test_it_never_adds_what_only_verbs_write(as_staff, table):
    assert as_staff.get(reverse(f"admin:plans_{table}_add")).status_code == 403


def test_it_shows_a_published_plan_and_refuses_to_change_it(catalogue, as_staff):
    url = reverse("admin:plans_plan_change", args=[catalogue.plus.pk])

    assert b'name="_save"' not in as_staff.get(url).content
    assert as_staff.post(url, {"name": "Cheap"}).status_code == 403


def test_it_edits_a_draft(catalogue, as_staff):
    draft = Plan.objects.create(key="plus", version=2, name="Plus", currency="USD")

    page = as_staff.get(reverse("admin:plans_plan_change", args=[draft.pk]))

    assert b'name="_save"' in page.content
    assert b'name="rate_cards-TOTAL_FORMS"' in page.content


def test_it_edits_the_tiers_of_a_price_as_long_as_its_plan_is_a_draft(catalogue, as_staff, at):
    feature = catalogue.plus.rate_cards.get(key="api-requests").feature
    draft = Plan.objects.create(key="plus", version=2, name="Plus", currency="USD")
    card = draft.rate_cards.create(key="requests", name="Requests", model="volume", feature=feature)
    card.tiers.create(unit_amount=1)
    url = reverse("admin:plans_ratecard_change", args=[card.pk])

    before = as_staff.get(url).content
    publish_plan(plan=draft, at=at, actor=None)

    assert b'name="tiers-TOTAL_FORMS"' in before
    assert b'name="_save"' in before
    assert b'name="_save"' not in as_staff.get(url).content
    assert as_staff.post(url, {"name": "Cheap"}).status_code == 403


def test_it_works_on_the_status_of_a_request_only(inquiry, as_staff):
    url = reverse("admin:plans_salesinquiry_change", args=[inquiry.pk])

    response = as_staff.post(url, {"status": "contacted", "message": "Changed"})

    inquiry.refresh_from_db()
    assert (response.status_code, inquiry.status, inquiry.message) == (302, "contacted", "Hi")
