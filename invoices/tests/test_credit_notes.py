from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from accounts.figures import written
from accounts.gateways.sandbox import SandboxGateway
from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.tests.cards import LOSES_ANSWER, add_card
from core.periods import midnight
from invoices import books
from invoices.exceptions import NotPayableError
from invoices.models import CreditApplication, Invoice, InvoiceStatus, Refund, RefundStatus
from invoices.paper import invoice_paper
from invoices.selectors import unpaid, unsettled
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.discard_drafts import discard_drafts
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.settle_credit_notes import settle_credit_notes
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import BILLING_ON, calculated, line, open_invoice, refunds_made

LATER = midnight(BILLING_ON) + timedelta(days=5)


def paid_invoice(customer, amount=4900, key="fee:1", at=None):
    at = at or midnight(BILLING_ON)
    invoice = open_invoice(customer, lines=(line(amount, key),), at=at)
    submit_payment(payment_id=collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at=at)
    invoice.refresh_from_db()
    return invoice


def credit(customer, amount=-1797, corrects="fee:1", at=LATER, **values):
    return open_invoice(customer, lines=(line(amount, corrects=corrects),), at=at, **values)


def put_in(customer, country):
    BillingProfile.objects.filter(customer=customer).update(country=country)


@pytest.fixture
def card(seller, customer, alice, at):
    return add_card(customer, alice, at)


def test_a_document_below_zero_is_a_credit_note_of_its_own_series(seller, customer):
    first = open_invoice(customer, 100)
    note = credit(customer, -30)
    assert (first.number, note.number) == ("INV-2026-000001", "CN-2026-000001")
    assert (note.kind, note.total, note.due_on, note.collect_at) == ("credit_note", -30, None, None)
    assert list(books.check()) == []


def test_it_is_taxed_as_what_it_corrects_was(seller, customer, card):
    put_in(customer, "FR")
    original = paid_invoice(customer, 1000)
    put_in(customer, "US")
    note = credit(customer, -500)
    assert (note.subtotal, note.tax, note.total) == (-500, -100, -600)
    assert note.corrects == [original.number]
    assert [(row["label"], row["percent"], row["category"]) for row in note.taxes] == [("VAT", "20", "S")]
    assert list(books.check()) == []


def test_it_lowers_open_invoices_first(seller, customer):
    first, second = open_invoice(customer, 1000), open_invoice(customer, 500)
    note = credit(customer, -1200, corrects="")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.amount_credited, first.amount_due) == (InvoiceStatus.PAID, 1000, 0)
    assert (second.status, second.amount_credited, second.amount_due) == (InvoiceStatus.OPEN, 200, 300)
    assert (note.status, note.amount_credited, note.amount_due) == (InvoiceStatus.PAID, 1200, 0)
    assert list(books.check()) == []


def test_it_begins_with_the_invoice_that_it_corrects(seller, customer):
    open_invoice(customer, 1000)
    corrected = open_invoice(customer, lines=(line(1000, "fee:2"),))
    credit(customer, -300, corrects="fee:2")
    assert CreditApplication.objects.get().invoice == corrected


def test_then_it_goes_back_to_the_card_that_paid(customer, card):
    invoice = paid_invoice(customer)
    note = credit(customer)
    refund = Refund.objects.get()
    assert (refund.payment, refund.amount, refund.status) == (invoice.payments.get(), 1797, RefundStatus.PENDING)
    assert note.status == InvoiceStatus.OPEN
    assert reconcile_refunds(at=LATER) == 1
    note.refresh_from_db()
    assert (note.status, note.amount_paid, note.amount_due) == (InvoiceStatus.PAID, 1797, 0)
    assert refunds_made() == [(refund.key, 1797)]
    assert written(Notice.objects.get(template="payment_refunded").context)["amount"] == "$17.97"
    assert list(books.check()) == []


def test_it_never_gives_back_more_than_was_paid(customer, card):
    paid_invoice(customer, 1000)
    note = credit(customer, -1500)
    reconcile_refunds(at=LATER)
    note.refresh_from_db()
    assert (note.amount_paid, note.amount_due, note.status) == (1000, 500, InvoiceStatus.OPEN)
    assert credit(customer, -200).status == InvoiceStatus.OPEN
    assert Refund.objects.count() == 1


