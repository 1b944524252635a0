"""Credit comes back where a line is corrected; a preview says before what the bill will say."""

from datetime import timedelta

import pytest

from accounts.tests.cards import add_card
from credits.models import LedgerTransaction
from invoices.models import CreditApplication, InvoiceStatus, Refund
from invoices.paper import invoice_paper
from invoices.previewing import preview_document
from invoices.selectors import pending_lines, tax_rules
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.collect_payment import collect_payment
from invoices.services.discard_drafts import discard_drafts
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import BILLING_ON, calculated, draft, line, open_invoice, paid_with, usage_line
from invoices.tests.credited import (
    CALCULATED_AT,
    GRANTED_AT,
    ISSUED_AT,
    bill_is,
    corrected,
    credits_of,
    granted,
    left,
    previewed,
    put_in,
    settled,
)

pytestmark = pytest.mark.usefixtures("seller", "books_hold")


# --- corrections ----------------------------------------------------------------------------------------------------
def test_a_correction_gives_back_money_first_then_credits(customer):
    granted(customer, 4000)
    open_invoice(customer, lines=(line(4900, "fee"),))
    note = corrected(customer, 1200)
    assert (note.credits, note.total) == (-300, -900)
    assert left(customer) == 300
    [issued] = finalize_invoices(invoice_ids=[note.pk], at=ISSUED_AT + timedelta(hours=2))
    paper = invoice_paper(issued)
    assert (paper.title, paper.charges, paper.total) == ("Credit note", "$12.00", "$9.00")
    assert paper.grants == (("Credits returned to your balance", "−$3.00"),)


def test_a_second_correction_goes_on_where_the_first_ended(customer):
    granted(customer, 4000)
    open_invoice(customer, lines=(line(4900, "fee"),))
    first = corrected(customer, 1200)
    finalize_invoices(invoice_ids=[first.pk], at=ISSUED_AT + timedelta(hours=2))
    second = corrected(customer, 1000)
    assert (second.credits, second.total) == (-1000, 0)
    assert left(customer) == 1300


def test_what_is_given_back_lowers_the_open_amount_then_the_card_then_returns_credits(customer, alice):
    add_card(customer, alice, GRANTED_AT)
    granted(customer, 4000)
    first = open_invoice(customer, lines=(line(4900, "fee"),))
    payment = collect_payment(invoice_id=first.pk, at=ISSUED_AT, automatic=False)
    paid_with(payment.pk, ISSUED_AT)
    other = open_invoice(customer, 500)
    note = corrected(customer, 1200)
    finalize_invoices(invoice_ids=[note.pk], at=ISSUED_AT + timedelta(hours=2))
    assert CreditApplication.objects.get().amount == 500
    assert Refund.objects.get().amount == 400
    assert left(customer) == 300
    other.refresh_from_db()
    assert other.status == InvoiceStatus.PAID


def test_returned_credit_pays_what_stands_on_the_same_document(customer):
    granted(customer, 4000)
    open_invoice(customer, lines=(line(4000, "fee"),))
    invoice = corrected(customer, 0, lines=(line(3000, "new"), line(-2500, "unused:1", corrects="fee")))
    assert credits_of(invoice) == {"new": 2500, "unused:1": -2500}
    assert (invoice.credits, invoice.total, left(customer)) == (0, 500, 0)


def test_a_discarded_correction_takes_its_credits_back(customer):
    granted(customer, 4000)
    open_invoice(customer, lines=(line(4900, "fee"),))
    corrected(customer, 1200)
    discard_drafts(customer_ids=[customer.pk], at=ISSUED_AT + timedelta(hours=2))
    assert (left(customer), settled(customer)) == (0, 0)
    again = corrected(customer, 1200)
    assert (again.credits, left(customer)) == (-300, 300)


def test_a_voided_line_has_no_credits_to_give_back(customer, staff):
    granted(customer, 4000)
    issued = open_invoice(customer, lines=(line(4900, "fee"),))
    void_invoice(invoice_id=issued.pk, at=ISSUED_AT, actor=staff, reason="Wrong")
    note = corrected(customer, 1200)
    assert (note.credits, left(customer)) == (0, 4000)


