"""The books say when something is wrong with what was sold."""

import pytest

from accounts.tests.cards import add_card
from credits.tests.cast import use
from invoices import books
from invoices.buying import sale_totals, sold_grant
from invoices.models import TopUpRule
from invoices.services.collect_payment import collect_payment
from invoices.services.sell_credits import sell_credits
from invoices.services.set_top_up import set_top_up
from invoices.services.submit_payment import submit_payment
from invoices.services.top_up import top_up
from invoices.sold_lines import sale_key
from invoices.tests.test_books import break_in
from invoices.topping_up import TopUpTerms


@pytest.fixture
def sold(seller, customer, alice, at):
    """One sale that is paid, and one that is open."""
    add_card(customer, alice, at)
    for number in (1, 2):
        grant = sold_grant(sale_key(customer.pk, "staff", number), customer.pk, "USD", 10000, at)
        sale = sell_credits(grant=grant, total=sale_totals(grant, at).total, at=at)
        if number == 1:
            payment = collect_payment(invoice_id=sale.invoice_id, at=at, automatic=False)
            submit_payment(payment_id=payment.pk, at=at)


def found():
    return {finding.rule for finding in books.check()}


def test_what_was_sold_is_found_in_order(sold):
    assert found() == set()


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("DELETE FROM invoices_creditsale", "a purchased grant has its invoice"),
        ("UPDATE credits_creditgrant SET unit_cost = 2", "credit is sold at its price"),
        (
            "UPDATE credits_creditgrant SET taken_back = 5, pending = pending - 5 WHERE pending > 0",
            "credit goes with its price",
        ),
        ("UPDATE credits_creditgrant SET paid_at = now()", "credit is available once it is paid"),
        ("UPDATE credits_creditgrant SET paid_at = NULL", "credit is available once it is paid"),
        ("UPDATE invoices_invoiceline SET credits = 1", "no credit pays for credit"),
        ("UPDATE invoices_invoiceline SET key = 'other:' || key", "credit is sold by an invoice of its own"),
    ],
)
def test_what_is_wrong_is_found(sold, sql, rule):
    break_in(sql)
    assert rule in found()


def test_a_rule_that_went_too_far_is_found(seller, customer, alice, at, monkeypatch):
    add_card(customer, alice, at)
    rule = set_top_up(customer_id=customer.pk, terms=TopUpTerms("USD", 2000, 5000, 5000), at=at)
    monkeypatch.setattr("invoices.services.top_up.spent", lambda *_: 0)  # as if the verb did not look
    for _ in range(2):
        sale = top_up(rule_id=rule.pk, at=at)
        payment = collect_payment(invoice_id=sale.invoice_id, at=at, automatic=True)
        submit_payment(payment_id=payment.pk, at=at)
        use(customer, 5000, at)
        TopUpRule.objects.update(next_at=at)
    assert found() == {"top-ups stay within their ceiling"}
