"""Staff's flows without a mouse: meter, feature, plan, publish, customer, subscription, grant, history; then an
invoice given back in part, one paid outside, one voided, and the portal as its customer sees it."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.tests.cards import add_card
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.keys import Keys
from billing_portal.tests.people import on_free
from core.clock import now
from credits.selectors import balances
from invoices.models import Invoice
from invoices.services.collect_payment import collect_payment
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import open_invoice
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


@pytest.fixture
def documents(customer, alice, catalogue, seller) -> tuple[Invoice, Invoice, Invoice]:
    """One that is paid by card, and two that are open."""
    at = now()
    on_free(customer, alice, at)
    add_card(customer, alice, at)
    paid, wired, wrong = (open_invoice(customer, amount, at=at) for amount in (4900, 2100, 700))
    submit_payment(payment_id=collect_payment(invoice_id=paid.pk, at=at, automatic=True).pk, at=at)
    return paid, wired, wrong


def open_customer_page(keys: Keys) -> None:
    keys.press("link", "Billing")
    keys.press("link", "Customers")
    keys.press("link", "Wonder Ltd")


def open_document(keys: Keys, invoice: Invoice) -> None:
    keys.press("link", "Invoices")
    keys.press("link", str(invoice.number))


def give_back(keys: Keys) -> None:
    keys.press("link", "Credit note")
    keys.choose("An amount")
    keys.write("Amount", "12.00")
    keys.choose("Keep it for the next invoice: open invoices, but no card")
    keys.write("Reason", "Outage on 12 October")
    keys.press("button", "Preview")
    expect(keys.page.get_by_role("row", name="Credit note total")).to_contain_text("$12.00")
    keys.press("button", "Issue credit note")


def mark_paid_outside(keys: Keys) -> None:
    keys.press("link", "Mark paid outside")
    keys.choose("Cheque")
    keys.write("Reference", "No. 1204")
    keys.write("Reason", "Came by post")
    keys.press("button", "Record payment")


def void(keys: Keys) -> None:
    keys.press("link", "Void")
    keys.write("Reason", "Sent to the wrong company")
    keys.press("button", "Void invoice")


def look_as_viewer(keys: Keys) -> None:
    keys.press("link", "Log in as viewer")
    keys.write("Reason", "Ticket 7")
    keys.press("button", "Log in as viewer")
    expect(keys.page.get_by_role("region", name="Viewing as a customer")).to_be_visible()
    keys.press("button", "Stop viewing")


def test_staff_need_none_for_documents_and_customers(page, log_in, clerk, documents):
    keys, (paid, wired, wrong) = Keys(enter(page, log_in(clerk))), documents
    page.goto(reverse("admin:index"))
    for invoice, act, told in (
        (paid, give_back, re.compile(r"Credit note CN-\d{4}-000001 over \$12\.00 is issued\.")),
        (wired, mark_paid_outside, re.compile(r"recorded\. Receipt RCP-\d{4}-\d{6}\.")),
        (wrong, void, f"{wrong.number} is void."),
    ):
        open_customer_page(keys)
        open_document(keys, invoice)
        act(keys)
        expect(page.get_by_text(told)).to_be_visible()
    open_customer_page(keys)
    look_as_viewer(keys)
    expect(page.get_by_role("heading", name="Wonder Ltd", level=1)).to_be_visible()
    assert [Invoice.objects.get(pk=each.pk).status for each in documents] == ["paid", "paid", "void"]
