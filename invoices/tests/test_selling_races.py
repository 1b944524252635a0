"""Two real connections at once: one purchase, one grant, one charge."""

from functools import partial

import pytest

from accounts.tests.cards import add_card
from credits import books as credit_books
from credits.models import CreditGrant
from credits.selectors import balance
from invoices import books
from invoices.buying import Purchase, sale_totals, sold_grant
from invoices.models import CreditSale, Invoice, OutsideMethod, Payment
from invoices.services.buy_credits import buy_credits
from invoices.services.collect_payment import collect_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.sell_credits import sell_credits
from invoices.services.set_top_up import set_top_up
from invoices.services.submit_payment import submit_payment
from invoices.services.top_up import top_up
from invoices.services.void_invoice import void_invoice
from invoices.sold_lines import sale_key
from invoices.tests.cast import charges
from invoices.tests.test_races import at_once
from invoices.topping_up import TopUpTerms

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _books_hold(db):
    yield
    assert [*books.check(), *credit_books.check()] == []


def test_two_clicks_on_buy_credits_buy_once(seller, customer, alice, at):
    add_card(customer, alice, at)
    purchase = Purchase(customer.pk, "USD", 10000, 1, 10000)

    def buy():
        return submit_payment(payment_id=buy_credits(purchase=purchase, at=at).pk, at=at)

    results = at_once(buy, buy, buy)
    assert {payment.pk for payment in results} == {Payment.objects.get().pk}
    assert [status for _, status in charges()] == ["succeeded"]
    assert (CreditGrant.objects.count(), balance(customer.pk, "USD", at).available) == (1, 10000)


def test_two_workers_top_up_once(seller, customer, alice, at):
    add_card(customer, alice, at)
    rule = set_top_up(customer_id=customer.pk, terms=TopUpTerms("USD", 2000, 5000, 20000), at=at)

    def work():
        sale = top_up(rule_id=rule.pk, at=at)
        if sale is not None:
            payment = collect_payment(invoice_id=sale.invoice_id, at=at, automatic=True)
            submit_payment(payment_id=payment.pk, at=at)
        return sale

    results = at_once(*[work] * 3)
    assert len([sale for sale in results if isinstance(sale, CreditSale)]) == 1
    assert results.count(None) == 2
    assert [status for _, status in charges()] == ["succeeded"]
    assert balance(customer.pk, "USD", at).available == 5000


def staff_sale(customer, at):
    grant = sold_grant(sale_key(customer.pk, "staff", 1), customer.pk, "USD", 10000, at)
    return sell_credits(grant=grant, total=sale_totals(grant, at).total, at=at)


def test_selling_one_key_at_once_sells_once(seller, customer, at):
    results = at_once(*[partial(staff_sale, customer, at)] * 3)
    assert {sale.pk for sale in results} == {CreditSale.objects.get().pk}
    assert Invoice.objects.count() == 1


def test_paying_and_voiding_at_once_is_one_of_them(seller, customer, at):
    sale = staff_sale(customer, at)
    pay = partial(
        record_outside_payment, invoice_id=sale.invoice_id, key="1", amount=10000, received_on=at.date(),
        method=OutsideMethod.OTHER, reference="R", at=at, reason="Paid",
    )  # fmt: skip
    at_once(pay, partial(void_invoice, invoice_id=sale.invoice_id, at=at, reason="Mistake"))
    sale.refresh_from_db()
    available = balance(customer.pk, "USD", at).available
    assert (sale.invoice.status, available) in {("paid", 10000), ("void", 0)}


def test_two_notes_at_once_take_back_once(seller, customer, at):
    sale = staff_sale(customer, at)
    record_outside_payment(
        invoice_id=sale.invoice_id, key="1", amount=10000, received_on=at.date(), method=OutsideMethod.OTHER,
        reference="R", at=at, reason="Paid",
    )  # fmt: skip
    at_once(*[partial(issue_credit_note, invoice_id=sale.invoice_id, at=at, reason="Refund")] * 2)
    assert (Invoice.objects.credit_notes().count(), balance(customer.pk, "USD", at).available) == (1, 0)
