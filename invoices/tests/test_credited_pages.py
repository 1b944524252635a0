"""The page of an invoice that was given back, and of the note that did it."""

import re
from datetime import date, timedelta

import pytest
from django.urls import reverse

from accounts.gateways.base import Outcome
from accounts.tests.cards import add_card
from core import formats
from core.clock import travel_to
from invoices.giving_back import Wanted
from invoices.models_payments import OutsideMethod
from invoices.refunding import Outside
from invoices.services.collect_payment import collect_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.pay_out_credit_note import pay_out_credit_note
from invoices.services.record_refund import record_refund
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import SUCCEEDED, calculated, line, open_invoice
from invoices.tests.credited import granted

TIME = re.compile("</?time[^>]*>")


@pytest.fixture
def invoice(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, lines=(line(4900, "fee:1"),), at=at)
    submit_payment(payment_id=collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at=at)
    return invoice


@pytest.fixture
def page(alice, log_in):
    """The text of the page of one document, with single spaces."""
    client = log_in(alice)
    return lambda invoice: TIME.sub("", " ".join(client.get(address(invoice)).content.decode().split()))


def address(invoice):
    return reverse("invoice", args=[invoice.public_id])


def link(invoice):
    return f'<a href="{address(invoice)}">{invoice.number}</a>'


def test_it_says_what_was_given_back_and_leads_to_the_note_and_back(invoice, page, at):
    assert "Credited" not in page(invoice)
    note = issue_credit_note(invoice_id=invoice.pk, at=at, reason="Sample")
    back = formats.money(-invoice.total, "USD")
    assert f"Credited {back}" in page(invoice)
    assert f"Credit note {link(note)} of {formats.day(note.issued_on)}: {back}." in page(invoice)
    assert f"It corrects invoice {link(invoice)}." in page(note)


def test_the_note_names_the_day_of_what_it_corrects(invoice, page, at):
    note = issue_credit_note(invoice_id=invoice.pk, at=at + timedelta(days=3), reason="Sample")
    assert f"<dd>{invoice.number} of 20 Oct 2026</dd>" in page(note)


def test_refunds_are_listed_with_day_and_card_on_both_pages(invoice, page, at):
    note = issue_credit_note(invoice_id=invoice.pk, at=at, reason="Sample")
    for document in (invoice, note):
        assert "$49.00 is on its way back to Visa ending 4242 since 20 Oct 2026." in page(document)
    record_refund(refund_id=note.refunds.get().pk, outcome=SUCCEEDED, at=at + timedelta(days=2))
    for document in (invoice, note):
        assert "$49.00 went back to Visa ending 4242 on 22 Oct 2026." in page(document)


def test_a_refund_that_failed_is_not_said_to_be_under_way(invoice, page, at):
    note = issue_credit_note(invoice_id=invoice.pk, at=at, reason="Sample")
    record_refund(refund_id=note.refunds.get().pk, outcome=Outcome("declined"), at=at)
    for document in (invoice, note):
        assert "Visa ending 4242 " not in page(document)


@pytest.mark.parametrize(("reference", "said"), [("T-9", "(bank transfer, reference T-9)"), ("", "(bank transfer)")])
def test_what_was_paid_out_outside_is_listed_with_the_note(invoice, page, at, reference, said):
    note = issue_credit_note(invoice_id=invoice.pk, at=at, reason="Sample", wanted=Wanted(goes_to="kept"))
    to = Outside(OutsideMethod.BANK_TRANSFER, reference, date(2026, 10, 23))
    pay_out_credit_note(note_id=note.pk, to=to, amount=4900, key="1", at=at, reason="Sample")
    assert f"$49.00 was paid out on 23 Oct 2026 {said}." in page(note)


def test_it_guesses_no_share_of_a_note_that_gives_back_several_invoices(invoice, customer, page, at):
    other = open_invoice(customer, lines=(line(1000, "fee:2"),), at=at)
    lines = (line(-300, corrects="fee:1"), line(-200, corrects="fee:2"))
    note = open_invoice(customer, lines=lines, at=at, key="both")
    for shown in (page(invoice), page(other)):
        assert "Credited</span>" in shown
        assert (
            f"Credit note {link(note)} of {formats.day(note.issued_on)} gives back parts of this and of other" in shown
        )
    assert page(note).count("It corrects invoice") == 2


