"""Buying credit in a real browser: accessible in every theme and width, by keyboard, and without a script."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import BillingProfile
from billing_portal.chromium import dress
from billing_portal.tests.people import on_plus
from billing_portal.tests.test_credit_looks import check, visit
from core.clock import travel_to
from invoices.models import CreditSale, Payment
from invoices.services.set_top_up import set_top_up
from invoices.services.submit_payment import submit_payment
from invoices.topping_up import TopUpTerms

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def wonder(customer, alice, catalogue, seller, at):
    BillingProfile.objects.update_or_create(customer=customer, defaults={"country": "FR"})
    on_plus(customer, alice, catalogue, at)
    return customer


def test_nobody_is_kept_out_of_buying(page: Page, alice, wonder):
    dress(page)
    visit(page, alice, reverse("credits"))
    page.get_by_role("link", name="Buy credits").click()
    check(page, "buy")
    page.get_by_label("Amount of credits").fill("5")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    check(page, "buy-error")
    page.get_by_role("link", name="$100.00").click()
    expect(page.get_by_test_id("total")).to_have_text("$120.00")
    check(page, "review")


def test_nobody_is_kept_out_of_automatic_top_up(page: Page, alice, wonder):
    dress(page)
    visit(page, alice, reverse("credits_top_up"))
    check(page, "top-up-off")
    for label, value in (("When available", "20"), ("Buy", "50"), ("Charge at most", "150")):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_test_id("next")).to_contain_text("$60.00 with tax")
    check(page, "top-up-on")


def test_no_staff_are_kept_out_of_selling(page: Page, staff, alice, wonder, at):
    dress(page)
    rule = set_top_up(customer_id=wonder.pk, terms=TopUpTerms("USD", 2000, 5000, 15000), at=at, actor=alice)
    visit(page, staff, reverse("admin:customer_credits_grant", args=[wonder.key]))
    page.get_by_label("Credit amount").fill("100")
    page.get_by_label("Currency").fill("USD")
    page.get_by_label("Reason").fill("Order 7")
    page.get_by_text("Invoice the customer", exact=True).click()
    page.get_by_text("After payment", exact=True).click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_test_id("total")).to_have_text("$120.00")
    check(page, "staff-sale")
    page.get_by_role("button", name="Grant credits").click()
    expect(page.get_by_role("link", name="Switch off")).to_be_visible()
    check(page, "staff-sold")
    page.goto(reverse("admin:customer_top_up_stop", args=[wonder.key, rule.public_id]))
    check(page, "staff-top-up-off")


def test_credit_is_bought_without_a_script(page_without_js: Page, alice, wonder, at):
    page = page_without_js
    visit(page, alice, reverse("credits"))
    page.get_by_role("link", name="Buy credits").click()
    page.get_by_label("Amount of credits").fill("75")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Buy credits").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    submit_payment(payment_id=Payment.objects.get().pk, at=at)
    page.reload()
    expect(page.get_by_test_id("available")).to_have_text("$75.00")
    expect(page.get_by_role("link", name="Invoice for Purchased credits")).to_be_visible()
    assert CreditSale.objects.get().invoice.status == "paid"


def test_two_presses_buy_once(page: Page, alice, wonder):
    visit(page, alice, reverse("credits_review") + "?amount=100")
    page.get_by_role("button", name="Buy credits").dblclick()
    page.wait_for_url(lambda url: "review" not in url)
    assert (CreditSale.objects.count(), Payment.objects.count()) == (1, 1)
