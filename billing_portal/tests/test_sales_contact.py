"""A customer under a contract reads one address of sales, on every page and in every refusal."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.sales import SalesContact
from accounts.services.set_sales_contact import set_sales_contact
from billing_portal.tests.people import on_free
from core import clock
from core.periods import midnight
from invoices.services.finalize_invoices import finalize_invoices
from plans.emails import changes_ahead
from plans.models import Plan, ScheduledChange
from plans.services.calculate_charges import calculate_charges
from plans.services.draft_contract import draft_contract
from plans.services.publish_plan import publish_plan
from plans.services.schedule_change import schedule_change
from plans.tests.conftest import send

pytestmark = pytest.mark.django_db
DESK = SalesContact("Enterprise desk", "desk@example.com")
GENERAL = "sales@example.com"
LINK = '<a href="mailto:desk@example.com">Enterprise desk, desk@example.com</a>'
PAGES = ["billing_overview", "plan_change", "plan_cancel", "contact_sales", "portal"]
REFUSED = ["plan_cancel", "contact_sales", "pm_add"]


@pytest.fixture
def invoice(customer, alice, seller, catalogue, at):
    """Of a month under a contract that names its contact; everything after happens when it is issued."""
    on_free(customer, alice, at)
    draft = draft_contract(
        customer_id=customer.pk, plan_id=catalogue.plus.pk, name="Enterprise", values={}, at=at, actor=None, reason="7",
        contact=DESK,
    )  # fmt: skip
    publish_plan(plan=draft, at=at, actor=None)
    plan, begins = Plan.objects.with_cards().get(pk=draft.pk), at + timedelta(hours=1)
    change = schedule_change(customer_id=customer.pk, plan=plan, when="now", at=begins, actor=None, reason="7")
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    calculated = change.opened.calculate_at + timedelta(hours=1)
    [drafted] = calculate_charges(subscription_ids=[change.opened_id], at=calculated)
    [issued] = finalize_invoices(invoice_ids=[drafted.pk], at=midnight(drafted.billing_on))
    with clock.travel_to(midnight(drafted.billing_on) + timedelta(hours=1)):
        yield issued


def test_every_page_names_the_contact_alone(invoice, alice, log_in):
    client = log_in(alice)
    for url in (*map(reverse, PAGES), reverse("invoice", args=[invoice.public_id])):
        page = client.get(url).text
        assert LINK in page, url
        assert GENERAL not in page, url


def test_every_refusal_names_it_too(invoice, alice, log_in):
    client = log_in(alice)
    answers = [*(client.post(reverse(name), {}) for name in REFUSED), client.get(reverse("credits_buy"))]
    for answer in answers:
        assert answer.status_code == 403
        assert str(DESK) in answer.text
        assert GENERAL not in answer.text


def test_without_one_it_is_the_general_address(invoice, customer, alice, log_in, at):
    set_sales_contact(customer_id=customer.pk, name="", email="", at=at, actor=None)
    client = log_in(alice)
    for url in (*map(reverse, PAGES), reverse("invoice", args=[invoice.public_id])):
        assert f'<a href="mailto:{GENERAL}">{GENERAL}</a>' in client.get(url).text, url


def test_the_message_that_a_change_comes_names_it(invoice, customer):
    change = ScheduledChange.objects.select_related("plan", "opened__customer", "opened__plan").get()
    draft = changes_ahead(change, change.opened, (1, 2), ["alice@example.com"])
    assert (draft.context["by_contract"], draft.context["sales_email"]) == (True, str(DESK))