def test_the_rest_is_kept_for_the_next_invoice(seller, customer, alice):
    note = credit(customer, -700, corrects="")
    assert (note.status, note.amount_due) == (InvoiceStatus.OPEN, 700)
    invoice = open_invoice(customer, 1000, at=LATER)
    note.refresh_from_db()
    assert (invoice.amount_credited, invoice.amount_due, invoice.status) == (700, 300, InvoiceStatus.OPEN)
    assert (note.status, note.amount_due) == (InvoiceStatus.PAID, 0)
    issued = Notice.objects.get(key=f"invoice:{invoice.pk}:issued")
    assert (written(issued.context)["credited"], written(issued.context)["amount_due"]) == ("$7.00", "$3.00")


def test_an_invoice_that_a_credit_covers_is_paid_without_a_payment(customer, card):
    note = credit(customer, -1000, corrects="")
    invoice = open_invoice(customer, 600, at=LATER)
    paper = invoice_paper(invoice)
    assert [(row.label, row.amount) for row in paper.credits] == [(f"Credit note {note.number}", "−$6.00")]
    assert (paper.total, paper.amount_due, paper.terms) == ("$6.00", "$0.00", "Nothing to pay.")
    assert (invoice.status, invoice.amount_due, invoice.collect_at) == (InvoiceStatus.PAID, 0, None)
    with pytest.raises(NotPayableError):
        collect_payment(invoice_id=invoice.pk, at=LATER, automatic=False)


def test_only_the_rest_is_collected(customer, card):
    credit(customer, -1000, corrects="")
    invoice = open_invoice(customer, 1600, at=LATER)
    payment = submit_payment(payment_id=collect_payment(invoice_id=invoice.pk, at=LATER, automatic=True).pk, at=LATER)
    invoice.refresh_from_db()
    assert (payment.amount, invoice.status) == (600, InvoiceStatus.PAID)
    assert list(books.check()) == []


def test_an_invoice_with_a_payment_on_its_way_is_left_alone(customer, card):
    invoice = open_invoice(customer, 1000)
    collect_payment(invoice_id=invoice.pk, at=LATER, automatic=True)
    note = credit(customer, -400, corrects="")
    invoice.refresh_from_db()
    assert (invoice.amount_credited, note.amount_due) == (0, 400)


def test_another_currency_or_customer_is_left_alone(seller, customer, other_customer):
    open_invoice(other_customer, 1000)
    note = credit(customer, -400, corrects="", currency="EUR")
    assert (note.amount_due, CreditApplication.objects.count()) == (400, 0)


def test_settling_twice_is_settling_once(customer, card):
    paid_invoice(customer)
    credit(customer)
    assert settle_credit_notes(customer_ids=[customer.pk], at=LATER) == {}
    assert Refund.objects.count() == 1
    assert AuditEntry.objects.filter(action="settle_credit_notes").count() == 1


def test_a_lost_answer_is_retrieved_and_nothing_given_back_twice(seller, customer, alice, at):
    add_card(customer, alice, at, LOSES_ANSWER)
    invoice = open_invoice(customer, lines=(line(4900, "fee:1"),))
    payment = submit_payment(
        payment_id=collect_payment(invoice_id=invoice.pk, at=midnight(BILLING_ON), automatic=True).pk,
        at=midnight(BILLING_ON),
    )
    reconcile_payments(at=payment.check_at)
    credit(customer)
    assert reconcile_refunds(at=LATER) == 0
    refund = Refund.objects.get()
    assert (refund.status, refund.check_at) == (RefundStatus.UNKNOWN, LATER + timedelta(minutes=1))
    assert reconcile_refunds(at=LATER) == 0  # not due yet
    assert reconcile_refunds(at=refund.check_at) == 1
    refund.refresh_from_db()
    assert (refund.status, len(refunds_made())) == (RefundStatus.SUCCEEDED, 1)


