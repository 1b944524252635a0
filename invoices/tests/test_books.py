from functools import cache

import pytest
from django.db import connection

from accounts.tests.cards import add_card
from core.tests.recorded import Recorded
from invoices import books
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.discard_drafts import discard_drafts
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import calculated, open_invoice


def paid_and_rendered(customer, alice, at):
    add_card(customer, alice, at)
    calculated(customer, 1)
    discard_drafts(customer_ids=[customer.pk], at=at)
    invoice = open_invoice(customer, 1797, 235)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    submit_payment(payment_id=payment.pk, at=at)
    deliver_documents(at=at)
    return invoice


_paid = cache(lambda at: Recorded(lambda customer, alice: paid_and_rendered(customer, alice, at)))


@pytest.fixture
def paid(seller, customer, alice, at):
    return _paid(at).again(customer, alice)


def break_in(sql):
    """What only somebody who switches the triggers off could do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_green_books_find_nothing(paid):
    assert list(books.check()) == []


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("UPDATE invoices_invoiceline SET amount = amount + 1 WHERE position = 1", "total equals lines and tax"),
        (
            "UPDATE invoices_invoice SET taxes = '[]' WHERE number IS NOT NULL",
            "total equals lines and tax",
        ),
        ("UPDATE invoices_invoiceline SET currency = 'EUR'", "line has its invoice's customer and currency"),
        ("UPDATE invoices_invoice SET number = 'INV-2026-000003' WHERE number IS NOT NULL", "numbers have no gaps"),
        ("UPDATE invoices_invoicesequence SET last = 2", "numbers have no gaps"),
        ("UPDATE invoices_invoicesequence SET year = 2020", "numbers come from a sequence"),
        ("UPDATE invoices_invoice SET number = 'X' WHERE number IS NOT NULL", "number has its form"),
        ("UPDATE invoices_payment SET amount = 1", "amount paid equals succeeded payments"),
        ("UPDATE invoices_payment SET amount = 1", "paid invoice is paid in full"),
        ("UPDATE invoices_payment SET currency = 'EUR'", "payment has its invoice's currency"),
        ("UPDATE invoices_document SET content = '%PDF-forged'", "document is as it was rendered"),
    ],
)
def test_what_is_wrong_is_found(paid, sql, rule):
    break_in(sql)
    assert rule in {finding.rule for finding in books.check()}


def test_two_charges_for_the_same_amount_are_found(paid):
    break_in(
        "INSERT INTO invoices_payment (public_id, key, invoice_id, customer_id, gateway, gateway_id, amount, currency, "
        "status, decline_code, automatic, created_at, checks, receipt_number) SELECT 'pay_2', 'twice', invoice_id, "
        "customer_id, gateway, gateway_id, amount, currency, status, '', false, now(), 0, 'RCP-2026-000002' "
        "FROM invoices_payment"
    )
    assert "no two charges for the same amount" in {finding.rule for finding in books.check()}
