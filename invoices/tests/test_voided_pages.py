"""What is void is owed by nobody: on its page, in its mail, in the lists and files of staff, in the ZIP of its year."""

import csv
import io
from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse

from accounts.services.deliver_notices import deliver_notices
from core.clock import travel_to
from invoices.archive_index import year_sums
from invoices.exporting import with_amount_due
from invoices.models import Invoice
from invoices.services import build_archives
from invoices.services.export_year import export_year
from invoices.services.send_again import send_again
from invoices.services.send_copy import send_copy
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import open_invoice
from invoices.tests.shelf import built, index_of, rendered


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def void(seller, customer, at):
    invoice = open_invoice(customer, 4900, at=at)
    return void_invoice(invoice_id=invoice.pk, at=at, reason="Billed twice")


def text(response):
    return " ".join(response.content.decode().split())


def test_its_page_asks_for_nothing_and_marks_what_is_printed(void, alice, log_in):
    page = text(log_in(alice).get(reverse("invoice", args=[void.public_id])))
    assert "Void since" in page
    assert "Nothing to pay" in page
    for words in ("Amount due", "The receipt is available"):
        assert words not in page.split("<article")[0]
    assert "<strong>Void since" in page.split("<article")[1]


@pytest.mark.parametrize("what", ["copy", "again"])
def test_its_mail_says_that_it_is_void(void, alice, at, what):
    deliver_notices(at=at)
    if what == "copy":
        send_copy(invoice_id=void.pk, at=at, actor=alice)
    else:
        send_again(invoice_id=void.pk, at=at)
    deliver_notices(at=at)
    message = mail.outbox[-1]
    assert message.subject == f"Invoice {void.number} is void"
    assert "is void since 20 Oct 2026." in message.body
    assert "There is nothing to pay." in message.body
    assert "lease pay by" not in message.body
    assert "pay and download" not in message.body


def test_staff_count_nothing_of_it_among_what_is_owed(void, customer, as_clerk):
    assert void.amount_due == with_amount_due(Invoice.objects.filter(pk=void.pk)).get().left == 0
    lists = (
        reverse("admin:customer_invoices", args=[customer.key]),
        reverse("admin:invoices_invoice_changelist"),
    )
    for url in lists:
        page = as_clerk.get(url).text
        assert page.count("$49.00") == 1, f"{url}: its total alone"
        assert "$0.00" in page
    file = as_clerk.get(reverse("admin:customer_invoices_csv", args=[customer.key]))
    [row] = csv.DictReader(io.StringIO(b"".join(file.streaming_content).decode()))
    assert (row["total"], row["left"]) == ("49", "0")


def test_the_file_of_its_year_lists_it_and_adds_nothing_for_it(void, customer, alice, at, monkeypatch):
    other = open_invoice(customer, 1200, at=at)
    rendered([void, other])
    monkeypatch.setattr(build_archives, "data_of", lambda invoice, pdf: b"<data/>")
    archive = built(export_year(customer_id=customer.pk, year=2026, at=at, actor=alice), at)
    assert [(row["kind"], row["amount"]) for row in index_of(archive)] == [("void invoice", "0"), ("invoice", "12")]
    assert year_sums(archive) == [("USD", 2, 1200, 0, 0, 0)]


def test_the_file_of_a_year_is_made_anew_once_a_document_of_it_is_void(seller, customer, alice, at, monkeypatch):
    invoice = open_invoice(customer, 4900, at=at)
    rendered([invoice])
    monkeypatch.setattr(build_archives, "data_of", lambda invoice, pdf: b"<data/>")
    asked = {"customer_id": customer.pk, "year": 2026, "actor": alice}
    before = built(export_year(**asked, at=at), at)
    later = at + timedelta(hours=1)
    assert export_year(**asked, at=later) == before
    void_invoice(invoice_id=invoice.pk, at=later, reason="Billed twice")
    assert export_year(**asked, at=later) != before
