"""Staff's flows without a mouse: meter, feature, plan, publish, customer, subscription, grant, history."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.keys import Keys
from core.clock import now
from credits.selectors import balances
from plans.models import Subscription

pytestmark = pytest.mark.django_db(transaction=True)


def make_meter_and_feature(keys: Keys) -> None:
    keys.press("link", "Product Catalog")
    keys.press("link", "Meters")
    keys.press("link", "New meter")
    keys.write("Name", "Storage")
    keys.write("Event type", "storage.used")
    keys.choose("sum")
    keys.write("Value property", "$.bytes")
    keys.press("button", "Save")
    keys.press("link", "Features")
    keys.press("link", "New feature")
    keys.write("Name", "Storage")
    keys.select("Meter", "Storage")
    keys.press("button", "Save")


def make_plan(keys: Keys) -> None:
    keys.press("link", "Plans")
    keys.press("link", "New plan")
    keys.write("Name", "Prepaid")
    keys.write("Currency", "USD")
    keys.choose("Credits only")
    keys.press("button", "Add Rate Card")
    keys.choose("Usage based")
    keys.write("Feature", "ai-tokens", role="combobox")
    keys.write("Price per unit", "1.00")
    keys.write("Per N units", "1000", role="spinbutton")
    keys.press("button", "Save")
    keys.press("link", "Publish Plan")
    keys.press("button", "Publish Plan")


def make_customer(keys: Keys) -> None:
    keys.press("link", "Billing")
    keys.press("link", "Customers")
    keys.press("link", "Create Customer")
    keys.write("Name", "Looking Glass Ltd")
    keys.choose("Application")
    keys.write("Value", "glass-app")
    keys.write("Billing e-mail", "billing@glass.example")
    keys.press("button", "Save")


def subscribe(keys: Keys) -> None:
    keys.press("link", "Subscriptions")
    keys.press("link", "New subscription")
    keys.select("Plan", "Prepaid")
    keys.choose("Immediately")
    keys.write("Reason", "Signed order")
    keys.press("button", "Preview")
    keys.press("button", "Save")


def grant(keys: Keys) -> None:
    keys.press("link", "Credits")
    keys.press("link", "Grant Credits")
    keys.write("Credit amount", "100", role="spinbutton")
    keys.write("Reason", "Welcome")
    keys.press("button", "Next")
    keys.press("button", "Grant credits")


def test_staff_need_no_mouse(page, log_in, clerk, catalogue, seller):
    keys = Keys(enter(page, log_in(clerk)))
    page.goto(reverse("admin:index"))
    make_meter_and_feature(keys)
    make_plan(keys)
    expect(page.get_by_text("Prepaid v1 is published.")).to_be_visible()
    make_customer(keys)
    subscribe(keys)
    expect(page.get_by_role("row").filter(has_text="Prepaid v1")).to_contain_text("Active")
    grant(keys)
    expect(page.get_by_role("heading", name="Transaction History")).to_be_visible()
    customer_id = Subscription.objects.open().get().customer_id
    assert [each.settled for each in balances(customer_id, now())] == [10_000]
