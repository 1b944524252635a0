"""The audit trail in words: amounts as money, codes and days as people write them."""

import pytest

from accounts.audit import audit
from accounts.audit_words import Row


def told(at, after, before=None, **row):
    entry = audit(at=at, actor=None, customer_id=None, action="x", subject="invoice:7", before=before, after=after)
    return [(change.name, change.before, change.after) for change in Row(entry, "USD", **row).changes]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"total": -9850}, ("Total", "–", "−$98.50")),
        ({"total": 500, "currency": "JPY"}, ("Total", "–", "¥500")),
        ({"refunded": {"payment:2": 9850}}, ("Refunded", "–", "Payment:2: $98.50")),
        ({"lines": {"charge:1": 25000}}, ("Lines", "–", "Charge:1: $250.00")),
        ({"lines": 3}, ("Lines", "–", "3")),
        ({"kept": 0}, ("Kept", "–", "$0.00")),
        ({"method": "bank_transfer"}, ("Method", "–", "bank transfer")),
        ({"due_on": "2026-11-29"}, ("Due on", "–", "29 Nov 2026")),
        ({"automatic": False}, ("Automatic", "–", "no")),
    ],
)
def test_it_speaks_as_people_do(at, after, said):
    assert told(at, after)[0] == said


def test_it_tells_both_sides(at):
    assert told(at, {"status": "paid"}, {"status": "open"}) == [("Status", "open", "paid")]


def test_what_is_not_told_anew_has_not_changed(at):
    assert told(at, {"version": 2}, {"plan": "plus"}) == [("Plan", "–", "plus"), ("Version", "–", "2")]
    assert told(at, {}, {"email": "a@example.com"}) == [("Email", "a@example.com", "–")]


def test_a_document_is_called_by_its_number(at):
    entry = audit(at=at, actor=None, customer_id=None, action="void_invoice", subject="invoice:7")
    assert (Row(entry).subject, Row(entry, "USD", "INV-7").subject) == ("Invoice 7", "INV-7")
    assert Row(entry).what == "Void invoice"
