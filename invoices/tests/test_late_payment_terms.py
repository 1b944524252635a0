"""What law asks a seller to say: of late payment on every invoice, a note of its own on credit notes, too."""

import io

import pytest
from django.urls import reverse
from pypdf import PdfReader

from accounts.models import BillingProfile
from invoices.einvoice import einvoice
from invoices.models import Invoice, Seller
from invoices.paper import invoice_paper
from invoices.pdf import available, invoice_pdf
from invoices.tests.cast import open_invoice

SAYS = "Late payment: interest at three times the legal rate and €40 for recovery costs. No discount."
needs_pdf = pytest.mark.skipif(bool(available()), reason=available() or "-")


@pytest.fixture
def strict(seller, customer):
    Seller.objects.update(late_payment=SAYS)
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    return customer


def test_it_stands_on_the_page_and_in_the_data(strict, alice, log_in):
    invoice = open_invoice(strict, 4900)
    assert SAYS in log_in(alice).get(reverse("invoice", args=[invoice.public_id])).text
    assert f"<ram:Content>{SAYS}</ram:Content>" in einvoice(invoice).decode()


@needs_pdf
def test_it_is_printed(strict):
    [page] = PdfReader(io.BytesIO(invoice_pdf(open_invoice(strict, 4900)))).pages
    assert SAYS in " ".join(page.extract_text().split())


def test_a_document_keeps_what_was_said_when_it_was_issued(strict):
    invoice = open_invoice(strict, 4900)
    Seller.objects.update(late_payment="Pay when you like.")
    assert invoice_paper(Invoice.objects.get(pk=invoice.pk)).late_payment == SAYS


def test_a_document_from_before_says_nothing(strict):
    invoice = open_invoice(strict, 4900)
    invoice.seller_party = {name: value for name, value in invoice.seller_party.items() if name != "late_payment"}
    assert invoice_paper(invoice).late_payment == ""


def test_a_credit_note_says_nothing(strict):
    note = open_invoice(strict, -4900)
    assert (invoice_paper(note).late_payment, SAYS in einvoice(note).decode()) == ("", False)


@needs_pdf
@pytest.mark.parametrize("amount", [4900, -4900])
def test_a_note_of_the_seller_stands_on_both(strict, alice, log_in, amount):
    note = "Taxe acquittée d’après les encaissements."
    Seller.objects.update(legal_note=note)
    document = open_invoice(strict, amount)
    Seller.objects.update(legal_note="")
    assert note in log_in(alice).get(reverse("invoice", args=[document.public_id])).text
    assert f"<ram:Content>{note}</ram:Content>" in einvoice(document).decode()
    [page] = PdfReader(io.BytesIO(invoice_pdf(document))).pages
    assert note in " ".join(page.extract_text().split())
