"""The PDFs that go with the messages about documents."""

from datetime import timedelta

import pytest
from django.core import mail

from accounts.mail import message_id
from accounts.models import BillingProfile, Notice
from accounts.notices import USUAL, Attach
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import add_card
from invoices import attaching
from invoices.attaching import find_files
from invoices.einvoice import data_of, embedded
from invoices.models import Document
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.submit_payment import submit_payment
from invoices.tests.shelf import issued, rendered


def test_the_invoice_goes_with_its_message_and_both_papers_with_the_receipt(seller, customer, alice, at):
    add_card(customer, alice, at)
    [invoice] = issued(customer, 1)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    submit_payment(payment_id=payment.pk, at=at)
    deliver_documents(at=at)
    Notice.objects.exclude(template__in=("invoice_issued", "payment_receipt")).delete()
    deliver_notices(at=at, find_files=find_files)

    told, receipt = mail.outbox
    assert [name for name, _, _ in told.attachments] == ["INV-2026-000001.pdf"]
    assert [name for name, _, _ in receipt.attachments] == ["RCP-2026-000001.pdf", "INV-2026-000001.pdf"]
    assert all(content.startswith(b"%PDF-") for _, content, _ in receipt.attachments)


def test_a_credit_note_goes_with_its_data_beside_it(seller, customer, staff, at):
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    [invoice] = issued(customer, 1)
    issue_credit_note(invoice_id=invoice.pk, at=at, reason="Billed too much", actor=staff)
    deliver_documents(at=at)
    Notice.objects.exclude(template="invoice_credited").delete()
    deliver_notices(at=at, find_files=find_files)

    [told] = mail.outbox
    pdf, xml = told.attachments
    assert (pdf[0], pdf[2]) == ("CN-2026-000001.pdf", "application/pdf")
    assert (xml[0], xml[2]) == ("CN-2026-000001.xml", "application/xml")
    assert embedded(pdf[1]) == (xml[1].encode() if isinstance(xml[1], str) else xml[1])
    assert b"CrossIndustryInvoice" in embedded(pdf[1])


CHOICES = [
    ({"attach_pdf": True, "attach_xml": False}, ["INV.pdf"], ["CN.pdf", "CN.xml"], ["RCP.pdf", "INV.pdf"]),
    ({"attach_pdf": True, "attach_xml": True}, ["INV.pdf", "INV.xml"], ["CN.pdf", "CN.xml"],
     ["RCP.pdf", "INV.pdf", "INV.xml"]),
    ({"attach_pdf": False, "attach_xml": True}, ["INV.xml"], ["CN.xml"], ["INV.xml"]),
    ({"attach_pdf": False, "attach_xml": False}, [], [], []),
]  # fmt: skip


@pytest.mark.parametrize(("chosen", "invoice_files", "note_files", "receipt_files"), CHOICES)
def test_each_message_brings_what_the_customer_chose(
    chosen, invoice_files, note_files, receipt_files, seller, customer, alice, staff, at
):
    BillingProfile.objects.filter(customer=customer).update(country="FR", **chosen)
    add_card(customer, alice, at)
    [invoice] = issued(customer, 1)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    submit_payment(payment_id=payment.pk, at=at)
    issue_credit_note(invoice_id=invoice.pk, at=at, reason="Billed too much", actor=staff)
    deliver_documents(at=at)
    deliver_notices(at=at, find_files=find_files)

    told = {notice.template: message for notice, message in zip(sent_notices(), mail.outbox, strict=True)}
    for template, files in (
        ("invoice_issued", invoice_files),
        ("invoice_credited", note_files),
        ("payment_receipt", receipt_files),
    ):
        assert [short(name) for name, _, _ in told[template].attachments] == files, template
        for name, _content, kind in told[template].attachments:
            assert kind == ("application/xml" if name.endswith(".xml") else "application/pdf")
        said = (told[template].body + told[template].alternatives[0].content).lower()
        assert "attach" not in said  # a message may go without files, for many reasons: none promises any
        assert "/settings/billing/" in said


