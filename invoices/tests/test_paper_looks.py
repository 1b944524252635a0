"""Documents as they are printed: the seller's logo, letters of all scripts, and what stays together."""

from io import BytesIO

import pikepdf
import pytest
from django.urls import reverse
from PIL import Image
from pypdf import PdfReader

from accounts.models import BillingProfile
from accounts.tests.cards import add_card
from invoices import pdf
from invoices.brand import logo_address
from invoices.glyphs import unprintable
from invoices.models import Invoice, Seller
from invoices.services.collect_payment import collect_payment
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import line, open_invoice
from invoices.tests.credited import granted
from invoices.tests.test_brand import SVG
from invoices.tests.test_einvoice_pdf import MOST_BYTES, fonts_of, opened
from invoices.tests.test_statements import october, stated, used

pytestmark = pytest.mark.skipif(bool(pdf.available()), reason=pdf.available() or "-")

NAMES = {
    "Korean": "한국전력공사 김민준",
    "Japanese": "株式会社ワンダー 齋藤",
    "Chinese": "中国石油化工股份有限公司",
    "Arabic": "شركة الاتصالات السعودية",
    "Hebrew": "שלום תעשיות בע״מ",
    "Thai": "บริษัท กสิกรไทย จำกัด",
    "Hindi": "भारतीय स्टेट बैंक",
    "Greek": "Λάμδα Σύμβουλοι",
    "Russian": "Яндекс Цифры",
    "Vietnamese": "Trần Thị Ánh",
}


def transparent_png():
    kept = BytesIO()
    Image.new("RGBA", (60, 16), (31, 75, 153, 128)).save(kept, "PNG")
    return kept.getvalue()


def text_of(content):
    return [page.extract_text() for page in PdfReader(BytesIO(content)).pages]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_printed_with_our_own_fonts_and_can_be_copied(seller, customer, at, name):
    BillingProfile.objects.filter(customer=customer).update(legal_name=name)
    content = pdf.invoice_pdf(open_invoice(customer, 1_797, at=at))
    [page] = text_of(content)
    assert name in page
    assert "Issue date" in page
    assert len(content) < MOST_BYTES
    fonts = fonts_of(opened(content))
    assert all("Paper" in family and inside for family, inside in fonts), fonts


def test_what_none_of_our_fonts_has_is_told(seller, customer, at, caplog, as_clerk):
    BillingProfile.objects.filter(customer=customer).update(legal_name="𐎠 Trading")
    invoice = open_invoice(customer, 1_797, at=at)
    pdf.invoice_pdf(invoice)
    assert f"{invoice.number}: none of our fonts has '𐎠'" in caplog.text
    page = reverse("admin:invoices_invoice_change", args=[invoice.pk])
    assert "None of the fonts for PDFs has 𐎠." in as_clerk.get(page).text
    BillingProfile.objects.filter(customer=customer).update(legal_name="한국 Trading")
    page = reverse("admin:invoices_invoice_change", args=[open_invoice(customer, 1_797, at=at).pk])
    assert "None of the fonts" not in as_clerk.get(page).text


@pytest.mark.parametrize(
    ("text", "foreign"),
    [("Zoë\u00a0GmbH\u200e\t\n", ""), ("Zoe\u0308", ""), ("ﷺ 한 齋", ""), ("𐎠a𐎠", "𐎠"), ("\u0378", "\u0378")],
)
def test_what_has_no_shape_needs_no_font(text, foreign):
    assert unprintable(text) == foreign


@pytest.mark.parametrize("logo", [transparent_png(), SVG], ids=["PNG", "SVG"])
def test_a_logo_keeps_to_pdf_a(seller, customer, at, logo):
    Seller.objects.filter(pk=seller.pk).update(logo=logo_address(logo))
    file = opened(pdf.invoice_pdf(open_invoice(customer, 1_797, at=at)))
    pictures = [each for each in file.objects if isinstance(each, pikepdf.Stream) and each.get("/Subtype") == "/Image"]
    assert len(pictures) == (2 if logo.startswith(b"\x89PNG") else 0)
    assert not [each for each in pictures if bool(each.get("/Interpolate", False))]


# --- receipts and statements ----------------------------------------------------------------------------------------
def receipt(customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 1_797, at=at)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    submit_payment(payment_id=payment.pk, at=at)
    payment.refresh_from_db()
    return pdf.receipt_pdf(payment)


def statement(customer, alice, at):
    granted(customer, 1_000, at=october(1))
    used(customer, 300, october(5))
    return pdf.statement_pdf(stated(customer))


@pytest.mark.parametrize("make", [receipt, statement])
def test_receipts_and_statements_are_pdf_a_on_letter_with_the_logo(seller, customer, alice, at, make):
    Seller.objects.filter(pk=seller.pk).update(logo=logo_address(transparent_png()))
    BillingProfile.objects.filter(customer=customer).update(country="US")
    content = make(customer, alice, at)
    file = opened(content)
    [page] = file.pages
    assert [float(each) for each in page.mediabox] == [0, 0, 612, 792]
    assert (bool(file.Root.MarkInfo.Marked), "/StructTreeRoot" in file.Root) == (True, True)
    assert [str(each.S) for each in file.Root.OutputIntents] == ["/GTS_PDFA1"]
    with file.open_metadata() as told:
        assert (told["pdfaid:part"], told["pdfaid:conformance"]) == ("3", "A")
    assert len(PdfReader(BytesIO(content)).pages[0].images) == 1
    assert all(inside for _, inside in fonts_of(file))
    assert len(content) < MOST_BYTES


def test_a_receipt_leads_to_the_page_of_its_invoice(seller, customer, alice, at, settings):
    settings.PORTAL_URL = "https://portal.example"
    [page] = PdfReader(BytesIO(receipt(customer, alice, at))).pages
    links = [note.get_object()["/A"]["/URI"] for note in page["/Annots"]]
    assert links == ["https://portal.example" + reverse("invoice", args=[Invoice.objects.get().public_id])]


def test_the_head_of_a_long_statement_is_on_every_page(seller, customer):
    for number in range(50):
        granted(customer, 1_000 + number, at=october(2, number % 24))
    pages = text_of(pdf.statement_pdf(stated(customer)))
    assert len(pages) > 1
    assert all("Movement" in page for page in pages)


@pytest.mark.parametrize("count", range(17, 23))
def test_totals_stay_together_with_the_last_line(seller, customer, at, count):
    lines = [line(100 + number, key=f"one:{number}", title=f"Fee {number}.") for number in range(count)]
    pages = text_of(pdf.invoice_pdf(open_invoice(customer, lines=lines, at=at)))
    last = next(page for page in pages if "Subtotal" in page)
    assert "Amount due" in last
    assert f"Fee {count - 1}." in last
