"""A seller's logo and colour: what is taken, and that PDFs wear it."""

import io
import re
import zlib
from base64 import b64decode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from pypdf import PdfReader

from accounts.models import AuditEntry
from invoices import pdf
from invoices.brand import UnfitLogoError, is_readable, logo_address
from invoices.models import Seller
from invoices.tests.cast import open_invoice
from invoices.tests.test_admin_sellers import form_of, url_of

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><path fill="#1f4b99" d="M0 0h40v10H0z"/></svg>'
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def png(width, height):
    """A small file whatever its size in pixels: the head is true, the picture is one row of nothing."""

    def chunk(kind, data):
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x06\0\0\0"
    return PNG[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(width))) + chunk(b"IEND", b"")


def saved(as_clerk, seller, **values):
    """The form, sent back with these; the page it answers with, and the seller as stored."""
    form = {name: value for name, value in form_of(seller).items() if name != "logo"}
    page = as_clerk.post(url_of(seller), form | {"tax_rates-0-percent": "20", "reason": "New look"} | values)
    return page, Seller.objects.get(pk=seller.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(("content", "kind"), [(SVG, "svg+xml"), (PNG, "png")], ids=["SVG", "PNG"])
def test_a_logo_is_kept_as_it_was_sent(as_clerk, seller, content, kind):
    _, stored = saved(as_clerk, seller, new_logo=SimpleUploadedFile("logo", content), accent="#1F4B99")
    head, _, data = stored.logo.partition(",")
    assert (head, b64decode(data), stored.accent) == (f"data:image/{kind};base64", content, "#1f4b99")
    told = AuditEntry.objects.get(action="save_seller").after
    assert (told["accent"], len(told["logo"])) == ("#1f4b99", 64)


@pytest.mark.django_db
def test_a_logo_stays_until_it_is_removed(as_clerk, seller):
    saved(as_clerk, seller, new_logo=SimpleUploadedFile("logo.svg", SVG))
    assert saved(as_clerk, seller)[1].logo
    assert not saved(as_clerk, seller, remove_logo="on")[1].logo


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"GIF89a", "neither a PNG nor an SVG"),
        (b"<html/>", "neither a PNG nor an SVG"),
        (SVG.replace(b"<path", b"<script>1</script><path"), "more than shapes"),
        (SVG.replace(b"<path", b'<path onclick="x"'), "more than shapes"),
        (SVG.replace(b"<path", b'<image href="file:///etc/passwd"/><path'), "more than shapes"),
        (SVG.replace(b"<path", b"<style>@import url(http://example.com)</style><path"), "more than shapes"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64 * 1024), "64 KB"),
        (PNG[:20], "damaged"),
        (PNG[:50], "damaged"),
        (PNG.replace(b"\xda\x63\x64", b"\xff\xff\xff"), "damaged"),
        (png(1500, 1500), "more than 2,000,000 pixels"),
        (png(20000, 20000), "more than 2,000,000 pixels"),
    ],
)
def test_it_takes_shapes_alone(content, why):
    with pytest.raises(UnfitLogoError, match=why):
        logo_address(content)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"accent": "#ffee00"}, "too light to be read"),
        ({"accent": "blue"}, "six hexadecimal digits"),
        ({"new_logo": SimpleUploadedFile("logo.gif", b"GIF89a")}, "neither a PNG nor an SVG"),
    ],
)
def test_the_form_says_what_is_wrong(as_clerk, seller, values, why):
    page, stored = saved(as_clerk, seller, **values)
    assert why in page.text
    assert (stored.accent, stored.logo) == ("", "")


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{"accent": "red"}, {"logo": "https://example.com/logo.svg"}])
def test_the_database_refuses_what_is_neither(seller, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        Seller.objects.filter(pk=seller.pk).update(**values)


def test_text_has_contrast():
    assert [is_readable(colour) for colour in ("#000000", "#1f4b99", "#767676", "#777777", "#ffffff")] == [
        *(True, True, True),
        *(False, False),
    ]


@pytest.mark.django_db
def test_the_pdf_wears_it(seller, customer, at):
    invoice = open_invoice(customer, 4900, at=at)
    plain = pdf.invoice_pdf(invoice)
    Seller.objects.filter(pk=seller.pk).update(logo=logo_address(PNG), accent="#1f4b99")
    invoice.refresh_from_db()
    worn = pdf.invoice_pdf(invoice)
    (page,) = PdfReader(io.BytesIO(worn)).pages
    assert len(page.images) == 1
    assert not PdfReader(io.BytesIO(plain)).pages[0].images
    blue = rb"0\.1215\d* 0\.2941\d* 0\.6 "
    assert re.search(blue, page.get_contents().get_data())
    assert not re.search(blue, PdfReader(io.BytesIO(plain)).pages[0].get_contents().get_data())
