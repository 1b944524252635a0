"""Staff's way in a real browser, by the labels alone: a contract drafted and begun, subscriptions moved and watched."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing_portal import billing_run
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.looks import problems_on
from core.clock import now
from plans.models import MoveTime, Plan, RateCard, ScheduledChange, Subscription
from plans.services.copy_plan import copy_plan
from plans.services.draft_contract import draft_contract
from plans.services.migrate_subscriptions import migrate_subscriptions
from plans.services.publish_plan import publish_plan
from plans.services.schedule_migrations import schedule_migrations
from plans.tests.conftest import go_plus

pytestmark = pytest.mark.django_db(transaction=True)
MONTH = timedelta(days=20)


@pytest.fixture
def second(catalogue, customer, seller, clerk):
    """Version 2 of Plus, with `customer` on version 1 for some days."""
    go_plus(customer, catalogue, now() - MONTH)
    draft = copy_plan(plan_id=catalogue.plus.pk, at=now(), actor=clerk)
    RateCard.objects.filter(plan=draft, key="base-fee").update(amount=5_900)
    return publish_plan(plan=draft, at=now(), actor=clerk)


def begin_contract(page: Page, customer) -> None:
    page.goto(reverse("admin:customer_subscriptions", args=[customer.key]))
    page.get_by_role("link", name="New contract").click()
    page.get_by_label("Payment terms, days").fill("60")
    page.get_by_label("Reason").fill("Order 7")
    page.get_by_role("button", name="Save draft").click()
    page.get_by_role("link", name="Publish Plan").click()
    page.get_by_role("button", name="Publish Plan").click()
    page.get_by_label("Reason").fill("Order 7")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("A contract plan: invoices are sent")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text="Enterprise – Wonder Ltd v1")
    expect(row.filter(has_text="Active")).to_have_count(1)


def test_a_contract_from_the_draft_to_the_customer(page, log_in, clerk, second, customer):
    begin_contract(enter(page, log_in(clerk)), customer)
    assert Subscription.objects.open().get().plan == Plan.objects.get(customer=customer, payment_terms=60)


def test_a_contract_without_a_script(page_without_js, log_in, clerk, second, customer):
    begin_contract(enter(page_without_js, log_in(clerk)), customer)


def move(page: Page, plan: Plan) -> None:
    page.goto(reverse("admin:plans_plan_change", args=[plan.pk]))
    page.get_by_role("link", name="Move subscriptions").click()
    page.get_by_label("Immediately").check()
    expect(page.get_by_text("Less than 30 days’ notice.")).to_be_visible()
    page.get_by_label("Reason").fill("New prices")
    page.get_by_role("button", name="Move subscriptions").click()
    expect(page.get_by_text("0 of about 1 are scheduled so far")).to_be_visible()


def test_a_migration_that_is_watched(page, log_in, clerk, second):
    move(enter(page, log_in(clerk)), second)
    billing_run.change_due(at=now(), report=billing_run.RunReport(at=""))
    expect(page.get_by_text("Finished")).to_be_visible(timeout=15_000)  # the page asks by itself
    assert Subscription.objects.open().get().plan == second


def test_a_migration_without_a_script(page_without_js, log_in, clerk, second):
    page = enter(page_without_js, log_in(clerk))
    move(page, second)
    billing_run.change_due(at=now(), report=billing_run.RunReport(at=""))
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_text("Finished")).to_be_visible()


def test_nobody_of_staff_is_kept_out_of_it(page, log_in, clerk, second, customer, catalogue):
    draft = draft_contract(
        customer_id=customer.pk, plan_id=catalogue.enterprise.pk, name="Enterprise – Wonder Ltd",
        values={"payment_terms": 30}, at=now(), actor=clerk, reason="Order 7",
    )  # fmt: skip
    enter(page, log_in(clerk))
    found = problems_on(page, [reverse("admin:plans_plan_migrate", args=[second.pk])])
    migration = migrate_subscriptions(
        key="mig_1", plan_id=second.pk, when=MoveTime.PERIOD_END, reason="New prices", at=now(), actor=clerk
    )
    schedule_migrations(at=now())
    change = ScheduledChange.objects.get()
    tabs = ["customer_subscriptions", "customer_subscriptions_cancel", "customer_subscriptions_contract"]
    addresses = [
        reverse("admin:plans_plan_migration", args=[second.pk, migration.key]),
        reverse("admin:plans_plan_archive", args=[second.pk]),
        reverse("admin:plans_plan_change", args=[draft.pk]),
        *(reverse(f"admin:{tab}", args=[customer.key]) for tab in tabs),
        reverse("admin:customer_subscriptions_withdraw", args=[customer.key, change.pk]),
    ]
    assert found | problems_on(page, addresses) == {}
