"""The lines of a document as a file: whoever adds them up comes to its total, to the cent."""

import csv
from decimal import Decimal

import pytest
from django.urls import reverse

from core.clock import travel_to
from core.money import to_major
from invoices.services.ask_for_correction import ask_for_correction
from invoices.services.issue_credit_note import issue_credit_note
from invoices.tests.cast import calculated, line, open_invoice, usage_line
from invoices.tests.credited import granted, put_in


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


def url(invoice):
    return reverse("invoice_lines_csv", args=[invoice.public_id])


def rows_of(client, address):
    return list(csv.DictReader(b"".join(client.get(address).streaming_content).decode().splitlines()))


def total_of(rows):
    return sum(Decimal(row["amount"]) for row in rows)


def test_it_has_every_line_its_credits_and_its_taxes_and_sums_to_the_total(seller, customer, bob, at, log_in):
    put_in(customer, "FR")
    granted(customer, 1000)
    invoice = open_invoice(customer, lines=(line(4900), usage_line(235)), at=at)
    fee, usage, credit, tax = rows = rows_of(log_in(bob), url(invoice))
    assert [row["row"] for row in rows] == ["line", "line", "credits used", "tax"]
    assert (fee["title"], fee["amount"], fee["unit_price"]) == ("Plus monthly fee", "49", "")
    assert (usage["quantity"], usage["unit_price"], usage["per_units"]) == ("12345", "1", "1000")
    assert (usage["from"], usage["to"]) == ("2026-09-17T00:00:00Z", "2026-10-17T00:00:00Z")
    assert (credit["title"], credit["amount"]) == ("Welcome", "-10")
    assert (tax["title"], tax["tax_percent"], tax["tax_base"], tax["amount"]) == ("VAT", "20", "41.35", "8.27")
    assert total_of(rows) == to_major(invoice.total, "USD") == Decimal("49.62")


def test_tax_that_is_in_the_prices_is_said_and_not_added(seller, customer, alice, at, log_in):
    seller.tax_rates.filter(country="").update(label="GST", percent=10, category="S", inclusive=True)
    invoice = open_invoice(customer, lines=(line(4900), usage_line(235)), at=at)
    rows = rows_of(log_in(alice), url(invoice))
    assert (rows[-1]["row"], rows[-1]["tax"], rows[-1]["amount"]) == ("included tax", "4.67", "0")
    assert total_of(rows) == to_major(invoice.total, "USD") == Decimal("51.35")


def test_of_a_credit_note_it_is_below_zero_and_what_returns_to_credit_is_a_row(seller, customer, alice, at, log_in):
    put_in(customer, "FR")
    granted(customer, 1000)
    invoice = open_invoice(customer, lines=(line(4900), usage_line(235)), at=at)
    note = issue_credit_note(invoice_id=invoice.pk, key="k", memo="", reason="Outage", at=at)
    rows = rows_of(log_in(alice), url(note))
    assert [row["row"] for row in rows] == ["line", "line", "credits returned", "tax"]
    assert total_of(rows) == to_major(note.total, "USD") == Decimal("-49.62")


def test_a_draft_has_one_too_and_both_pages_lead_there(seller, customer, alice, at, log_in):
    draft, client = calculated(customer, 100), log_in(alice)
    invoice = open_invoice(customer, 4900, at=at)
    for one, name in ((draft, "draft-2026-10-20-lines.csv"), (invoice, "INV-2026-000001-lines.csv")):
        assert client.get(url(one))["Content-Disposition"] == f'attachment; filename="{name}"'
        assert url(one) in client.get(reverse("invoice", args=[one.public_id])).content.decode()


def test_a_title_that_a_spreadsheet_would_calculate_is_text(seller, customer, alice, at, log_in):
    invoice = open_invoice(customer, lines=(line(4900, title="=HYPERLINK(1)"),), at=at)
    assert rows_of(log_in(alice), url(invoice))[0]["title"] == "'=HYPERLINK(1)"


def test_it_is_in_english_for_everybody(seller, customer, alice, at, log_in):
    """As every file that programs read."""
    put_in(customer, "FR")
    client = log_in(alice)
    client.post(reverse("set_language"), {"language": "de"})
    rows = rows_of(client, url(open_invoice(customer, lines=(usage_line(235),), at=at)))
    assert [row["title"] for row in rows] == ["API requests", "VAT"]
    assert rows[0]["detail"] == "(12,345 − 10,000 included) × $1.00 per 1,000 requests"


def test_it_is_nobody_elses(seller, customer, charlie, other_customer, dora, at, client, log_in):
    address = url(open_invoice(customer, 4900, at=at))
    assert client.get(address).status_code == 302
    assert log_in(charlie).get(address).status_code == 404
    assert log_in(dora).get(address).status_code == 403


def test_it_asks_as_little_for_many_lines_as_for_few(
    seller, customer, alice, at, log_in, django_assert_max_num_queries
):
    put_in(customer, "FR")
    invoice = open_invoice(customer, lines=tuple(usage_line(100, key=f"u{number}") for number in range(40)), at=at)
    client = log_in(alice)
    with django_assert_max_num_queries(8):
        assert len(rows_of(client, url(invoice))) == 41


def test_requests_for_corrected_invoices_come_as_a_file_with_their_answers(
    seller, customer, alice, charlie, other_customer, dora, at, log_in
):
    invoice = open_invoice(customer, 4900, at=at)
    ask_for_correction(invoice_id=invoice.pk, wrong="The address", key="k", at=at, actor=alice)
    address, client = reverse("corrections_csv"), log_in(alice)
    assert address in client.get(reverse("portal")).content.decode()
    [row] = rows_of(client, address)
    assert (row["invoice"], row["asked_by"], row["wrong"]) == ("INV-2026-000001", "alice@example.com", "The address")
    assert (row["status"], row["answer"]) == ("open", "")
    assert rows_of(log_in(charlie), address) == []
    assert log_in(dora).get(address).status_code == 403
