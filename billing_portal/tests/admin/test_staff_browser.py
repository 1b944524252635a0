"""Staff's way in a real browser, by the labels alone: meter, feature, plan, publish, customer, subscription."""

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing_portal.tests.looks import problems_on
from core.clock import now
from plans.models import Plan, Subscription
from plans.services.copy_plan import copy_plan
from plans.services.open_default_subscription import open_default_subscription
from plans.services.save_plan import save_plan

pytestmark = pytest.mark.django_db(transaction=True)


def enter(page: Page, client) -> Page:
    """The browser gets the session of a test client that is logged in."""
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "domain": "localhost", "path": "/"}])
    return page


def make_meter_and_feature(page: Page) -> None:
    page.get_by_role("link", name="Product Catalog").first.click()
    page.get_by_role("navigation", name="Product Catalog").get_by_role("link", name="Meters").click()
    page.get_by_role("link", name="New meter").click()
    page.get_by_label("Name").fill("Storage")
    page.get_by_label("Event type").fill("storage.used")
    page.get_by_label("sum", exact=True).check()
    page.get_by_label("Value property").fill("$.bytes")
    page.get_by_label("Dimensions").fill("region = $.region")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("navigation", name="Product Catalog").get_by_role("link", name="Features").click()
    page.get_by_role("link", name="New feature").click()
    page.get_by_label("Name", exact=True).fill("Storage in Europe")
    page.get_by_role("combobox", name="Meter").select_option(label="Storage")
    page.get_by_label("Filters").fill("region = eu-west, eu-central")
    page.get_by_role("button", name="Save").click()


def make_plan(page: Page) -> None:
    page.get_by_role("navigation", name="Product Catalog").get_by_role("link", name="Plans").click()
    page.get_by_role("link", name="New plan").click()
    page.get_by_label("Name").fill("Prepaid")
    page.get_by_label("Currency").fill("USD")
    page.get_by_role("group", name="Settlement mode").get_by_label("Credits only").check()
    page.get_by_role("button", name="Add Rate Card").click()
    page.get_by_label("Usage based").check()
    page.get_by_label("Feature").fill("ai-tokens")
    page.get_by_role("textbox", name="Price per unit", exact=True).fill("1.00")
    page.get_by_label("Per N units").fill("1000")


def publish(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Publish Plan").click()
    page.get_by_role("button", name="Publish Plan").click()
    expect(page.get_by_text("Prepaid v1 is published.")).to_be_visible()


def make_customer(page: Page) -> None:
    page.get_by_role("link", name="Billing", exact=True).first.click()
    page.get_by_role("navigation", name="Billing", exact=True).get_by_role("link", name="Customers").click()
    page.get_by_role("link", name="Create Customer").click()
    page.get_by_label("Name", exact=True).fill("Looking Glass Ltd")
    page.get_by_label("Application").check()
    page.get_by_label("Value").fill("glass-app")
    page.get_by_label("Billing e-mail").fill("billing@glass.example")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Looking Glass Ltd", level=1)).to_be_visible()


def subscribe(page: Page) -> None:
    page.get_by_role("navigation", name="Customer", exact=True).get_by_role("link", name="Subscriptions").click()
    page.get_by_role("link", name="New subscription").click()
    page.get_by_label("Plan", exact=True).select_option(label="Prepaid, version 1 (USD)")
    page.get_by_label("Immediately").check()
    page.get_by_label("Reason").fill("Signed order")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Preview")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text="Prepaid v1")).to_contain_text("Active")


def walk(page: Page) -> None:
    page.goto(reverse("admin:index"))
    make_meter_and_feature(page)
    make_plan(page)


def test_staff_walk_from_the_meter_to_the_subscription(page, log_in, clerk, catalogue, seller):
    page.emulate_media(reduced_motion="no-preference")
    walk(enter(page, log_in(clerk)))
    expect(page.locator("#examples")).to_contain_text("1,000,000 tokens = $1,000.00")
    publish(page)
    make_customer(page)
    subscribe(page)
    assert Plan.objects.get(key="prepaid").settlement_mode == "credit_only"
    assert Subscription.objects.open().get().plan.key == "prepaid"


def test_staff_walk_without_a_script(page_without_js, log_in, clerk, catalogue, seller):
    page = page_without_js
    walk(enter(page, log_in(clerk)))
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#examples")).to_contain_text("1,000,000 tokens = $1,000.00")
    publish(page)
    make_customer(page)
    subscribe(page)


def addresses(customer, draft, catalogue) -> list[str]:
    names = ["index", "product_catalog", "billing", "customer_add", "plans_plan_add"]
    tabs = ["customer", "customer_subscriptions", "customer_subscriptions_add", "customer_invoices", "customer_usage"]
    tables = ["plans_plan", "usage_meter", "usage_feature", "accounts_customer", "invoices_invoice"]
    return [
        *(reverse(f"admin:{name}") for name in names),
        *(reverse(f"admin:{tab}", args=[customer.key]) for tab in (*tabs, "customer_audit")),
        *(reverse(f"admin:{table}_changelist") for table in tables),
        reverse("admin:usage_meter_add"),
        reverse("admin:usage_feature_add"),
        reverse("admin:plans_plan_change", args=[draft.pk]),
        reverse("admin:plans_plan_change", args=[catalogue.plus.pk]),
        reverse("admin:plans_plan_publish", args=[draft.pk]),
        reverse("admin:plans_plan_card_add", args=[draft.pk]),
        "/admin/login/",
    ]


def test_nobody_of_staff_is_kept_out(page, log_in, clerk, customer, catalogue, seller):
    values = {"key": "prepaid", "name": "Prepaid", "currency": "USD", "settlement_mode": "credit_only"}
    draft = save_plan(plan_id=None, values=values, at=now(), actor=clerk)
    open_default_subscription(customer_id=customer.pk, at=now(), actor=None)
    copied = copy_plan(plan_id=catalogue.plus.pk, at=now(), actor=clerk)
    tiered = copied.rate_cards.get(key="ai-tokens")
    tiered.model, tiered.unit_amount = "graduated", None
    tiered.save()
    enter(page, log_in(clerk))
    card = reverse("admin:plans_plan_card_change", args=[copied.pk, tiered.pk])
    assert problems_on(page, (card, *addresses(customer, draft, catalogue))) == {}