def test_a_refused_refund_stays_for_the_next_invoice(customer, card):
    paid_invoice(customer)
    note = credit(customer)
    give_back_by_hand(note, 4900)
    reconcile_refunds(at=LATER)
    assert Refund.objects.get().status == RefundStatus.FAILED
    invoice = open_invoice(customer, 2000, at=LATER)
    note.refresh_from_db()
    assert (invoice.amount_credited, note.status, Refund.objects.count()) == (1797, InvoiceStatus.PAID, 1)


def give_back_by_hand(note, amount):
    """In the processor's own pages, so that nothing of the charge is left."""
    intent_id = note.refunds.get().payment.gateway_id
    SandboxGateway().refund(key="by hand", intent_id=intent_id, amount=amount)


def test_nobody_is_asked_to_pay_it(seller, customer):
    note = credit(customer, -100, corrects="")
    assert unpaid(customer.pk) == []
    assert not unsettled(customer.pk).has_past_due(BILLING_ON + timedelta(days=90))
    with pytest.raises(NotPayableError):
        collect_payment(invoice_id=note.pk, at=LATER, automatic=False)


def test_it_is_announced_and_issued_in_words_of_its_own(customer, card, alice):
    invoice = paid_invoice(customer)
    note = credit(customer, -1797, billing_on=BILLING_ON)
    assert written(Notice.objects.get(key=f"invoice:{note.pk}:announced").context)["credit"] == "$17.97"
    context = written(Notice.objects.get(key=f"invoice:{note.pk}:credited").context)
    assert (context["total"], context["corrects"], context["refunding"], context["kept"]) == (
        "$17.97",
        f"{invoice.number} of 20 Oct 2026",
        "$17.97",
        "",
    )


def test_its_page_and_pdf_print_positive_amounts(customer, card, alice, client):
    invoice = paid_invoice(customer)
    note = credit(customer)
    deliver_documents(at=LATER)
    client.force_login(alice)
    page = client.get(reverse("invoice", args=[note.public_id])).content.decode()
    assert "Credit note CN-2026-000001" in page
    assert "$17.97" in page
    assert "−$17.97" not in page
    assert invoice.number in page
    assert note.documents.get().filename == "CN-2026-000001.pdf"
    assert client.get(reverse("portal")).status_code == 200


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE invoices_creditapplication SET amount = 1",
        "DELETE FROM invoices_creditapplication",
        "TRUNCATE invoices_creditapplication",
        "UPDATE invoices_refund SET amount = 1",
        "UPDATE invoices_refund SET payment_id = payment_id + 1",
        "DELETE FROM invoices_refund",
        "TRUNCATE invoices_refund",
        "UPDATE invoices_invoice SET taxes = '[]' WHERE number IS NOT NULL",
        "UPDATE invoices_invoice SET corrects = '[]' WHERE kind = 'credit_note'",
        "UPDATE invoices_invoice SET kind = 'invoice' WHERE kind = 'credit_note'",
        "UPDATE invoices_invoice SET amount_credited = 99999 WHERE kind = 'credit_note'",
        "INSERT INTO invoices_creditapplication (key, credit_note_id, invoice_id, amount, at) "
        "SELECT 'x', invoice_id, credit_note_id, 1, now() FROM invoices_creditapplication",
    ],
)
def test_the_database_keeps_what_was_credited(customer, card, sql):
    paid_invoice(customer, 1000)
    open_invoice(customer, 100)
    credit(customer, -500)
    assert CreditApplication.objects.exists()
    assert Refund.objects.exists()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_an_outcome_of_a_refund_is_final(customer, card):
    paid_invoice(customer)
    credit(customer)
    reconcile_refunds(at=LATER)
    with pytest.raises(DatabaseError, match="final"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE invoices_refund SET status = 'failed'")


def test_a_draft_below_zero_is_discarded_like_any_other(seller, customer, at):
    note = calculated(customer, -500)
    assert (note.kind, note.is_credit_note) == ("credit_note", True)
    discard_drafts(customer_ids=[customer.pk], at=at)
    assert Invoice.objects.get().status == InvoiceStatus.VOID
