"""Lines that wait for the customer's next document."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry, Customer
from core.periods import midnight
from invoices import books
from invoices.exceptions import CurrencyError
from invoices.models import InvoiceLine
from invoices.selectors import line_amounts, pending_lines, totals_of
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.discard_drafts import discard_drafts
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.tests.cast import BILLING_ON, calculated, draft, line, open_invoice
from invoices.totals import NO_TAX

CALCULATED_AT = midnight(BILLING_ON) - timedelta(days=3)


def wait(customer, *lines, currency="USD", actor=None):
    return add_pending_lines(customer_id=customer.pk, currency=currency, lines=lines, at=CALCULATED_AT, actor=actor)


def test_they_join_the_next_draft_after_its_own_lines(seller, customer):
    wait(customer, line(500, "goodwill:1"), line(-200, "goodwill:2"))
    [invoice] = draft_invoices(drafts=[draft(customer, lines=(line(1000, "fee:1"),))], at=CALCULATED_AT)
    assert list(invoice.lines.values_list("position", "key")) == [(1, "fee:1"), (2, "goodwill:1"), (3, "goodwill:2")]
    assert (invoice.subtotal, pending_lines(customer.pk, "USD")) == (1300, ())
    finalize_invoices(invoice_ids=[invoice.pk], at=midnight(BILLING_ON))
    assert list(books.check()) == []


def test_the_preview_of_a_document_counts_them(seller, customer):
    wait(customer, line(500, "goodwill:1"))
    fee = line(1000, "fee:1")
    waiting = pending_lines(customer.pk, "USD")
    [invoice] = draft_invoices(drafts=[draft(customer, lines=(fee,))], at=CALCULATED_AT)
    from_preview = totals_of((fee, *waiting), NO_TAX)
    assert (from_preview.subtotal, from_preview.total) == (invoice.subtotal, invoice.total)


def test_they_can_make_a_document_of_their_own(seller, customer):
    wait(customer, line(500, "goodwill:1"))
    [invoice] = draft_invoices(drafts=[draft(customer)], at=CALCULATED_AT)
    assert invoice.total == 500


def test_adding_twice_is_adding_once(seller, customer, staff):
    [first] = wait(customer, line(500, "goodwill:1"), actor=staff)
    [again] = wait(customer, line(999, "goodwill:1"), actor=staff)
    assert (again, again.amount) == (first, 500)
    entry = AuditEntry.objects.get(action="add_pending_lines")
    assert (entry.actor, entry.after) == (staff, {"lines": {"goodwill:1": 500}, "currency": "USD"})


def test_they_wait_for_a_document_of_their_currency_and_customer(seller, customer, other_customer):
    wait(customer, line(500, "goodwill:1"), currency="EUR")
    wait(other_customer, line(500, "goodwill:2"))
    assert calculated(customer, 100).subtotal == 100


def test_they_join_only_one_of_several_drafts(seller, customer):
    wait(customer, line(500, "goodwill:1"))
    made = draft_invoices(drafts=[draft(customer, 100), draft(customer, 100)], at=CALCULATED_AT)
    assert [invoice.subtotal for invoice in made] == [600, 100]


def test_a_discarded_draft_gives_them_back(seller, customer, at):
    wait(customer, line(500, "goodwill:1"))
    calculated(customer, 100)
    discard_drafts(customer_ids=[customer.pk], at=at)
    [row] = InvoiceLine.objects.all()
    assert (row.key, row.invoice, row.position) == ("goodwill:1", None, 0)
    assert calculated(customer, 100).subtotal == 600


def test_a_preview_that_discards_the_draft_counts_them_again(seller, customer, at):
    wait(customer, line(500, "goodwill:1"))
    calculated(customer, lines=(line(100, "fee:1"),))
    assert pending_lines(customer.pk, "USD") == ()
    expected = pending_lines(customer.pk, "USD", discarding=True)
    discard_drafts(customer_ids=[customer.pk], at=at)
    assert [row.key for row in expected] == ["goodwill:1"]
    assert pending_lines(customer.pk, "USD") == expected


@pytest.mark.parametrize(("currency", "own"), [("XXQ", ""), ("EUR", "USD")])
def test_a_currency_must_be_known_and_the_customers(seller, customer, currency, own):
    Customer.objects.filter(pk=customer.pk).update(currency=own)
    with pytest.raises(CurrencyError):
        wait(customer, line(500, "goodwill:1"), currency=currency)
    assert not InvoiceLine.objects.exists()


def test_the_first_issued_document_decides_the_currency_for_ever(seller, customer):
    open_invoice(customer, 100, currency="EUR")
    customer.refresh_from_db()
    assert customer.currency == "EUR"
    Customer.objects.settle_currency({customer.pk: "USD"})
    customer.refresh_from_db()
    assert customer.currency == "EUR"


def test_it_knows_what_lines_came_to(seller, customer):
    open_invoice(customer, lines=(line(100, "fee:1"), line(-30, "fee:2")))
    wait(customer, line(5, "goodwill:1"))
    assert line_amounts(["fee:1", "fee:2", "goodwill:1", "none"]) == {"fee:1": 100, "fee:2": -30, "goodwill:1": 5}
