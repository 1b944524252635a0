"""«Billing History», narrowed down: with and without a script; the address is the state."""

import csv
from datetime import timedelta
from decimal import Decimal
from functools import cache
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from playwright.sync_api import expect

from accounts.services.open_customer import open_customer
from accounts.tests.cards import add_card
from core.clock import travel_to
from core.tests.recorded import Recorded
from invoices.selectors import billing_history
from invoices.services.collect_payment import collect_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import open_invoice
from invoices.tests.test_browser import enter
from invoices.tests.test_outside_payments import record_it
from invoices.tests.test_pages import paid, text

HTMX = {"HX-Request": "true"}
FILE = "/settings/billing/portal/history.csv"


def five_documents(customer, alice, at):
    """By name; the one of last year is paid, too."""
    add_card(customer, alice, at - timedelta(days=400))
    last_year = paid(open_invoice(customer, 1000, at=at - timedelta(days=365)), at - timedelta(days=365)).invoice
    to_pay = open_invoice(customer, 4900, at=at)
    settled = paid(open_invoice(customer, 2500, at=at), at).invoice
    voided = void_invoice(invoice_id=open_invoice(customer, 700, at=at).pk, at=at, reason="A mistake")
    note = issue_credit_note(invoice_id=settled.pk, at=at, reason="An outage")
    return {"last year": last_year, "to pay": to_pay, "settled": settled, "voided": voided, "note": note}


_documents = cache(lambda at: Recorded(lambda customer, alice: five_documents(customer, alice, at)))


@pytest.fixture
def documents(seller, customer, alice, at):
    with travel_to(at):
        yield _documents(at).again(customer, alice)


def shown(response):
    return [row.invoice for row in response.context["history"]]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, {"last year", "to pay", "settled", "voided", "note"}),
        ({"year": "2025"}, {"last year"}),
        ({"year": "2026"}, {"to pay", "settled", "voided", "note"}),
        ({"status": "open"}, {"to pay"}),
        ({"status": "paid"}, {"last year", "settled"}),
        ({"status": "void"}, {"voided"}),
        ({"status": "credit-note"}, {"note"}),
        ({"number": "inv-2025"}, {"last year"}),
        ({"year": "2026", "status": "paid", "number": "INV"}, {"settled"}),
        ({"status": "uncollectible"}, set()),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.django_db
def test_it_shows_what_matches(asked, names, headers, documents, alice, log_in):
    answer = log_in(alice).get(reverse("portal"), asked, headers=headers)
    assert {invoice.pk for invoice in shown(answer)} == {documents[name].pk for name in names}
    page = text(answer)
    assert ("No document matches these filters." in page) is not names
    assert ("<html" in page) is not bool(headers)
    assert (f'data-say="{len(names)} document' in page) is bool(headers)


@pytest.mark.django_db
def test_what_is_paid_in_part_or_being_paid_is_still_to_pay(documents, customer, at, alice, log_in):
    partly, processing = open_invoice(customer, 5000, at=at), open_invoice(customer, 6000, at=at)
    record_it(partly, at, amount=1500)
    collect_payment(invoice_id=processing.pk, at=at, automatic=False)
    answer = log_in(alice).get(reverse("portal"), {"status": "open"})
    assert {invoice.pk for invoice in shown(answer)} == {documents["to pay"].pk, partly.pk, processing.pk}
    for badge in ("Partly paid", "Processing"):
        assert badge in text(answer)


@pytest.mark.django_db
def test_a_stranger_finds_nothing_by_any_filter(documents, other_customer, charlie, log_in):
    assert shown(log_in(charlie).get(reverse("portal"), {"number": "INV"})) == []


@pytest.mark.parametrize("asked", [{"year": "1999"}, {"year": "x"}, {"status": "late"}, {"number": "9" * 41}])
@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.django_db
def test_it_refuses_what_is_no_filter(asked, headers, documents, alice, log_in):
    answer = log_in(alice).get(reverse("portal"), asked, headers=headers)
    assert answer.status_code == 422
    assert "There is a problem" in text(answer)
    assert ("<title>Error: Billing portal" in text(answer)) is (not headers)
    assert shown(answer) == []


@pytest.mark.django_db
def test_other_pages_keep_the_filter(documents, alice, log_in, monkeypatch):
    monkeypatch.setattr("invoices.views.PAGE_SIZE", 1)
    client = log_in(alice)
    with CaptureQueriesContext(connection) as asked:
        first = client.get(reverse("portal"), {"status": "paid"})
    assert len(asked) <= 15
    assert "?status=paid&amp;page=2#history" in text(first)
    second = client.get(reverse("portal"), {"status": "paid", "page": "2"})
    assert [*shown(first), *shown(second)] == [documents["settled"], documents["last year"]]


