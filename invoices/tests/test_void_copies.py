"""What is void is downloaded and mailed with a stamp; the document that was sent stays as it was."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.core import mail
from django.db import IntegrityError
from django.urls import reverse
from pypdf import PdfReader

from accounts.models import BillingProfile
from accounts.services.deliver_notices import deliver_notices
from core.clock import travel_to
from invoices import pdf
from invoices.attaching import find_files
from invoices.due import voids_to_deliver
from invoices.models import Document
from invoices.services.deliver_documents import deliver_documents
from invoices.services.export_year import export_year
from invoices.services.send_copy import send_copy
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import calculated, line, open_invoice
from invoices.tests.credited import put_in
from invoices.tests.shelf import built, index_of
from invoices.tests.test_documents import text_of

pytestmark = pytest.mark.skipif(bool(pdf.available()), reason=pdf.available() or "-")


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def invoice(seller, customer, at):
    put_in(customer, "FR")
    return open_invoice(customer, lines=tuple(line(100 + number, key=f"l{number}") for number in range(40)), at=at)


@pytest.fixture
def void(invoice, at):
    """Sent, then void."""
    deliver_documents(at=at)
    return void_invoice(invoice_id=invoice.pk, at=at, reason="Billed twice")


def test_it_is_stamped_on_every_page_once(void, at):
    assert deliver_documents(at=at) == 1
    copy = Document.objects.get(kind="void")
    assert copy.filename == f"{void.number}-void.pdf"
    pages = [page.extract_text() for page in PdfReader(BytesIO(bytes(copy.content))).pages]
    assert len(pages) > 1
    assert all("Void since 20 Oct 2026" in page for page in pages)
    assert [voids_to_deliver(), deliver_documents(at=at)] == [[], 0]


def test_what_was_sent_stays_as_it_was(void, at):
    sent = bytes(Document.objects.get(kind="invoice").content)
    deliver_documents(at=at)
    original, copy = Document.objects.get(kind="invoice"), Document.objects.get(kind="void")
    assert bytes(original.content) == sent
    assert "Void" not in text_of(original)
    said = text_of(copy).replace("Void since 20 Oct 2026", "").split()
    assert sorted(said) == sorted(text_of(original).split())


def test_no_stamp_would_be_seen_on_its_data_so_there_are_none_inside(void, at):
    deliver_documents(at=at)
    inside = {row.kind: list(PdfReader(BytesIO(bytes(row.content))).attachments) for row in Document.objects.all()}
    assert inside == {"invoice": ["factur-x.xml"], "void": []}


def test_it_is_what_is_downloaded_from_then_on(void, at, alice, log_in):
    client, url = log_in(alice), reverse("invoice_pdf", args=[void.public_id])
    assert client.get(url).status_code == 503
    deliver_documents(at=at)
    answer = client.get(url)
    assert f'filename="{void.number}-void.pdf"' in answer["Content-Disposition"]
    assert answer.content == bytes(Document.objects.get(kind="void").content)
    assert client.get(reverse("invoice_xml", args=[void.public_id])).status_code == 200


def test_archives_hold_what_was_sent(void, at, alice):
    deliver_documents(at=at)
    index = index_of(built(export_year(customer_id=void.customer_id, year=2026, at=at, actor=alice), at))
    [pdf_row] = [row for row in index if row["file"].endswith(".pdf")]
    assert pdf_row["file"] == f"2026/{void.number}.pdf"
    assert pdf_row["sha256"] == Document.objects.get(kind="invoice").sha256


def test_it_is_what_goes_by_mail_and_the_mail_waits_for_it(void, at, alice, customer):
    BillingProfile.objects.filter(customer=customer).update(attach_xml=True)
    deliver_notices(at=at)
    mail.outbox.clear()
    send_copy(invoice_id=void.pk, at=at, actor=alice)
    deliver_notices(at=at, find_files=find_files)
    assert mail.outbox == []
    deliver_documents(at=at)
    deliver_notices(at=at + timedelta(minutes=2), find_files=find_files)
    [message] = mail.outbox
    assert [name for name, _content, _type in message.attachments] == [f"{void.number}-void.pdf"]


@pytest.mark.parametrize(
    ("language", "said"), [("de", "Storniert seit 20. Okt. 2026"), ("fr", "Annulé depuis le 20 oct. 2026")]
)
def test_it_says_so_in_the_language_of_the_document(invoice, at, language, said):
    invoice.customer_party["language"] = language
    invoice.status, invoice.voided_at = "void", at
    pages = PdfReader(BytesIO(pdf.void_pdf(invoice))).pages
    assert all(said in page.extract_text() for page in pages)


def test_a_draft_that_was_discarded_has_none(seller, customer, at):
    draft = calculated(customer, 100)
    draft.status = "void"
    draft.save(update_fields=["status"])
    assert deliver_documents(at=at) == 0


def test_the_database_keeps_one_copy(void, at):
    deliver_documents(at=at)
    copy = Document.objects.get(kind="void")
    copy.pk, copy.filename = None, "another.pdf"
    with pytest.raises(IntegrityError, match="document_invoice_once"):
        copy.save(force_insert=True)
