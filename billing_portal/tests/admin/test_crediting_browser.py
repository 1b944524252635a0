"""Staff give money back in a real browser, by the labels alone: a credit note, a refund, what is kept paid out."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.tests.cards import add_card
from billing_portal.chromium import dress
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.looks import problems
from core.periods import midnight
from invoices.models import Invoice, Refund
from invoices.services.collect_payment import collect_payment
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import BILLING_ON, line, open_invoice, usage_line
from invoices.tests.credited import granted, put_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def invoice(seller, customer, alice, at):
    """Paid by card, and in part by credits; another one is open."""
    at = midnight(BILLING_ON)
    put_in(customer, "FR")
    add_card(customer, alice, at)
    granted(customer, 1000)
    made = open_invoice(customer, lines=(line(4900, "fee"), usage_line(235, key="usage")), at=at)
    submit_payment(payment_id=collect_payment(invoice_id=made.pk, at=at, automatic=True).pk, at=at)
    open_invoice(customer, 500, at=at)
    return made


def credit_url(invoice):
    return reverse("admin:invoices_invoice_credit", args=[invoice.pk])


def refund_url(invoice):
    return reverse("admin:invoices_payment_refund", args=[invoice.payments.get().pk])


def pay_out_url(note):
    return reverse("admin:invoices_invoice_pay_out", args=[note.pk])


def credit_a_line(page: Page, invoice: Invoice) -> Invoice:
    page.goto(credit_url(invoice))
    page.get_by_label("Chosen lines").check()
    page.get_by_label("Line 1: give back of Plus monthly fee").fill("10")
    page.get_by_label("Keep it for the next invoice").check()
    page.get_by_label("Reason on the credit note").fill("Outage")
    page.get_by_label("Reason", exact=True).fill("Outage on 12 October")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("row", name="Credit note total")).to_contain_text("$12.00")
    expect(page.get_by_text("Lowers what is due on INV-2026-000002")).to_be_visible()
    page.get_by_role("button", name="Issue credit note").click()
    expect(page.get_by_text(re.compile(r"Credit note CN-\d{4}-000001 over \$12\.00 is issued\."))).to_be_visible()
    return Invoice.objects.credit_notes().get()


def refund_a_part(page: Page, invoice: Invoice) -> None:
    page.goto(refund_url(invoice))
    page.get_by_label("Amount").fill("5.07")
    page.get_by_label("Reason", exact=True).fill("Goodwill")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Back to Visa ending 4242, payment RCP-2026-000001")).to_be_visible()
    page.get_by_role("button", name="Refund", exact=True).click()
    expect(page.get_by_text(re.compile(r"Credit note CN-\d{4}-000002 over \$5\.07 is issued\."))).to_be_visible()


def pay_out(page: Page, note: Invoice) -> None:
    page.goto(pay_out_url(note))
    page.get_by_label("Outside: it was transferred already").check()
    page.get_by_label("How it was paid").select_option(label="bank transfer")
    page.get_by_label("Reference").fill("SEPA 4711")
    page.get_by_label("Reason", exact=True).fill("They asked for it")
    page.get_by_role("button", name="Pay out").click()
    expect(page.get_by_text(f"$6.00 of {note.number} is recorded as paid out.")).to_be_visible()


@pytest.mark.parametrize("browser_page", ["page", "page_without_js"])
def test_staff_credit_refund_and_pay_out(browser_page, request, log_in, clerk, invoice):
    page = enter(request.getfixturevalue(browser_page), log_in(clerk))
    note = credit_a_line(page, invoice)
    refund_a_part(page, invoice)
    pay_out(page, note)
    assert sorted(Refund.objects.values_list("amount", flat=True)) == [507, 600]


def test_nobody_is_kept_out_of_giving_money_back(page, log_in, clerk, invoice):
    enter(page, log_in(clerk))
    dress(page)
    found = []
    page.goto(credit_url(invoice))
    page.get_by_label("Chosen lines").check()
    found += problems(page)
    for amount in ("60", "45"):
        page.get_by_label("Line 1: give back of Plus monthly fee").fill(amount)
        page.get_by_label("Reason", exact=True).fill("Outage on 12 October")
        page.get_by_role("button", name="Preview").click()
        found += problems(page)
    note = credit_a_line(page, invoice)
    for url in (refund_url(invoice), pay_out_url(note)):
        page.goto(url)
        found += problems(page)
    assert found == []