def test_a_note_that_is_not_issued_yet_is_none(invoice, customer, page):
    calculated(customer, lines=(line(-300, corrects="fee:1"),), key="draft")
    assert "Credited" not in page(invoice)


@pytest.mark.parametrize("file", ["invoice_pdf", "invoice_xml"])
def test_a_page_instead_of_a_file_names_the_note(invoice, customer, alice, log_in, at, monkeypatch, file):
    monkeypatch.setattr("invoices.views_documents.nudge", lambda task: None)
    monkeypatch.setattr("invoices.views_documents.available", lambda: "")
    draft = calculated(customer, lines=(line(-300, corrects="fee:1"),), key="draft")
    note = issue_credit_note(invoice_id=invoice.pk, at=at, reason="Sample")
    client = log_in(alice)
    for one, name in ((draft, "Draft credit note"), (note, f"Credit note {note.number}")):
        page = client.get(reverse(file, args=[one.public_id])).text
        assert f"</svg>{name}</a><h1>" in page
        assert f"Invoice {note.number}" not in page


def test_without_data_it_is_not_the_pdf_that_is_missing(invoice, alice, log_in):
    page = log_in(alice).get(reverse("invoice_xml", args=[invoice.public_id])).text
    assert "<h1>No e-invoice (XML)</h1>" in page
    assert "No PDF" not in page


@pytest.fixture
def unpaid(seller, customer, at):
    return open_invoice(customer, 4900, at=at)


def payment_of(page):
    """The panel of the page about paying."""
    return page.split('id="h-pay"')[1].split("</section>")[0]


def test_what_a_note_settled_is_not_called_paid(unpaid, page, at):
    issue_credit_note(invoice_id=unpaid.pk, at=at, reason="Sample")
    assert "Settled</span>" in page(unpaid)
    panel = payment_of(page(unpaid))
    assert "Paid" not in panel
    assert 'Credit notes</span> <strong class="figure-value">$49.00' in panel
    assert "The receipt is available" not in panel


def test_it_says_how_much_was_paid_and_how_much_credited(unpaid, customer, alice, page, at):
    add_card(customer, alice, at)
    issue_credit_note(invoice_id=unpaid.pk, at=at, reason="Sample", wanted=Wanted(amount=1000))
    submit_payment(payment_id=collect_payment(invoice_id=unpaid.pk, at=at, automatic=False).pk, at=at)
    panel = payment_of(page(unpaid))
    assert 'Paid</span><span class="figure-value">$39.00' in panel
    assert 'Credit notes</span> <strong class="figure-value">$10.00' in panel


def test_a_note_alone_makes_no_invoice_partly_paid(unpaid, page, at):
    issue_credit_note(invoice_id=unpaid.pk, at=at, reason="Sample", wanted=Wanted(amount=1000))
    with travel_to(at):
        shown = page(unpaid)
    assert "Partly paid" not in shown
    assert f"Credited {formats.money(-1000, 'USD')}" in shown
    assert "$39.00" in payment_of(shown)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (1200, "The invoice is issued on 20 Nov 2026 and charged to Visa ending 4242."),
        (4900, "The invoice is issued on 20 Nov 2026, and nothing will be charged."),
    ],
)
def test_a_draft_says_what_a_kept_note_takes_off(invoice, customer, page, at, amount, said):
    wanted = Wanted(amount=amount, goes_to="kept")
    issue_credit_note(invoice_id=invoice.pk, at=at, reason="Sample", wanted=wanted)
    panel = payment_of(page(calculated(customer, 4900, key="next", billing_on=date(2026, 11, 20))))
    assert (
        f'From credit notes kept for you</span> <strong class="figure-value">{formats.money(-amount, "USD")}' in panel
    )
    assert f'Amount due</span> <strong class="figure-value">{formats.money(4900 - amount, "USD")}' in panel
    assert f"The charges are final. {said}" in panel


def test_a_draft_that_credit_pays_charges_nothing(invoice, customer, page, at):
    granted(customer, 10_000, at - timedelta(days=10))
    panel = payment_of(page(calculated(customer, 4900, key="next", billing_on=date(2026, 11, 20))))
    assert "$0.00" in panel
    assert "The charges are final. The invoice is issued on 20 Nov 2026, and nothing will be charged." in panel
