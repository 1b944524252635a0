"""Pages in place of a PDF in a real browser: it is being made, or can't be. No story leads there, for PDFs are made."""

import pytest
from django.urls import reverse

from billing_portal.chromium import dress
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.looks import problems
from core.clock import now
from credits.tests.test_pages import grant
from invoices.services.deliver_documents import deliver_documents
from invoices.tests.cast import open_invoice
from invoices.tests.test_statements import october, stated

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seen(page, log_in, alice, console_errors):
    """The text of a page, in which nobody is kept out by its looks."""
    enter(page, log_in(alice))
    dress(page)

    def see(url):
        assert page.goto(url).status == 503
        assert problems(page) == []
        return " ".join(page.locator("main").inner_text().split())

    yield see
    console_errors[:] = [error for error in console_errors if "503" not in error]


def test_a_pdf_that_is_being_made(seen, seller, customer, monkeypatch):
    monkeypatch.setattr("invoices.views_documents.nudge", lambda name: None)
    invoice = open_invoice(customer, 4_900)
    assert "The download starts here by itself" in seen(reverse("invoice_pdf", args=[invoice.public_id]))


def test_its_download_starts_by_itself_and_once(page, seen, seller, customer, monkeypatch):
    monkeypatch.setattr("invoices.views_documents.nudge", lambda name: None)
    monkeypatch.setattr("invoices.views_documents.RETRY_SECONDS", 1)
    invoice = open_invoice(customer, 4_900)
    seen(reverse("invoice_pdf", args=[invoice.public_id]))
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers):  # asked again, and not there yet
        pass
    came = []
    page.on("download", lambda download: came.append(download))
    deliver_documents(at=now())
    with page.expect_download() as coming:
        pass
    assert coming.value.suggested_filename == f"{invoice.number}.pdf"
    page.wait_for_timeout(2_500)
    assert len(came) == 1


def test_a_pdf_that_cannot_be_made(seen, seller, customer, monkeypatch):
    monkeypatch.setattr("invoices.views_documents.available", lambda: "install Pango")
    invoice = open_invoice(customer, 4_900)
    assert "PDF unavailable: install Pango." in seen(reverse("invoice_pdf", args=[invoice.public_id]))
    grant(customer, 2_000, october(1))
    statement = stated(customer)
    assert "PDF unavailable: install Pango." in seen(reverse("statement_pdf", args=[statement.public_id]))
