"""Staff may look at everything; what is published or belongs to a customer stays as it is."""

import pytest
from django.urls import reverse

from plans.models import SalesInquiry
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
