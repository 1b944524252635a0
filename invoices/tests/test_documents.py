import hashlib
from datetime import timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader

from accounts.models import BillingProfile
from accounts.tests.cards import add_card
from invoices import pdf
from invoices.due import due_to_deliver
from invoices.models import Document
from invoices.paper import invoice_paper
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import calculated, line, open_invoice, usage_line

pytestmark = pytest.mark.skipif(bool(pdf.available()), reason=pdf.available() or "-")


def text_of(document):
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(bytes(document.content))).pages)


@pytest.fixture
def invoice(seller, customer, alice, at):
    profile = {"legal_name": "Wonder & <Daughters>", "line1": "2 quai", "postal_code": "69001", "city": "Lyon"}
    BillingProfile.objects.filter(customer=customer).update(**profile, country="FR", tax_id="FR987", po_number="PO-7")
    add_card(customer, alice, at)
    return open_invoice(customer, lines=(line(1797), usage_line(235)), at=at)


@pytest.fixture
def payment(invoice, at):
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    return submit_payment(payment_id=payment.pk, at=at)


def test_it_renders_the_invoice_once_and_keeps_it_with_its_hash(invoice, at):
    assert deliver_documents(at=at) == 1
    document = Document.objects.get()
    assert (document.filename, document.kind, document.created_at) == ("INV-2026-000001.pdf", "invoice", at)
    assert document.sha256 == hashlib.sha256(bytes(document.content)).hexdigest()
    assert deliver_documents(at=at + timedelta(days=1)) == 0
    assert Document.objects.count() == 1


def test_the_invoice_prints_what_an_invoice_must(invoice, at):
    deliver_documents(at=at)
    text = text_of(Document.objects.get())
    for words in (
        *("Invoice", "INV-2026-000001", "20 Oct 2026", "20 Sep – 19 Oct 2026", "PO-7", "USD"),
        *("Meridian Cloud SAS", "75001 Paris", "FR32123456789", "Wonder & <Daughters>", "69001 Lyon", "FR987"),
        *("API requests", "17 Sep – 16 Oct 2026", "12,345", "$1.00 per 1,000", "(12,345 − 10,000 included)"),
        *("$17.97", "$2.35", "$20.32", "VAT 20 % of $20.32", "$4.06", "$24.38", "Amount due", "Page 1 of 1"),
    ):
        assert words in text


def test_prices_that_contain_the_tax_are_said_to_and_their_sum_stands_above_the_net(seller, customer, at):
    seller.tax_rates.filter(country="").update(label="GST", percent=10, category="S", inclusive=True)
    invoice = open_invoice(customer, lines=(line(4900), usage_line(235)), at=at)
    deliver_documents(at=at)
    text = " ".join(text_of(Document.objects.get()).split())
    assert "Unit price with included tax" in text
    figures = ("Charges with included tax $51.35", "Subtotal without tax $46.68", "GST 10 % of $46.68", "Total $51.35")
    assert [text.index(each) for each in figures] == sorted(text.index(each) for each in figures)
    assert sum(line.amount for line in invoice.lines.all()) == 5135


def test_it_is_tagged_and_says_title_and_language(invoice, at):
    deliver_documents(at=at)
    reader = PdfReader(BytesIO(bytes(Document.objects.get().content)))
    root = reader.root_object
    assert [str(root["/Lang"]), reader.metadata and reader.metadata.title] == ["en", "Invoice INV-2026-000001"]
    assert "/StructTreeRoot" in root
    assert reader.pages[0].mediabox.width == pytest.approx(595.28, abs=0.1)


def test_a_long_invoice_repeats_its_table_heads(seller, customer, at):
    open_invoice(customer, lines=tuple(usage_line(100 + number) for number in range(40)), at=at)
    deliver_documents(at=at)
    reader = PdfReader(BytesIO(bytes(Document.objects.get().content)))
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) > 1
    for number, text in enumerate(texts, 1):
        assert "Description" in text
        assert f"Page {number} of {len(texts)}" in text


def test_long_words_are_broken_and_no_figure_is(seller, customer, at):
    """Where they don't fit their column: names and order numbers of people have no spaces sometimes."""
    name, number, title = (
        "Donaudampfschifffahrtsgesellschaft" * 2,
        "ORDER4711" * 4,
        "Datenverarbeitungsvereinbarung" * 2,
    )
    BillingProfile.objects.filter(customer=customer).update(legal_name=name, po_number=number)
    open_invoice(customer, lines=(line(123_456_789_012, title=title),), at=at)
    deliver_documents(at=at)
    text = text_of(Document.objects.get())
    for word in (name, number, title):
        assert word not in text
        assert word in text.replace("\n", "")
    assert text.count("$1,234,567,890.12") == 4


def test_the_receipt_proves_the_payment_and_is_no_vat_invoice(payment, at):
    assert deliver_documents(at=at) == 2
    text = text_of(Document.objects.get(kind="receipt"))
    for words in (
        *("Receipt", "RCP-2026-000001", "20 Oct 2026", "$24.38", "Visa ending 4242", payment.gateway_id),
        *("INV-2026-000001", "Still to pay", "$0.00", "It is not a VAT invoice"),
    ):
        assert words in text


def test_the_pdf_says_what_the_invoice_said_when_it_was_issued(payment, at):
    """Paid meanwhile: the invoice still asks for its whole amount, the receipt says it is paid."""
    invoice = payment.invoice
    assert invoice_paper(invoice).amount_due == "$24.38"
    deliver_documents(at=at)
    assert "Paid" not in text_of(Document.objects.get(kind="invoice"))


def test_drafts_and_failed_payments_get_no_document(seller, customer, at):
    calculated(customer, 100)
    assert due_to_deliver() == ([], [])
    assert deliver_documents(at=at) == 0


def test_one_document_that_fails_does_not_hold_up_the_others(payment, at, monkeypatch):
    monkeypatch.setattr("invoices.services.deliver_documents.invoice_pdf", lambda invoice: 1 / 0)
    assert deliver_documents(at=at) == 1
    assert Document.objects.get().filename == "RCP-2026-000001.pdf"
    monkeypatch.undo()
    assert deliver_documents(at=at) == 1


def test_without_the_libraries_the_portal_runs_without_pdfs(payment, at, monkeypatch):
    monkeypatch.setattr("invoices.services.deliver_documents.available", lambda: pdf.INSTALL)
    assert deliver_documents(at=at) == 0
    assert Document.objects.count() == 0


def test_documents_load_nothing_from_outside(caplog):
    with_picture = '<p>text</p><img src="http://127.0.0.1:1/x.png"><img src="file:///etc/passwd">'
    assert pdf.write(with_picture).startswith(b"%PDF-")
    assert caplog.text.count("URI uses disallowed protocol") == 2