# --- «Download CSV» ------------------------------------------------------------------------------------------------
def rows_of(response):
    return list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode())))


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({}, ""),
        ({"status": "paid", "year": "", "page": "2"}, "?status=paid"),
        ({"year": "2026", "number": "INV"}, "?year=2026&amp;number=INV"),
        ({"status": "uncollectible"}, "?status=uncollectible"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.django_db
def test_its_file_has_what_the_filter_shows_all_pages_of_it(
    asked, query, headers, documents, alice, log_in, monkeypatch
):
    monkeypatch.setattr("invoices.views.PAGE_SIZE", 1)
    client = log_in(alice)
    page = client.get(reverse("portal"), asked, headers=headers)
    assert text(page).count(f'id="history-csv" href="{FILE}{query}"') == 1
    everything = page.context["filter"].narrow(billing_history(documents["note"].customer_id))
    rows = rows_of(client.get(FILE + query.replace("&amp;", "&")))
    assert [row["number"] for row in rows] == [invoice.number for invoice in everything]


@pytest.mark.django_db
def test_the_figures_of_its_file_are_the_pages_and_add_up(documents, alice, log_in):
    client = log_in(alice)
    shown_now = shown(client.get(reverse("portal")))
    rows = rows_of(client.get(FILE))
    assert [Decimal(row["total"]) * 100 for row in rows] == [invoice.total for invoice in shown_now]
    for row in rows:
        assert Decimal(row["subtotal"]) + Decimal(row["tax"]) == Decimal(row["total"])
    by_number = {row["number"]: row for row in rows}
    figures = ("kind", "status", "total", "amount_paid", "amount_credited", "left", "currency")
    assert {name: tuple(by_number[one.number][each] for each in figures) for name, one in documents.items()} == {
        "last year": ("invoice", "paid", "10", "10", "0", "0", "USD"),
        "to pay": ("invoice", "open", "49", "0", "25", "24", "USD"),
        "settled": ("invoice", "paid", "25", "25", "0", "0", "USD"),
        "voided": ("invoice", "void", "7", "0", "0", "0", "USD"),
        "note": ("credit_note", "paid", "-25", "0", "25", "0", "USD"),
    }
    days = ("period_from", "period_to", "issued_on", "due_on")
    assert [by_number[documents["to pay"].number][day] for day in days] == [
        *("2026-09-20", "2026-10-19", "2026-10-20", "2026-10-20"),
    ]


@pytest.mark.django_db
def test_its_file_is_read_by_one_query_however_long_it_is(documents, customer, at, alice, log_in):
    client, asked = log_in(alice), []
    for _more in range(2):
        with CaptureQueriesContext(connection) as queries:
            rows = rows_of(client.get(FILE))
        asked.append((len(rows), len(queries)))
        for amount in range(100, 110):
            open_invoice(customer, amount, at=at)
    (few, first), (many, second) = asked
    assert (few, many) == (5, 15)
    assert first == second <= 8


@pytest.mark.django_db
def test_its_file_is_a_download_that_nothing_keeps(documents, bob, log_in):
    response = log_in(bob).get(FILE)
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="billing-history.csv"'
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_its_file_is_for_those_who_may_read_it(documents, charlie, dora, client, log_in, at):
    assert "/accounts/login/" in client.get(FILE)["Location"]
    assert log_in(dora).get(FILE).status_code == 403
    stranger = log_in(charlie)
    assert stranger.get(FILE).status_code == 404
    open_customer(name="Stranger Inc", user=charlie, at=at, actor=charlie)
    assert rows_of(stranger.get(FILE)) == []


@pytest.mark.parametrize("asked", [{"year": "1999"}, {"status": "late"}])
@pytest.mark.django_db
def test_a_wrong_filter_gives_the_page_that_says_so_instead_of_a_file(asked, documents, alice, log_in):
    answer = log_in(alice).get(FILE, asked, follow=True)
    assert answer.redirect_chain[0][0].startswith(reverse("portal"))
    assert answer.status_code == 422
    assert "There is a problem" in text(answer)


@pytest.mark.django_db(transaction=True)
def test_it_finds_a_number_while_it_is_typed(page, live_server, documents, alice, log_in):
    enter(page, live_server, log_in(alice))
    page.goto("/settings/billing/portal/")
    rows = page.locator("#history-found tbody tr")
    expect(rows).to_have_count(5)
    page.get_by_label("Number").press_sequentially("inv-2025")
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Number")).to_be_focused()
    expect(page.locator("#live")).to_have_text("1 document")
    page.wait_for_url("**/portal/?year=&status=&number=inv-2025")
    with page.expect_download() as file:
        page.locator("#history-csv").click()
    assert [row["total"] for row in csv.DictReader(file.value.path().read_text().splitlines())] == ["10"]
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(rows).to_have_count(5)


@pytest.mark.django_db(transaction=True)
def test_it_is_narrowed_down_without_a_script(page_without_js, live_server, documents, alice, log_in):
    enter(page_without_js, live_server, log_in(alice))
    page_without_js.goto("/settings/billing/portal/")
    page_without_js.get_by_label("Status").select_option("To pay")
    page_without_js.get_by_role("button", name="Filter").click()
    expect(page_without_js.locator("#history-found tbody tr")).to_have_count(1)