def sent_notices():
    """In the order they were sent."""
    sent = [message.extra_headers["Message-ID"] for message in mail.outbox]
    return sorted(Notice.objects.all(), key=lambda notice: sent.index(message_id(notice.key)))


def short(name):
    """INV-2026-000001.pdf → INV.pdf"""
    return f"{name.partition('-')[0]}.{name.rpartition('.')[2]}"


def test_the_xml_is_that_of_the_download(seller, customer, at):
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    [invoice] = issued(customer, 1)
    deliver_documents(at=at)

    [file] = find_files([f"invoice:{invoice.pk}"], Attach(pdf=False, xml=True))
    assert file.filename == f"{invoice.number}.xml"
    assert file.content == data_of(invoice, Document.objects.get(invoice=invoice).content)


def test_what_has_no_valid_data_goes_without(seller, customer, at, monkeypatch):
    monkeypatch.setattr(attaching, "data_of", lambda *_: None)
    [invoice] = issued(customer, 1)
    rendered([invoice])

    assert [file.filename for file in find_files([f"invoice:{invoice.pk}"], Attach(pdf=True, xml=True))] == [
        f"{invoice.number}.pdf"
    ]


def test_a_receipt_and_a_statement_have_no_data_and_are_not_waited_for(seller, customer):
    assert find_files(["receipt:7", "statement:9"], Attach(pdf=False, xml=True)) == []
    assert find_files(["receipt:7"], USUAL) is None


def test_data_alone_wait_for_the_pdf_they_are_in(seller, customer):
    [invoice] = issued(customer, 1)
    assert find_files([f"invoice:{invoice.pk}"], Attach(pdf=False, xml=True)) is None
    assert find_files([f"invoice:{invoice.pk}"], Attach(pdf=False, xml=False)) == []


def test_a_paper_that_cannot_be_read_goes_alone_and_holds_up_nobody(seller, customer, staff, at, caplog):
    [invoice] = issued(customer, 1)
    note = issue_credit_note(invoice_id=invoice.pk, at=at, reason="Billed too much", actor=staff)
    rendered([invoice, note])  # what only looks like a PDF

    [file] = find_files([f"invoice:{note.pk}"], USUAL)
    assert file.filename == "CN-2026-000001.pdf"
    assert "The data of CN-2026-000001.pdf could not be read" in caplog.text
    deliver_notices(at=at, find_files=find_files)
    sent = [file[0] for message in mail.outbox for file in message.attachments]
    assert {f"{invoice.number}.pdf", "CN-2026-000001.pdf"} <= set(sent)


def test_a_message_waits_until_its_document_is_rendered(seller, customer):
    [invoice] = issued(customer, 1)
    Notice.objects.exclude(template="invoice_issued").delete()
    at = Notice.objects.get().created_at

    assert find_files([f"invoice:{invoice.pk}"], USUAL) is None
    assert deliver_notices(at=at, find_files=find_files) == 0

    rendered([invoice])
    assert deliver_notices(at=at + timedelta(minutes=1), find_files=find_files) == 1
    assert len(mail.outbox[0].attachments) == 1


def test_it_finds_the_files_in_the_order_of_their_names_in_one_query(seller, customer, at, django_assert_num_queries):
    invoices = issued(customer, 3)
    rendered(invoices)
    names = [f"invoice:{invoice.pk}" for invoice in reversed(invoices)]

    with django_assert_num_queries(1):
        files = find_files(names, USUAL)
    assert files is not None
    assert [file.filename for file in files] == [f"{invoice.number}.pdf" for invoice in reversed(invoices)]


def test_it_attaches_nothing_that_mail_servers_would_refuse(seller, customer, at):
    [invoice] = issued(customer, 1)
    rendered([invoice], size=attaching.MOST + 1)

    assert find_files([f"invoice:{invoice.pk}"], USUAL) == []


def test_it_waits_for_nothing_where_pdfs_cannot_be_made(seller, customer, at, monkeypatch):
    monkeypatch.setattr(attaching, "available", lambda: "no Pango")
    [invoice] = issued(customer, 1)

    assert find_files([f"invoice:{invoice.pk}"], USUAL) == []