# --- previews -------------------------------------------------------------------------------------------------------
CASES = {
    "paid in part": (line(4900, "fee"), usage_line(235, key="usage")),
    "more lines than credit": tuple(line(1300, f"fee:{n}") for n in range(7)),
    "something unused": (line(4900, "fee"), line(-1200, "unused"), usage_line(235, key="usage")),
    "below zero": (line(100, "fee"), line(-1200, "unused")),
    "credits alone beside": (line(900, "fee"), usage_line(700, key="hour", settlement="credit_only")),
}


@pytest.mark.parametrize("lines", CASES.values(), ids=CASES.keys())
def test_the_preview_is_the_bill(customer, lines):
    put_in(customer, "FR")
    granted(customer, 900, at=GRANTED_AT - timedelta(days=9), features=("api-requests",), name="API")
    granted(customer, 4000, at=GRANTED_AT - timedelta(days=9))
    transactions = LedgerTransaction.objects.count()
    preview = previewed(customer, lines)
    assert LedgerTransaction.objects.count() == transactions
    bill_is(preview, calculated(customer, lines=lines))


def test_the_preview_is_the_bill_where_a_paid_line_is_given_back(customer):
    granted(customer, 4000)
    open_invoice(customer, lines=(line(4900, "fee"),))
    lines = (line(3000, "new"), line(-2500, "unused", corrects="fee"))
    at, on = ISSUED_AT + timedelta(hours=1), BILLING_ON.replace(month=11)
    preview = previewed(customer, lines, at=at, billing_on=on)
    [invoice] = draft_invoices(drafts=[draft(customer, lines=lines, billing_on=on)], at=at)
    assert preview.returned == 1600
    bill_is(preview, invoice)


@pytest.mark.parametrize("expires", [False, True])
def test_the_preview_is_the_bill_where_drafts_are_given_up_first(customer, expires):
    at = CALCULATED_AT + timedelta(days=1)
    ends = {"expires_at": CALCULATED_AT + timedelta(hours=1)} if expires else {}
    granted(customer, 3000, name="Sorry", priority=1, **ends)
    granted(customer, 4000)
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[line(300, "waited")], at=CALCULATED_AT)
    calculated(customer, lines=(line(4900, "fee"), usage_line(235, key="usage")))
    closing = (line(1800, "fee:part"), usage_line(260, key="usage"))
    pending = pending_lines(customer.pk, "USD", discarding=True)
    preview = previewed(customer, (*closing, *pending), at=at, discarding=True)
    discard_drafts(customer_ids=[customer.pk], at=at)
    [invoice] = draft_invoices(drafts=[draft(customer, lines=closing)], at=at)
    bill_is(preview, invoice, with_balance=not expires)


def test_the_preview_is_the_bill_where_a_discarded_draft_gave_back_credits(customer):
    granted(customer, 4000)
    open_invoice(customer, lines=(line(4900, "fee"),))
    at = ISSUED_AT + timedelta(hours=3)
    corrected(customer, 0, lines=(line(800, "more"), line(-2500, "late", corrects="fee")))
    closing = (line(700, "part"), line(-2600, "late", corrects="fee"))
    on = BILLING_ON.replace(month=11)
    preview = previewed(customer, closing, at=at, billing_on=on, discarding=True)
    discard_drafts(customer_ids=[customer.pk], at=at)
    [invoice] = draft_invoices(drafts=[draft(customer, lines=closing, billing_on=on)], at=at)
    bill_is(preview, invoice)


def test_a_customer_without_credit_costs_the_preview_one_question(customer, django_assert_num_queries):
    rule = tax_rules([customer.pk])[customer.pk]
    values = {"rule": rule, "billing_on": BILLING_ON, "at": CALCULATED_AT}
    with django_assert_num_queries(1):
        preview = preview_document(customer_id=customer.pk, currency="USD", lines=(line(4900, "fee"),), **values)
    assert (preview.totals.total, preview.balance_after) == (4900, None)
