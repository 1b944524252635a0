"""A whole invoice given back by a credit note."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import AuditEntry, BillingProfile
from core.periods import midnight
from invoices import books
from invoices.einvoice import einvoice
from invoices.exceptions import NotCreditableError
from invoices.models import Invoice, InvoiceStatus
from invoices.paper import invoice_paper
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import BILLING_ON, calculated, open_invoice

LATER = midnight(BILLING_ON) + timedelta(days=5)


def given_back(invoice):
    return issue_credit_note(invoice_id=invoice.pk, at=LATER, actor=None, reason="For nothing")


def test_it_takes_back_every_line_at_the_tax_it_had(seller, customer):
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    invoice = open_invoice(customer, 1_797, 235)
    BillingProfile.objects.filter(customer=customer).update(country="US")

    note = given_back(invoice)

    assert (note.subtotal, note.tax, note.total) == (-invoice.subtotal, -invoice.tax, -invoice.total)
    assert note.corrects == [invoice.number]
    assert [line.corrects for line in note.lines.all()] == [line.key for line in invoice.lines.all()]
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_due, note.status) == (InvoiceStatus.PAID, 0, InvoiceStatus.PAID)
    assert list(books.check()) == []


def test_it_says_why_where_everybody_reads_it(seller, customer, alice, log_in):
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    invoice = open_invoice(customer, 1_797)
    note = issue_credit_note(invoice_id=invoice.pk, at=LATER, reason="Ticket 4711", memo="Outage of 21 October")
    page = log_in(alice).get(reverse("invoice", args=[note.public_id])).text
    for shown in (page, einvoice(note).decode(), render_to_string("pdf/invoice.html", {"paper": invoice_paper(note)})):
        assert "Reason: Outage of 21 October" in shown
        assert "4711" not in shown
    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.filter(pk=note.pk).update(memo="Something else")


def test_without_a_reason_for_the_customer_it_says_none(seller, customer):
    assert invoice_paper(given_back(open_invoice(customer, 1_797))).memo == ""


def test_twice_is_once(seller, customer):
    invoice = open_invoice(customer, 1_797)

    assert given_back(invoice) == given_back(invoice)
    assert Invoice.objects.credit_notes().count() == 1
    assert AuditEntry.objects.get(action="issue_credit_note").reason == "For nothing"


def test_drafts_void_invoices_and_credit_notes_are_not_given_back(seller, customer):
    draft = calculated(customer, 100)
    void = void_invoice(invoice_id=open_invoice(customer, 100).pk, at=LATER, reason="Wrong")
    note = given_back(open_invoice(customer, 200))

    for document in (draft, void, note):
        with pytest.raises(NotCreditableError):
            given_back(document)
