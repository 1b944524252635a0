"""What waits for staff, in a real browser: from the work list to the end, by the labels alone; and its looks."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Customer
from accounts.services.park_customer import park_customer
from billing_portal.models import Run, RunKind
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.admin.test_worklist import busy
from billing_portal.tests.looks import problems_on
from invoices.tests.cast import charges
from plans.models import SalesInquiry
from plans.services.open_default_subscription import open_default_subscription

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)


def run_again(page: Page) -> None:
    page.goto(reverse("admin:index"))
    page.get_by_role("link", name="All parked customers").click()
    page.get_by_role("link", name="Run again for Wonder Ltd").click()
    page.get_by_role("button", name="Run again for this customer").click()
    expect(page.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    page.get_by_label("Reason").fill("Currency put right")
    page.get_by_role("button", name="Run again for this customer").click()
    expect(page.get_by_text("It went through.")).to_be_visible()
    page.get_by_role("navigation", name="Runs").get_by_role("link", name="Parked customers").click()
    expect(page.get_by_text("Nobody is parked.")).to_be_visible()


def check_the_books(page: Page) -> None:
    page.get_by_role("navigation", name="Runs").get_by_role("link", name="Check of the books").click()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.get_by_text("The books agree").first).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_staff_put_a_customer_right_and_check_the_books(script, request, log_in, clerk, customer, seller, catalogue):
    open_default_subscription(customer_id=customer.pk, at=AT, actor=None)
    park_customer(customer_id=customer.pk, reason="CurrencyError: JPY", at=AT)
    page = enter(request.getfixturevalue("page" if script else "page_without_js"), log_in(clerk))
    run_again(page)
    check_the_books(page)
    assert not Customer.objects.filter(parked_at__isnull=False).exists()


def test_staff_work_on_what_waits(page, log_in, clerk, customer, alice, seller, catalogue):
    uncertain, _declined = busy(customer, alice, clerk, catalogue, AT)
    enter(page, log_in(clerk)).goto(reverse("admin:index"))
    page.get_by_role("region", name="Uncertain payments").get_by_role("link", name="Wonder Ltd").click()
    page.get_by_label("Reason").fill("The customer called")
    page.get_by_role("button", name="Ask the gateway now").click()
    expect(page.get_by_text("The gateway was asked. Given up")).to_be_visible()
    assert dict(charges())[uncertain.key] == "canceled"
    page.get_by_role("link", name="Contact requests").first.click()
    page.get_by_role("link", name="Wonder").first.click()
    page.get_by_label("Won").check()
    page.get_by_label("Note").fill("Signed.")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Subscriptions of Wonder Ltd").click()
    expect(page.get_by_role("heading", name="Subscriptions")).to_be_visible()


def test_nobody_is_kept_out(page, log_in, clerk, customer, alice, seller, catalogue):
    payments = busy(customer, alice, clerk, catalogue, AT)
    parked = [{"customer": customer.pk, "reason": "CurrencyError: subscription:16:2026-11-20"}]
    steps = [{"name": "calculated", "done": 12_345, "took_ms": 9_000}]
    run = Run.objects.create(kind=RunKind.BILLING, at=AT, started_at=AT, ended_at=AT, parked=parked, steps=steps)
    findings = [{"rule": "watermark", "subject": "line:subscription:42:fee:plus-base:2026-03-01", "detail": "1, not 2"}]
    Run.objects.create(kind=RunKind.BOOKS, at=AT, started_at=AT, ended_at=AT, found=1, findings=findings)
    names = ["index", "runs", "runs_parked", "runs_books", "attention", "plans_salesinquiry_changelist"]
    paths = [
        *(reverse(f"admin:{name}") for name in names),
        reverse("admin:runs_run", args=[run.pk]),
        reverse("admin:customer_run_again", args=[customer.key]),
        *(reverse("admin:attention_payment", args=[payment.public_id]) for payment in payments),
        reverse("admin:plans_salesinquiry_change", args=[SalesInquiry.objects.get().pk]),
    ]
    enter(page, log_in(clerk))
    assert problems_on(page, paths) == {}
