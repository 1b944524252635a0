"""Staff's way with one invoice in a real browser, by the labels alone; and that nobody is kept out of its pages."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.tests.cards import DECLINES, LOSES_ANSWER, add_card
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.looks import problems_on
from core import clock
from core.clock import now
from core.periods import Period, utc_day
from invoices.hand_charges import HandCharge
from invoices.models import Invoice, OutsideMethod
from invoices.services.add_charge import add_charge
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import calculated, open_invoice
from plans.tests.conftest import go_plus

pytestmark = pytest.mark.django_db(transaction=True)


def test_staff_charge_part_pay_and_void(page, log_in, clerk, customer, catalogue, seller):
    go_plus(customer, catalogue, now())
    enter(page, log_in(clerk))
    add_a_charge(page)
    mark_paid_outside(page)
    send_again(page)
    write_off(page)
    invoice = Invoice.objects.get()
    assert (invoice.amount_paid, invoice.amount_due, invoice.status) == (2000, 3000, "uncollectible")


def test_staff_void_without_a_script(page_without_js, log_in, clerk, customer, seller):
    invoice = open_invoice(customer, 4900)
    page = enter(page_without_js, log_in(clerk))
    page.goto(reverse("admin:invoices_invoice_change", args=[invoice.pk]))
    page.get_by_role("navigation", name="Actions").get_by_role("link", name="Void").click()
    page.get_by_role("button", name="Void invoice").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    page.get_by_label("Reason").fill("Sent to the wrong company")
    page.get_by_role("button", name="Void invoice").click()
    expect(page.get_by_text(f"{invoice.number} is void.")).to_be_visible()
    expect(page.get_by_role("table", name="Who did what")).to_contain_text("Sent to the wrong company")


def add_a_charge(page: Page) -> None:
    page.goto(reverse("admin:invoices_invoice_changelist"))
    page.get_by_role("link", name="Add a charge").click()
    page.get_by_label("Name or key").fill("Wonder")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Wonder Ltd").click()
    page.get_by_label("Title").fill("Onboarding workshop")
    page.get_by_label("Amount").fill("50.00")
    page.get_by_label("Invoice now").check()
    page.get_by_label("Reason").fill("Order 77")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("table", name="On the document")).to_contain_text("$50.00")
    page.get_by_role("button", name="Add charge").click()
    expect(page.get_by_role("heading", name="Invoice INV-", level=1)).to_be_visible()


def mark_paid_outside(page: Page) -> None:
    page.get_by_role("link", name="Mark paid outside").click()
    page.get_by_label("Amount").fill("20.00")
    page.get_by_label("Cheque").check()
    page.get_by_label("Reference").fill("No. 1204")
    page.get_by_label("Reason").fill("Came by post")
    page.get_by_role("button", name="Record payment").click()
    expect(page.get_by_test_id("amount-due")).to_have_text("$30.00")
    expect(page.get_by_role("table", name="Attempts to pay")).to_contain_text("Paid by cheque, reference No. 1204.")


def send_again(page: Page) -> None:
    page.get_by_role("link", name="Send again").click()
    page.get_by_label("Receipt RCP-").check()
    page.get_by_label("Also to").fill("books@wonder.example")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("On its way to alice@example.com, books@wonder.example.")).to_be_visible()


def write_off(page: Page) -> None:
    page.get_by_role("link", name="Write off").click()
    page.get_by_label("Reason").fill("Insolvent")
    page.get_by_role("button", name="Write off").click()
    expect(page.get_by_text("is written off.")).to_be_visible()


def addresses(customer, alice, catalogue, at) -> list[str]:
    """Every page about a document, with everything on it."""
    add_card(customer, alice, at, DECLINES)
    go_plus(customer, catalogue, at)
    story = open_invoice(customer, 4900, at=at)
    submit_payment(payment_id=collect_payment(invoice_id=story.pk, at=at, automatic=True).pk, at=at)
    record_outside_payment(
        invoice_id=story.pk, key="k", amount=900, received_on=utc_day(at), method=OutsideMethod.BANK_TRANSFER,
        reference="2026-10-A7", at=at, reason="Statement",
    )  # fmt: skip
    card = add_card(customer, alice, at, make_default=True)
    payment = collect_payment(invoice_id=story.pk, at=at, automatic=False, payment_method=card)
    submit_payment(payment_id=payment.pk, at=at)
    note = issue_credit_note(invoice_id=story.pk, at=at, reason="Not wanted")
    reconcile_refunds(at=at)
    unknown = open_invoice(customer, 7000, at=at)
    lost = add_card(customer, alice, at, LOSES_ANSWER)
    asked = collect_payment(invoice_id=unknown.pk, at=at, automatic=False, payment_method=lost)
    submit_payment(payment_id=asked.pk, at=at)
    add_charge(charge=a_charge(customer, at), at=at, reason="Order 77")
    unpaid, draft = open_invoice(customer, 20_000, at=at), calculated(customer, 4900, key="draft")
    waits = add_charge(charge=a_charge(customer, at, "second"), at=at, reason="Order 78")
    deliver_documents(at=at)
    pages = ("void", "write_off", "paid_outside", "send_again")
    return [
        *(reverse("admin:invoices_invoice_change", args=[row.pk]) for row in (story, note, unknown, draft, unpaid)),
        *(reverse("admin:invoices_payment_change", args=[row.pk]) for row in story.payments.all()),
        *(reverse(f"admin:invoices_invoice_{name}", args=[unpaid.pk]) for name in pages),
        reverse("admin:invoices_invoice_issue", args=[draft.pk]),
        reverse("admin:invoices_invoice_void", args=[story.pk]),
        reverse("admin:customer_invoices", args=[customer.key]),
        reverse("admin:customer_invoices_charge", args=[customer.key]),
        reverse("admin:customer_invoices_take_back", args=[customer.key, waits.pk]),
        reverse("admin:invoices_invoice_charge") + "?q=wonder",
    ]


def a_charge(customer, at, key="first") -> HandCharge:
    day = utc_day(at)
    return HandCharge(key, customer.pk, "Onboarding workshop", "USD", 5000, Period(day, day + timedelta(days=1)))


def test_nobody_of_staff_is_kept_out(page, log_in, clerk, customer, alice, seller, catalogue, at):
    with clock.travel_to(at):
        paths = addresses(customer, alice, catalogue, at)
        enter(page, log_in(clerk))
        assert problems_on(page, paths) == {}
