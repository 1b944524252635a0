"""Every label people of this kind of portal already know stands where they look for it, letter by letter."""

from datetime import UTC, datetime
from html import unescape

import pytest
from django.urls import reverse

from billing_portal.billing_run import run_billing
from billing_portal.demo_data import add_card
from billing_portal.tests.people import on_free, on_plus
from core import clock
from invoices.models import Invoice
from plans.services.open_contract import open_contract

pytestmark = pytest.mark.django_db(transaction=True)

CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)

OVERVIEW, CHANGE, PORTAL = "billing_overview", "plan_change", "portal"
PM_ADD, CANCEL, UPGRADE, SALES = "pm_add", "plan_cancel", "plan_upgrade", "contact_sales"
NOT_BILLED_AT_SIGN_UP = (
    "You are not billed at sign-up. Users are billed monthly on the subscription date, "
    "and charges are calculated three days before the billing date."
)
ONE_METHOD_MUST_REMAIN = (
    "If you have an active plan, you must have at least one payment method configured. "
    "You can't delete the default payment method unless you're using the Free tier."
)
NO_SELF_SERVE = (
    "There is no self-serve downgrade option for Enterprise plans. Contact your sales representative "
    "if you want to change your plan or downgrade to a lower tier."
)
NO_PAYMENT_MANAGEMENT = "Self-service payment management is not available for Enterprise accounts."


def shown(client, url):
    response = client.get(url)
    assert response.status_code == 200, url
    return " ".join(unescape(response.content.decode()).split())


@pytest.fixture(autouse=True)
def _at_the_beginning(at):
    with clock.travel_to(at):
        yield


@pytest.mark.parametrize(
    ("label", "page"),
    [
        ("Settings", OVERVIEW),
        ("Billing and Usage", "settings"),
        ("Plan Details", OVERVIEW),
        ("Change Plan", OVERVIEW),
        ("Meridian Free", OVERVIEW),
        ("Go to billing portal", OVERVIEW),
        ("Upgrade", CHANGE),
        ("Contact Sales", CHANGE),
        ("Subscribe", UPGRADE),
        (NOT_BILLED_AT_SIGN_UP, UPGRADE),
        ("Contact Sales", SALES),
        ("Payment Methods", PORTAL),
        ("Add a payment method", PORTAL),
        ("Add a payment method", PM_ADD),
        ("Billing History", PORTAL),
    ],
)
def test_free_shows(label, page, customer, alice, seller, catalogue, at, log_in):
    on_free(customer, alice, at)
    args = {UPGRADE: ["plus"]}.get(page, [])
    assert label in shown(log_in(alice), reverse(page, args=args))


@pytest.mark.parametrize(
    ("label", "page"),
    [
        ("Meridian Plus", OVERVIEW),
        ("Cancel Plan", OVERVIEW),
        ("Cancel Plan", CHANGE),
        ("Confirm Downgrade", CANCEL),
        (NOT_BILLED_AT_SIGN_UP, OVERVIEW),
        (">...<", PORTAL),
        ("Make default", PORTAL),
        ("Delete", PORTAL),
        (ONE_METHOD_MUST_REMAIN, PORTAL),
    ],
)
def test_plus_shows(label, page, customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    add_card(customer, alice, "5555555555554444", at)
    assert label in shown(log_in(alice), reverse(page))


def test_an_open_invoice_shows_pay_and_a_paid_one_its_downloads(customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at, card="4000000000000341")
    run_billing(at=CALCULATED_AT)
    run_billing(at=BILLED_AT)
    declined = Invoice.objects.get()
    page = shown(log_in(alice), reverse("invoice", args=[declined.public_id]))
    assert "> Pay" in page or ">Pay" in page
    assert "Download invoice" in page
    assert "The receipt is available after payment." in page


@pytest.mark.parametrize(
    ("label", "page"),
    [(NO_SELF_SERVE, OVERVIEW), (NO_SELF_SERVE, CHANGE), (NO_SELF_SERVE, CANCEL), (NO_PAYMENT_MANAGEMENT, PORTAL)],
)
def test_enterprise_shows(label, page, customer, alice, seller, catalogue, at, log_in):
    on_free(customer, alice, at)
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=None)
    assert label in shown(log_in(alice), reverse(page))


@pytest.mark.parametrize("name", ["plan_upgrade", "plan_cancel", "pm_add", "contact_sales"])
def test_every_plan_and_payment_post_of_enterprise_is_refused_with_the_contact(
    name, customer, alice, seller, catalogue, at, log_in, settings
):
    on_free(customer, alice, at)
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=None)
    args = ["plus"] if name == "plan_upgrade" else []
    response = log_in(alice).post(reverse(name, args=args), {})
    assert response.status_code == 403
    assert settings.SALES_EMAIL in response.content.decode()
