"""What is known of lines that others correct, with one question."""

from datetime import timedelta

import pytest

from core.periods import midnight
from invoices.corrected import Corrected, read_corrected
from invoices.crediting import Billed
from invoices.previewing import Credit, preview_documents
from invoices.selectors import tax_rules
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import BILLING_ON, line, open_invoice
from invoices.tests.credited import corrected, granted, put_in

LATER = midnight(BILLING_ON) + timedelta(days=2)
BACKS = (line(-100, "back", corrects="fee"), line(200, "again", corrects="other"))
pytestmark = pytest.mark.usefixtures("seller", "books_hold")


@pytest.fixture
def invoice(customer):
    """On which credit pays 40.00 of the fee."""
    put_in(customer, "FR")
    granted(customer, 4000)
    return open_invoice(customer, lines=(line(4900, "fee"), line(500, "other")))


def test_one_question_tells_the_tax_and_what_is_left(invoice, customer, django_assert_num_queries):
    corrected(customer, 1200)  # 9.00 of money, then 3.00 of credits
    with django_assert_num_queries(1):
        rules, billed = read_corrected(BACKS)
    assert {key: rule.percent for key, rule in rules.items()} == {"fee": 20, "other": 20}
    assert billed == {"fee": Billed(0, 3700)}


def test_a_draft_that_is_given_up_gives_nothing_back(invoice, customer):
    corrected(customer, 1200)
    assert read_corrected(BACKS, discarding=True).billed == {"fee": Billed(900, 4000)}


def test_of_a_voided_invoice_the_tax_is_known_and_nothing_is_left(invoice, staff):
    void_invoice(invoice_id=invoice.pk, at=LATER, actor=staff, reason="Wrong")
    rules, billed = read_corrected(BACKS)
    assert (rules.keys(), billed) == ({"fee", "other"}, {})


def test_it_asks_nothing_where_nothing_is_corrected(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert read_corrected([line(4900, "fee")]) == Corrected({}, {})


def test_previews_of_what_gives_back_read_it_once(invoice, customer, django_assert_num_queries):
    granted(customer, 100)
    documents = [(line(5000, "new"), back) for back in (BACKS[0], line(-1000, "back", corrects="fee"))]
    asked = {
        "customer_id": customer.pk,
        "currency": "USD",
        "rule": tax_rules([customer.pk])[customer.pk],
        "billing_on": BILLING_ON.replace(month=11),
        "at": LATER,
    }
    credit = Credit(customer.pk, LATER, has_credit=True)
    with django_assert_num_queries(4):  # the lines, open grants, what was charged, and the grant that is used up
        first, second = preview_documents(documents, credit=credit, **asked)
    assert (first.credits, second.credits) == (100, 100)  # the second pays with what it gives back, too
    with django_assert_num_queries(0):
        assert preview_documents(documents, credit=credit, **asked) == [first, second]
