"""The PDFs that go with the messages about documents."""

from datetime import timedelta

from django.core import mail

from accounts.models import BillingProfile, Notice
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import add_card
from invoices import attaching
from invoices.attaching import find_files
from invoices.einvoice import embedded
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


def test_a_paper_that_cannot_be_read_goes_alone_and_holds_up_nobody(seller, customer, staff, at, caplog):
    [invoice] = issued(customer, 1)
    note = issue_credit_note(invoice_id=invoice.pk, at=at, reason="Billed too much", actor=staff)
    rendered([invoice, note])  # what only looks like a PDF

    [file] = find_files([f"invoice:{note.pk}"])
    assert file.filename == "CN-2026-000001.pdf"
    assert "The data of CN-2026-000001.pdf could not be read" in caplog.text
    deliver_notices(at=at, find_files=find_files)
    sent = [file[0] for message in mail.outbox for file in message.attachments]
    assert {f"{invoice.number}.pdf", "CN-2026-000001.pdf"} <= set(sent)


def test_a_message_waits_until_its_document_is_rendered(seller, customer):
    [invoice] = issued(customer, 1)
    Notice.objects.exclude(template="invoice_issued").delete()
    at = Notice.objects.get().created_at

    assert find_files([f"invoice:{invoice.pk}"]) is None
    assert deliver_notices(at=at, find_files=find_files) == 0

    rendered([invoice])
    assert deliver_notices(at=at + timedelta(minutes=1), find_files=find_files) == 1
    assert len(mail.outbox[0].attachments) == 1


def test_it_finds_the_files_in_the_order_of_their_names_in_one_query(seller, customer, at, django_assert_num_queries):
    invoices = issued(customer, 3)
    rendered(invoices)
    names = [f"invoice:{invoice.pk}" for invoice in reversed(invoices)]

    with django_assert_num_queries(1):
        files = find_files(names)
    assert files is not None
    assert [file.filename for file in files] == [f"{invoice.number}.pdf" for invoice in reversed(invoices)]


def test_it_attaches_nothing_that_mail_servers_would_refuse(seller, customer, at):
    [invoice] = issued(customer, 1)
    rendered([invoice], size=attaching.MOST + 1)

    assert find_files([f"invoice:{invoice.pk}"]) == []


def test_it_waits_for_nothing_where_pdfs_cannot_be_made(seller, customer, at, monkeypatch):
    monkeypatch.setattr(attaching, "available", lambda: "no Pango")
    [invoice] = issued(customer, 1)

    assert find_files([f"invoice:{invoice.pk}"]) == []
