"""What stands of billed lines, whoever gave back some of them."""

from datetime import timedelta

import pytest

from core.periods import midnight
from invoices.giving_back import Standing, Wanted
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.void_invoice import void_invoice
from invoices.standing import given_back_too_much, standing
from invoices.tests.cast import BILLING_ON, calculated, line, open_invoice

LATER = midnight(BILLING_ON) + timedelta(days=2)
pytestmark = pytest.mark.usefixtures("seller", "books_hold")


def note(invoice, amount, key):
    wanted = Wanted(lines={"fee": amount})
    return issue_credit_note(invoice_id=invoice.pk, at=LATER, reason="Agreed", wanted=wanted, key=key)


def test_every_document_counts_drafts_and_waiting_lines_too(customer):
    invoice = open_invoice(customer, lines=(line(1000, "fee"), line(500, "other")))
    one, two = note(invoice, 100, "a"), note(invoice, 50, "b")
    open_invoice(customer, lines=(line(5000, "new"), line(-200, "unused", corrects="fee")), at=LATER)
    calculated(customer, lines=(line(5000, "newer"), line(-300, "late", corrects="fee")))
    add_pending_lines(
        customer_id=customer.pk, currency="USD", lines=[line(-25, "waits", corrects="fee")], at=LATER
    )  # fmt: skip

    assert standing(["fee", "other", "never billed"]) == {
        "fee": Standing(1000, 325, (one.number, two.number)),
        "other": Standing(500, 500),
        "never billed": Standing(0, 0),
    }


def test_a_draft_that_is_given_up_does_not_count(customer):
    open_invoice(customer, lines=(line(1000, "fee"),))
    draft = calculated(customer, lines=(line(5000, "new"), line(-300, "late", corrects="fee")))

    assert standing(["fee"])["fee"].left == 700
    assert standing(["fee"], {draft.key})["fee"].left == 1000


def test_nothing_stands_of_a_voided_invoice_and_a_voided_one_gives_nothing_back(customer):
    open_invoice(customer, lines=(line(1000, "fee"),))
    gone = open_invoice(customer, lines=(line(5000, "new"), line(-300, "unused", corrects="fee")))
    void_invoice(invoice_id=gone.pk, at=LATER, reason="Wrong")

    assert standing(["fee", "new"]) == {"fee": Standing(1000, 1000), "new": Standing(0, 0)}


def test_it_asks_once_and_nothing_for_nothing(customer, django_assert_num_queries):
    open_invoice(customer, lines=(line(1000, "fee"), line(500, "other")))
    with django_assert_num_queries(1):
        standing(["fee", "other"])
    with django_assert_num_queries(0):
        assert standing([]) == {}


def test_the_books_name_a_line_of_which_too_much_was_given_back(customer, django_assert_num_queries):
    open_invoice(customer, lines=(line(1000, "plan:1"), line(1000, "plan:2"), line(1000, "plan:3")))
    backs = (line(-1001, "a", corrects="plan:1"), line(-500, "b", corrects="plan:2"))
    open_invoice(customer, lines=(line(5000, "new"), *backs), at=LATER)
    calculated(customer, lines=(line(5000, "newer"), line(-500, "c", corrects="plan:2")))

    with django_assert_num_queries(1):
        assert list(given_back_too_much("plan:")) == [("plan:1", 1000, 1001)]
