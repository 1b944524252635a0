"""The PDF as a file: PDF/A-3a, tagged, its fonts inside, and the invoice as data in it."""

from io import BytesIO

import pikepdf
import pytest
from django.urls import reverse
from pypdf import PdfReader

from accounts.models import BillingProfile
from invoices import pdf
from invoices.einvoice import einvoice
from invoices.models import Document
from invoices.pdfa import NAMESPACE
from invoices.services.deliver_documents import deliver_documents
from invoices.tests.cast import calculated, line, open_invoice, usage_line

pytestmark = pytest.mark.skipif(bool(pdf.available()), reason=pdf.available() or "-")

MOST_BYTES = 150 * 1024


@pytest.fixture
def french(seller, customer):
    profile = {"legal_name": "株式会社ワンダー 齋藤", "line1": "2 quai", "postal_code": "69001", "city": "Lyon"}
    BillingProfile.objects.filter(customer=customer).update(country="FR", **profile)
    return customer


def opened(content):
    return pikepdf.open(BytesIO(bytes(content)))


def fonts_of(file):
    """Every font that can be drawn with: (name, whether its file is inside)."""
    kinds = [item for item in file.objects if isinstance(item, pikepdf.Dictionary)]
    fonts = [item for item in kinds if item.get("/Type") == "/FontDescriptor"]
    return [(str(font.FontName), any(key in font for key in ("/FontFile2", "/FontFile3"))) for font in fonts]


def test_it_is_pdf_a_3a_with_the_data_inside(french, at):
    invoice = open_invoice(french, lines=(line(1_797), usage_line(235)), at=at)
    content = pdf.invoice_pdf(invoice)
    file = opened(content)
    root = file.Root
    assert len(content) < MOST_BYTES
    assert [str(each.S) for each in root.OutputIntents] == ["/GTS_PDFA1"]
    assert (str(root.Lang), bool(root.MarkInfo.Marked), "/StructTreeRoot" in root) == ("en", True, True)
    with file.open_metadata() as told:
        assert (told["pdfaid:part"], told["pdfaid:conformance"]) == ("3", "A")
        assert told["dc:title"] == f"Invoice {invoice.number}"
        names = ("DocumentType", "DocumentFileName", "Version", "ConformanceLevel")
        values = [told[f"{{{NAMESPACE}}}{name}"] for name in names]
    assert values == ["INVOICE", "factur-x.xml", "1.0", "EN 16931"]
    [associated] = root.AF
    assert str(associated.AFRelationship) == "/Alternative"
    assert str(associated.EF.F.Subtype) in ("/text/xml", "/application/xml")
    assert file.attachments["factur-x.xml"].get_file().read_bytes() == einvoice(invoice)


def test_every_font_is_inside_and_every_name_can_be_read(french, at):
    content = pdf.invoice_pdf(open_invoice(french, 1_797, at=at))
    fonts = fonts_of(opened(content))
    assert fonts
    assert all(inside for _, inside in fonts)
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    assert "株式会社ワンダー 齋藤" in text
    assert any("East-Asian" in name for name, _ in fonts)


def test_letter_for_those_who_print_on_it(seller, customer, at):
    BillingProfile.objects.filter(customer=customer).update(country="US")
    page = PdfReader(BytesIO(pdf.invoice_pdf(open_invoice(customer, 1_797, at=at)))).pages[0]
    assert (page.mediabox.width, page.mediabox.height) == (612, 792)


def test_each_line_leads_to_its_explanation(french, at, settings):
    settings.PORTAL_URL = "https://portal.example"
    invoice = open_invoice(french, lines=(usage_line(235),), at=at)
    [page] = PdfReader(BytesIO(pdf.invoice_pdf(invoice))).pages
    links = [note.get_object()["/A"]["/URI"] for note in page["/Annots"]]
    assert links == ["https://portal.example" + reverse("billing_explain", args=[invoice.lines.get().key])]


def test_where_the_data_would_not_be_valid_the_pdf_is_made_without(seller, customer, at):
    file = opened(pdf.invoice_pdf(open_invoice(customer, 1_797, at=at)))
    assert list(file.attachments) == []
    with file.open_metadata() as told:
        assert told["pdfaid:part"] == "3"


def test_the_buyer_s_reference_is_printed_shown_and_in_the_data(french, alice, log_in, at):
    BillingProfile.objects.filter(customer=french).update(buyer_reference="04011000-1234512345-06")
    invoice = open_invoice(french, 1_797, at=at)
    BillingProfile.objects.filter(customer=french).update(buyer_reference="")
    said = "Buyer reference 04011000-1234512345-06"
    assert said in PdfReader(BytesIO(pdf.invoice_pdf(invoice))).pages[0].extract_text()
    assert said in log_in(alice).get(reverse("invoice", args=[invoice.public_id])).text
    assert b"<ram:BuyerReference>04011000-1234512345-06</ram:BuyerReference>" in einvoice(invoice)


# --- the download ---------------------------------------------------------------------------------------------------
def address(invoice):
    return reverse("invoice_xml", args=[invoice.public_id])


def test_the_download_is_what_the_stored_pdf_has_inside(french, at, bob, log_in, django_assert_max_num_queries):
    invoice = open_invoice(french, 1_797, at=at)
    client = log_in(bob)
    made_now = client.get(address(invoice)).content
    deliver_documents(at=at)
    with django_assert_max_num_queries(10):
        response = client.get(address(invoice))
    file = opened(Document.objects.get(invoice=invoice).content)
    assert response.content == file.attachments["factur-x.xml"].get_file().read_bytes() == made_now
    assert response["Content-Type"] == "application/xml"
    assert response["Content-Disposition"] == f'attachment; filename="{invoice.number}.xml"'


def test_strangers_do_not_find_it_and_plain_members_may_not(french, at, charlie, dora, log_in):
    invoice = open_invoice(french, 1_797, at=at)
    assert log_in(charlie).get(address(invoice)).status_code == 404
    assert log_in(dora).get(address(invoice)).status_code == 403


def test_the_page_offers_it_where_it_exists(french, customer, at, alice, log_in):
    invoice = open_invoice(french, 1_797, at=at)
    page = reverse("invoice", args=[invoice.public_id])
    client = log_in(alice)
    assert "Download e-invoice (XML)" in client.get(page).content.decode()
    BillingProfile.objects.filter(customer=customer).update(country="")
    without = open_invoice(french, 1_797, at=at)
    assert "Download e-invoice (XML)" not in client.get(reverse("invoice", args=[without.public_id])).content.decode()
    refused = client.get(address(without))
    assert (refused.status_code, "The e-invoice needs the customer" in refused.content.decode()) == (404, True)


def test_the_portal_says_what_a_country_is_for_where_it_is_missing(seller, customer, alice, log_in):
    said = "Without your country, your invoices come as PDF only"
    assert said in log_in(alice).get(reverse("portal")).text
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    assert said not in log_in(alice).get(reverse("portal")).text


def test_a_draft_has_none_yet(french, alice, log_in):
    response = log_in(alice).get(address(calculated(french, 1_797)))
    assert (response.status_code, "Not issued yet" in response.content.decode()) == (404, True)
