"""Credit pays lines of documents: drafts, discards, issues, voids."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.figures import written
from accounts.models import Notice
from accounts.services.open_customer import open_customer
from accounts.tests.cards import add_card
from credits.models import CreditCharge, CreditGrant, LedgerTransaction, OpenCharge
from credits.services.settle_open_charges import settle_open_charges
from invoices.models import Invoice, InvoiceLine, InvoiceStatus
from invoices.paper import invoice_paper, receipt_paper
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.collect_payment import collect_payment
from invoices.services.discard_drafts import discard_drafts
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.refresh_drafts import refresh_drafts
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import calculated, draft, line, open_invoice, paid_with, usage_line
from invoices.tests.credited import (
    CALCULATED_AT,
    GRANTED_AT,
    ISSUED_AT,
    credits_of,
    granted,
    left,
    put_in,
    settled,
)

pytestmark = pytest.mark.usefixtures("seller", "books_hold")


# --- drafting -------------------------------------------------------------------------------------------------------
def test_credit_is_taken_off_before_tax(customer):
    put_in(customer, "FR")
    granted(customer, 4000)
    invoice = calculated(customer, lines=(line(4900, "fee"), usage_line(235, key="usage")))
    assert credits_of(invoice) == {"fee": 4000, "usage": 0}
    assert (invoice.credits, invoice.subtotal, invoice.tax, invoice.total) == (4000, 1135, 227, 1362)
    assert [(row["name"], row["amount"]) for row in invoice.credit_rows] == [("Welcome", 4000)]
    assert left(customer) == 0


def test_a_rate_that_is_in_the_price_is_taken_from_what_credit_leaves(customer, seller):
    seller.tax_rates.filter(country="").update(label="GST", percent=10, category="S", inclusive=True)
    put_in(customer, "AU")
    granted(customer, 3800)
    invoice = calculated(customer, 4900)
    assert (invoice.credits, invoice.subtotal, invoice.tax, invoice.total) == (3800, 1000, 100, 1100)


def test_restricted_credit_pays_its_feature_only(customer):
    granted(customer, 1000, features=("api-requests",), name="API")
    invoice = calculated(customer, lines=(line(4900, "fee"), usage_line(235, key="usage")))
    assert credits_of(invoice) == {"fee": 0, "usage": 235}
    assert left(customer) == 765


def test_each_grant_that_pays_has_its_row(customer):
    granted(customer, 1000, name="Sorry", priority=1)
    granted(customer, 9000, name="Welcome")
    invoice = calculated(customer, 4900, 235)
    assert [(row["name"], row["amount"]) for row in invoice.credit_rows] == [("Sorry", 1000), ("Welcome", 4135)]


def test_lines_below_zero_are_not_paid_by_credit_twice(customer):
    granted(customer, 9000)
    invoice = calculated(customer, lines=(line(4900, "fee"), line(-1000, "unused")))
    assert (invoice.credits, invoice.total) == (3900, 0)
    assert left(customer) == 5100


def test_drafting_twice_draws_once(customer):
    granted(customer, 9000)
    wanted = draft(customer, 4900)
    for _ in range(2):
        [invoice] = draft_invoices(drafts=[wanted], at=CALCULATED_AT)
    assert (invoice.credits, left(customer)) == (4900, 4100)


def test_a_line_that_waited_is_paid_by_credit_too(customer):
    granted(customer, 5000)
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[line(300, "waited")], at=CALCULATED_AT)
    invoice = calculated(customer, lines=(line(4900, "fee"),))
    assert credits_of(invoice) == {"fee": 4900, "waited": 100}


def test_credit_of_another_currency_pays_nothing(customer):
    granted(customer, 9000, currency="EUR")
    assert calculated(customer, 4900).credits == 0
    assert left(customer, "EUR") == 9000


def test_the_announcement_names_the_credits(customer):
    granted(customer, 4000)
    invoice = calculated(customer, 4900)
    notice = Notice.objects.get(key=f"invoice:{invoice.pk}:announced")
    assert written(notice.context)["grants"] == [{"label": "Credits used: Welcome", "amount": "−$40.00"}]
    assert written(notice.context)["total"] == "$9.00"


def test_what_arrives_after_the_draft_does_not_touch_it(customer):
    invoice = calculated(customer, 4900)
    granted(customer, 9000, at=CALCULATED_AT + timedelta(hours=1))
    [issued] = finalize_invoices(invoice_ids=[invoice.pk], at=ISSUED_AT)
    assert (issued.credits, issued.total, left(customer)) == (0, 4900, 9000)


def test_it_asks_no_more_for_many_customers_than_for_one(alice, at, django_assert_max_num_queries):
    customers = [open_customer(name=f"Customer {n}", user=alice, at=at, actor=None) for n in range(12)]
    for customer in customers:
        granted(customer, 5000)
    drafts = [draft(customer, 4900, 235) for customer in customers]
    with django_assert_max_num_queries(41):
        invoices = draft_invoices(drafts=drafts, at=CALCULATED_AT)
    assert {invoice.total for invoice in invoices} == {135}
    with django_assert_max_num_queries(36):
        finalize_invoices(invoice_ids=[invoice.pk for invoice in invoices], at=ISSUED_AT)


# --- settled by credit alone ----------------------------------------------------------------------------------------
def test_a_line_that_credit_settles_alone_stands_on_no_document(customer):
    granted(customer, 9000)
    lines = (usage_line(235, key="hour", settlement="credit_only", corrects="window"), line(4900, "fee"))
    invoice = calculated(customer, lines=lines)
    assert list(invoice.lines.values_list("key", flat=True)) == ["fee"]
    charge = CreditCharge.objects.get(key="hour")
    assert (charge.group, charge.covered, charge.is_final) == ("window", 235, True)
    assert charge.booked_at == lines[0].ends_at
    assert charge.details["quantity"] == "12345"


def test_no_lines_but_those_make_no_invoice(customer):
    wanted = draft(customer, lines=(usage_line(235, key="hour", settlement="credit_only"),))
    for _ in range(2):
        assert draft_invoices(drafts=[wanted], at=CALCULATED_AT) == []
    assert settled(customer) == -235
    assert Invoice.objects.count() == 0


def test_a_fee_waits_for_its_billing_date(customer):
    granted(customer, 9000)
    wanted = draft(customer, lines=(line(4900, "fee", settlement="credit_only"),))
    draft_invoices(drafts=[wanted], at=CALCULATED_AT)
    waiting = OpenCharge.objects.get(key="fee")
    assert (waiting.amount, waiting.settles_at) == (4900, ISSUED_AT)
    settle_open_charges(ids=[waiting.pk], at=ISSUED_AT)
    assert left(customer) == 4100


def test_pending_lines_of_credit_are_drawn_at_once(customer):
    granted(customer, 1000, at=GRANTED_AT - timedelta(days=2))
    lines = [
        usage_line(300, key="hour:1", settlement="credit_only", corrects="window"),
        usage_line(-100, key="hour:2", settlement="credit_only", corrects="window"),
        line(500, "waits"),
    ]
    for _ in range(2):
        stored = add_pending_lines(customer_id=customer.pk, currency="USD", lines=lines, at=CALCULATED_AT)
        assert [row.key for row in stored] == ["waits"]
    assert left(customer) == 800


def test_hours_that_give_back_and_charge_again_follow_each_other(customer):
    amounts = (300, -100, 50, -250, 40)
    hours = [
        usage_line(amount, key=f"hour:{n}", settlement="credit_only", corrects="window")
        for n, amount in enumerate(amounts)
    ]
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=hours, at=CALCULATED_AT)
    assert settled(customer) == -40


# --- giving drafts up -----------------------------------------------------------------------------------------------
def test_a_discarded_draft_gives_back_to_the_cent(customer):
    granted(customer, 1003, name="Sorry", priority=1)
    granted(customer, 9000)
    wanted = draft(customer, lines=(line(4900, "fee"), usage_line(235, key="usage")))
    draft_invoices(drafts=[wanted], at=CALCULATED_AT)
    for _ in range(2):
        discard_drafts(customer_ids=[customer.pk], at=CALCULATED_AT + timedelta(hours=1))
    grants = CreditGrant.objects.filter(customer=customer).order_by("priority")
    assert [(grant.available, grant.used) for grant in grants] == [(1003, 0), (9000, 0)]
    assert settled(customer) == 10003
    [again] = draft_invoices(drafts=[wanted], at=CALCULATED_AT + timedelta(hours=2))
    assert (again.credits, left(customer)) == (5135, 4868)


def test_a_line_that_waited_waits_again_without_its_credits(customer):
    granted(customer, 9000)
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[line(300, "waited")], at=CALCULATED_AT)
    calculated(customer, 4900)
    discard_drafts(customer_ids=[customer.pk], at=CALCULATED_AT)
    assert InvoiceLine.objects.get(key="waited").credits == 0


def test_credit_that_expired_meanwhile_expires_again(customer):
    granted(customer, 9000, expires_at=CALCULATED_AT + timedelta(hours=1))
    calculated(customer, 4900)
    discard_drafts(customer_ids=[customer.pk], at=CALCULATED_AT + timedelta(days=1))
    assert left(customer) == 0
    assert settled(customer) == 0


# --- issuing --------------------------------------------------------------------------------------------------------
def test_issuing_earns_what_the_draft_accrued(customer):
    granted(customer, 4000)
    issued = open_invoice(customer, 4900)
    kinds = list(LedgerTransaction.objects.order_by("sequence").values_list("kind", flat=True))
    assert kinds == ["funded", "consumed", "recognized"]
    newest = LedgerTransaction.objects.get(sequence=3)
    assert (issued.ledger_sequence, issued.ledger_head, issued.ledger_balance) == (3, newest.hash, 0)


def test_an_invoice_that_credit_pays_wholly_is_paid_without_a_payment(customer):
    granted(customer, 5210)
    issued = open_invoice(customer, 4900)
    assert (issued.total, issued.status, issued.payments.count()) == (0, InvoiceStatus.PAID, 0)
    paper = invoice_paper(issued)
    assert paper.terms == "Paid with credits. Your balance after: $3.10."
    notice = Notice.objects.get(key=f"invoice:{issued.pk}:issued")
    assert (written(notice.context)["by_credit"], written(notice.context)["balance"]) == (True, "$3.10")


def test_the_paper_shows_the_credits_before_tax_and_where_the_ledger_stood(customer):
    put_in(customer, "FR")
    granted(customer, 4000)
    issued = open_invoice(customer, 4900)
    paper = invoice_paper(issued)
    assert (paper.charges, paper.subtotal, paper.total) == ("$49.00", "$9.00", "$10.80")
    assert paper.grants == (("Credits used: Welcome", "−$40.00"),)
    assert paper.ledger == f"Credit ledger #3 · {issued.ledger_head}"


def test_without_credit_nothing_is_said_of_it(customer):
    paper = invoice_paper(open_invoice(customer, 4900))
    assert (paper.charges, paper.grants, paper.ledger) == ("", (), "")


def test_another_tax_leaves_the_credits_as_announced(customer, staff):
    put_in(customer, "FR")
    granted(customer, 4000)
    invoice = calculated(customer, 4900)
    granted(customer, 9000, at=CALCULATED_AT + timedelta(hours=1))
    put_in(customer, "US")
    [changed] = refresh_drafts(invoice_ids=[invoice.pk], at=CALCULATED_AT + timedelta(days=1), actor=staff)
    assert (changed.credits, changed.subtotal, changed.tax, changed.total) == (4000, 900, 0, 900)


def test_a_voided_invoice_returns_its_credits(customer, staff):
    granted(customer, 4000)
    issued = open_invoice(customer, 4900)
    for _ in range(2):
        void_invoice(invoice_id=issued.pk, at=ISSUED_AT, actor=staff, reason="Wrong customer")
    assert (left(customer), settled(customer)) == (4000, 4000)


# --- pages ----------------------------------------------------------------------------------------------------------
def test_page_history_and_receipt_show_what_credit_paid(customer, alice, client, django_assert_max_num_queries):
    add_card(customer, alice, GRANTED_AT)
    granted(customer, 4000, name="Welcome")
    issued = open_invoice(customer, 4900)
    payment = paid_with(collect_payment(invoice_id=issued.pk, at=ISSUED_AT, automatic=False).pk, ISSUED_AT)
    assert receipt_paper(payment).credits == (("Credits used: Welcome", "−$40.00"),)
    client.force_login(alice)
    with django_assert_max_num_queries(15):
        page = client.get(reverse("invoice", args=[issued.public_id])).content.decode()
    assert "Credits used: Welcome" in page
    assert f"Credit ledger #3 · {issued.ledger_head}" in page
    with django_assert_max_num_queries(15):
        page = client.get(reverse("portal")).content.decode()
    assert "after $40.00 of credits" in page


def test_a_page_says_that_credit_paid_everything(customer, bob, client):
    granted(customer, 5210)
    issued = open_invoice(customer, 4900)
    client.force_login(bob)
    page = client.get(reverse("invoice", args=[issued.public_id])).content.decode()
    assert "Paid with credits. Your balance after: $3.10." in page
