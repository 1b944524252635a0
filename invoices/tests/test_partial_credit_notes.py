"""Chosen lines and amounts of an invoice given back, one note after the other, and where their money goes."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.figures import written
from accounts.models import AuditEntry, Notice
from accounts.tests.cards import add_card
from core.periods import midnight
from invoices.creditable import read_creditable
from invoices.exceptions import InvoiceMovedError, NotCreditableError, OverCreditedError
from invoices.giving_back import Wanted
from invoices.models import CreditApplication, Invoice, InvoiceStatus, Refund, TaxRate
from invoices.previewing_notes import preview_note
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.settle_credit_notes import settle_credit_notes
from invoices.services.void_invoice import void_invoice
from invoices.settling import Part
from invoices.tests.cast import BILLING_ON, calculated, line, open_invoice, usage_line
from invoices.tests.credited import granted, left, put_in
from invoices.tests.test_credit_notes import paid_invoice

pytestmark = pytest.mark.usefixtures("seller", "books_hold")

LATER = midnight(BILLING_ON) + timedelta(days=5)


def given_back(invoice, key="", at=LATER, **wanted):
    return issue_credit_note(invoice_id=invoice.pk, at=at, reason="Outage", wanted=Wanted(**wanted), key=key)


def previewed(invoice, at=LATER, **wanted):
    return preview_note(found=read_creditable(Invoice.objects.get(pk=invoice.pk)), wanted=Wanted(**wanted), at=at)


@pytest.fixture
def in_france(customer):
    put_in(customer, "FR")


@pytest.fixture
def card(seller, customer, alice, at):
    return add_card(customer, alice, at)


# --- lines ----------------------------------------------------------------------------------------------------------
def test_chosen_lines_come_back_whole_or_in_part(customer, in_france):
    invoice = open_invoice(customer, lines=(line(4900, "fee"), usage_line(235, key="usage"), line(100, "other")))
    note = given_back(invoice, lines={"fee": 1000, "usage": 235})
    assert [(row.key, row.amount, row.detail, row.quantity) for row in note.lines.all()] == [
        ("fee:given-back", -1000, "$10.00 of $49.00", 1),
        ("usage:given-back", -235, invoice.lines.get(key="usage").detail, 12345),
    ]
    assert (note.subtotal, note.tax, note.total) == (-1235, -247, -1482)
    assert (note.kind, note.corrects) == ("credit_note", [invoice.number])


def test_a_line_never_gives_back_more_than_its_amount(customer):
    invoice = open_invoice(customer, lines=(line(1000, "fee"),))
    given_back(invoice, "a", lines={"fee": 700})
    with pytest.raises(OverCreditedError):
        given_back(invoice, "b", lines={"fee": 301})
    last = given_back(invoice, "c", lines={"fee": 300})
    assert last.lines.get().key == "fee:given-back:2"
    with pytest.raises(NotCreditableError):
        given_back(invoice, "d", lines={"fee": 1})


@pytest.mark.parametrize("lines", [{}, {"fee": 0}, {"fee": -5}, {"somebody's": 5}])
def test_nothing_and_unknown_lines_are_refused(customer, lines):
    invoice = open_invoice(customer, lines=(line(1000, "fee"),))
    with pytest.raises(OverCreditedError):
        given_back(invoice, lines=lines)


def test_what_other_documents_gave_back_counts_drafts_and_waiting_lines_too(customer):
    invoice = open_invoice(customer, lines=(line(1000, "fee"), line(1000, "second"), line(1000, "third")))
    open_invoice(customer, lines=(line(-300, "unused", corrects="fee"),), at=LATER)
    calculated(customer, lines=(line(5000, "new"), line(-400, "late", corrects="second")))
    waits = line(-900, "waits", corrects="third")
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[waits], at=LATER)
    found = read_creditable(invoice)
    assert [each.left for each in found.lines] == [700, 600, 100]
    note = given_back(invoice)
    assert note.total == -1400
    assert note.lines.count() == 3, "what waits for the next invoice joins no credit note"


def test_what_was_voided_counts_no_more(customer, staff):
    invoice = open_invoice(customer, lines=(line(1000, "fee"),))
    other = open_invoice(customer, lines=(line(5000, "new"), line(-300, "unused", corrects="fee")))
    void_invoice(invoice_id=other.pk, at=LATER, actor=staff, reason="Wrong")
    assert read_creditable(invoice).money == 1000


def test_a_document_never_falls_below_zero(customer):
    invoice = open_invoice(customer, lines=(line(2000, "fee"), line(-1200, "unused")))
    assert read_creditable(invoice).money == 800
    with pytest.raises(OverCreditedError):
        given_back(invoice, lines={"fee": 801})
    given_back(invoice, "a", lines={"fee": 500})
    assert given_back(invoice, "b").total == -300


# --- amounts --------------------------------------------------------------------------------------------------------
def test_an_amount_is_split_with_its_tax(customer, in_france):
    invoice = open_invoice(customer, lines=(line(2000, "fee"), line(1000, "second")))
    note = given_back(invoice, amount=1200)
    assert [row.amount for row in note.lines.all()] == [-667, -333]
    assert (note.subtotal, note.tax, note.total) == (-1000, -200, -1200)


def test_an_amount_that_no_net_reaches_moves_a_cent_of_tax(customer, in_france):
    invoice = open_invoice(customer, 5000)
    note = given_back(invoice, "a", amount=5007)  # 41.72 + 8.34 is a cent less, 41.73 + 8.35 one more
    assert (note.subtotal + note.tax, note.total) == (-5007, -5007)
    rest = given_back(invoice, "b")
    assert note.subtotal + rest.subtotal == -invoice.subtotal
    assert note.tax + rest.tax == -invoice.tax


@pytest.mark.parametrize("inclusive", [False, True])
def test_cents_end_at_the_invoice(customer, in_france, inclusive):
    TaxRate.objects.filter(country="FR").update(percent=Decimal("5.5"), inclusive=inclusive)
    TaxRate.objects.create(
        seller_id=TaxRate.objects.first().seller_id, country="FR", label="City", percent=Decimal(1), inclusive=inclusive
    )
    invoice = open_invoice(customer, lines=(line(33, "a"), line(33, "b"), line(34, "c")))
    for number in range(7):
        assert given_back(invoice, f"k{number}", amount=13).total == -13
    given_back(invoice, "last")
    notes = Invoice.objects.credit_notes()
    for figure in ("subtotal", "tax", "total"):
        assert sum(getattr(note, figure) for note in notes) == -getattr(invoice, figure)


@pytest.mark.parametrize("amount", [0, -1, 1001])
def test_an_amount_is_above_zero_and_at_most_what_is_left(customer, amount):
    invoice = open_invoice(customer, 1000)
    with pytest.raises(OverCreditedError):
        given_back(invoice, amount=amount)


# --- credits --------------------------------------------------------------------------------------------------------
def test_money_comes_back_before_credits(customer, in_france):
    granted(customer, 4000)
    invoice = open_invoice(customer, lines=(line(4900, "fee"),))
    assert (read_creditable(invoice).money, read_creditable(invoice).credits) == (1080, 4000)
    first = given_back(invoice, "a", amount=540)
    assert (first.total, first.credits, left(customer)) == (-540, 0, 0)
    second = given_back(invoice, "b", lines={"fee": 2450})
    assert (second.total, second.credits, left(customer)) == (-540, -2000, 2000)
    third = given_back(invoice, "c")
    assert (third.kind, third.number, third.total, third.credits) == ("credit_note", "CN-2026-000003", 0, -2000)
    assert (third.status, left(customer)) == (InvoiceStatus.PAID, 4000)
    told = Notice.objects.get(key=f"invoice:{third.pk}:credited")
    assert written(told.context)["returned"] == "$20.00"


# --- once, and as shown ---------------------------------------------------------------------------------------------
def test_the_same_key_gives_the_same_note(customer):
    invoice = open_invoice(customer, 1000)
    assert given_back(invoice, "one", amount=300) == given_back(invoice, "one", amount=300)
    assert given_back(invoice, "two", amount=300).number == "CN-2026-000002"
    entries = AuditEntry.objects.filter(action="issue_credit_note")
    assert [(entry.reason, entry.after["total"]) for entry in entries] == [("Outage", -300)] * 2


def test_everything_once_more_gives_the_note_that_was_the_last(customer):
    """As the run asks for it, which does not know what staff gave back meanwhile."""
    invoice = open_invoice(customer, 1000)
    given_back(invoice, "a", amount=400)
    last = given_back(invoice, "b")
    assert given_back(invoice) == last
    with pytest.raises(NotCreditableError):
        given_back(invoice, "c")


def test_the_preview_is_the_note(customer, card, in_france):
    granted(customer, 1000, at=midnight(BILLING_ON) - timedelta(days=4))
    invoice = paid_invoice(customer, 4900, "fee")
    open_invoice(customer, 500)
    for number, wanted in enumerate(({"amount": 1003}, {"lines": {"fee": 3500}}, {"goes_to": "kept"})):
        preview = previewed(invoice, **wanted)
        note = given_back(invoice, f"k{number}", **wanted)
        totals, goes = preview.document.totals, preview.settlement
        assert (note.subtotal, note.tax, note.total) == (totals.subtotal, totals.tax, totals.total)
        assert -note.credits == preview.document.returned
        assert parts_of(note.applications, "invoice_id") == goes.applied
        assert parts_of(note.refunds, "payment_id") == goes.refunded
        assert note.amount_due - sum(part.amount for part in goes.refunded) == goes.kept
    assert Invoice.objects.credit_notes().count() == 3


def parts_of(rows, name):
    return tuple(Part(*values) for values in rows.order_by("pk").values_list(name, "amount"))


def test_what_was_not_seen_is_not_issued(customer):
    invoice = open_invoice(customer, 1000)
    seen = previewed(invoice, amount=300).figures
    given_back(invoice, "other", amount=900)
    with pytest.raises(InvoiceMovedError):
        issue_credit_note(invoice_id=invoice.pk, at=LATER, reason="x", wanted=Wanted(amount=100), key="k", seen=seen)
    seen = previewed(invoice, amount=100).figures
    made = {"invoice_id": invoice.pk, "at": LATER, "reason": "x", "wanted": Wanted(amount=100), "key": "k"}
    assert issue_credit_note(**made, seen=seen).total == -100


# --- where the money goes -------------------------------------------------------------------------------------------
def test_what_is_kept_goes_to_no_card_now_or_later(customer, card):
    invoice = paid_invoice(customer, 1000)
    note = given_back(invoice, amount=600, goes_to="kept")
    settle_credit_notes(customer_ids=[customer.pk], at=LATER)
    assert (note.amount_due, note.goes_to, Refund.objects.count()) == (600, "kept", 0)
    open_invoice(customer, 400, at=LATER + timedelta(days=30))
    note.refresh_from_db()
    assert (note.amount_due, Refund.objects.count(), CreditApplication.objects.get().amount) == (200, 0, 400)


def test_what_is_kept_lowers_open_invoices_all_the_same(customer, card):
    invoice = paid_invoice(customer, 1000)
    open_invoice(customer, 100)
    assert given_back(invoice, amount=600, goes_to="kept").amount_due == 500


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE invoices_invoice SET goes_to = 'kept' WHERE kind = 'credit_note'",
        "UPDATE invoices_invoice SET given_back = '{}' WHERE kind = 'credit_note'",
        "UPDATE invoices_invoice SET goes_to = 'payment'",
        "UPDATE invoices_refund SET reference = 'x'",
        "INSERT INTO invoices_refund (public_id, key, credit_note_id, payment_id, customer_id, amount, currency,"
        " status, failure_code, created_at, checks) SELECT 'x', 'x', credit_note_id, payment_id, customer_id, 1,"
        " currency, 'pending', '', now(), 0 FROM invoices_refund",
    ],
)
def test_the_database_keeps_what_was_decided(customer, card, sql):
    invoice = paid_invoice(customer, 1000)
    note = given_back(invoice, amount=600)
    assert note.refunds.count() == 1
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_reading_what_is_left_takes_as_many_queries_for_any_invoice(customer, django_assert_num_queries):
    invoice = open_invoice(customer, *[100] * 9)
    for number in range(3):
        given_back(invoice, f"k{number}", amount=50)
    with django_assert_num_queries(3):
        read_creditable(invoice)
