"""Raw SQL, as the owner of the tables: what was issued stays as it was issued."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.tests.cards import add_card
from invoices.models import Document, Invoice, InvoiceSequence
from invoices.services.collect_payment import collect_payment
from invoices.services.submit_payment import submit_payment
from invoices.states import MOVES
from invoices.tests.cast import calculated, open_invoice


def refused(sql, *values):
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    return str(error.value)


def allowed(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.rowcount


@pytest.fixture
def issued(seller, customer, alice, at):
    add_card(customer, alice, at)
    return open_invoice(customer, 4900, at=at)


@pytest.fixture
def payment(issued, at):
    payment = collect_payment(invoice_id=issued.pk, at=at, automatic=False)
    return submit_payment(payment_id=payment.pk, at=at)


@pytest.mark.parametrize(
    "change",
    [
        "number = 'INV-2026-000999'",
        "total = 1, subtotal = 1",
        "tax_percent = 5",
        "currency = 'EUR'",
        "customer_party = '{}'",
        "seller_party = '{}'",
        "issued_on = '2020-01-01'",
        "due_on = '2099-01-01'",
        "key = 'other'",
        "public_id = 'inv_other'",
        "credits = 1, subtotal = subtotal - 1, total = total - 1",
        "credit_rows = '[{}]'",
        "ledger_sequence = 7",
        "ledger_head = 'other'",
        "ledger_balance = 7",
        "billing_on = '2020-01-01'",
        "finalized_at = now()",
        "status = 'draft', number = NULL",
    ],
)
def test_an_issued_invoice_cannot_be_changed(issued, change):
    refused("UPDATE invoices_invoice SET ? WHERE id = %s".replace("?", change), issued.pk)


def test_it_never_belongs_to_somebody_else_not_even_as_a_draft(seller, customer, other_customer):
    draft = calculated(customer, 100)
    message = refused("UPDATE invoices_invoice SET customer_id = %s WHERE id = %s", other_customer.pk, draft.pk)
    assert "whose it is never changes" in message


@pytest.mark.parametrize("steps", [["uncollectible", "void"], ["void"]])
def test_its_status_moves_only_forwards(issued, steps):
    for status in steps:
        assert allowed("UPDATE invoices_invoice SET status = %s WHERE id = %s", status, issued.pk) == 1
    refused("UPDATE invoices_invoice SET status = 'open' WHERE id = %s", issued.pk)
    refused("UPDATE invoices_invoice SET collect_at = now() WHERE id = %s", issued.pk)


def test_a_paid_invoice_is_closed(payment):
    message = refused("UPDATE invoices_invoice SET amount_paid = 0, status = 'open' WHERE id = %s", payment.invoice_id)
    assert "paid never becomes open" in message


def test_no_invoice_is_ever_deleted(seller, customer, issued):
    refused("DELETE FROM invoices_invoiceline; DELETE FROM invoices_invoice WHERE id = %s", issued.pk)
    assert "voided, never deleted" in refused("DELETE FROM invoices_invoice WHERE id = %s", calculated(customer, 1).pk)


def test_no_invoice_begins_issued(issued):
    allowed("CREATE TEMPORARY TABLE forged AS SELECT * FROM invoices_invoice")
    allowed("UPDATE forged SET id = 999, public_id = 'inv_x', key = 'x', number = 'INV-2026-000777'")
    message = refused("INSERT INTO invoices_invoice SELECT * FROM forged")
    assert "begins as a draft" in message


def test_lines_of_an_issued_invoice_stay(issued):
    refused("UPDATE invoices_invoiceline SET amount = 1 WHERE invoice_id = %s", issued.pk)
    refused("UPDATE invoices_invoiceline SET invoice_id = NULL WHERE invoice_id = %s", issued.pk)
    refused("DELETE FROM invoices_invoiceline WHERE invoice_id = %s", issued.pk)


def test_no_line_is_added_to_an_issued_invoice(customer, issued):
    other = calculated(customer, 100)
    refused("UPDATE invoices_invoiceline SET invoice_id = %s WHERE invoice_id = %s", issued.pk, other.pk)
    assert allowed("UPDATE invoices_invoiceline SET title = 'Better' WHERE invoice_id = %s", other.pk) == 1


def test_a_draft_whose_lines_do_not_sum_up_cannot_be_issued(seller, customer):
    draft = calculated(customer, 100)
    allowed("UPDATE invoices_invoiceline SET amount = 99 WHERE invoice_id = %s", draft.pk)
    message = refused(
        "UPDATE invoices_invoice SET status = 'open', number = 'INV-1', finalized_at = now() WHERE id = %s", draft.pk
    )
    assert "do not sum to its subtotal" in message


def test_a_draft_whose_credits_are_not_its_lines_cannot_be_issued(seller, customer):
    draft = calculated(customer, 100)
    allowed("UPDATE invoices_invoice SET credits = 10, subtotal = 90, total = 90 WHERE id = %s", draft.pk)
    message = refused(
        "UPDATE invoices_invoice SET status = 'open', number = 'INV-1', finalized_at = now() WHERE id = %s", draft.pk
    )
    assert "do not sum to its subtotal" in message


@pytest.mark.parametrize("credits", [-1, 101])
def test_credit_pays_no_more_than_a_line_costs(seller, customer, credits):
    draft = calculated(customer, 100)
    message = refused("UPDATE invoices_invoiceline SET credits = %s WHERE invoice_id = %s", credits, draft.pk)
    assert "line_credits_within_amount" in message


@pytest.mark.parametrize(
    "change", ["amount = 1", "currency = 'EUR'", "key = 'x'", "gateway_id = 'x'", "status = 'unknown'"]
)
def test_a_settled_payment_stays(payment, change):
    refused("UPDATE invoices_payment SET ? WHERE id = %s".replace("?", change), payment.pk)


def test_what_was_asked_of_the_gateway_stays_while_it_is_pending(issued, at):
    pending = collect_payment(invoice_id=issued.pk, at=at, automatic=False)
    refused("UPDATE invoices_payment SET amount = 1 WHERE id = %s", pending.pk)
    assert allowed("UPDATE invoices_payment SET gateway_id = 'a' WHERE id = %s", pending.pk) == 1
    refused("UPDATE invoices_payment SET gateway_id = 'b' WHERE id = %s", pending.pk)
    refused("DELETE FROM invoices_payment WHERE id = %s", pending.pk)


def test_a_document_stays_as_it_was_rendered(issued, at):
    Document.objects.create(
        kind="invoice", invoice=issued, filename="x.pdf", content=b"%PDF", sha256="0" * 64, created_at=at
    )
    refused("UPDATE invoices_document SET content = ''")
    refused("DELETE FROM invoices_document")


def test_a_sequence_only_grows(issued):
    refused("UPDATE invoices_invoicesequence SET last = 0")
    refused("UPDATE invoices_invoicesequence SET year = 1999")
    refused("DELETE FROM invoices_invoicesequence")


def test_a_number_without_a_document_is_refused_at_commit(issued):
    InvoiceSequence.objects.update(last=2)
    message = refused("SET CONSTRAINTS ALL IMMEDIATE")
    assert "INV-2026-000002 was passed but stands on no document" in message
    # the deferred check would fail the test's own end as well
    allowed("UPDATE invoices_invoicesequence SET last = 2")
    connection.set_rollback(True)


@pytest.mark.parametrize("table", ["invoice", "invoiceline", "payment", "document", "invoicesequence"])
def test_no_table_is_ever_emptied(issued, table):
    refused(f"TRUNCATE invoices_{table} CASCADE")


STATUSES = ("draft", "open", "paid", "uncollectible", "void")


@pytest.mark.parametrize("before", STATUSES)
def test_the_database_makes_the_moves_of_the_table_and_no_others(seller, customer, before):
    """Settling is refused elsewhere as well – by the sum of payments –, so each move carries what it needs."""
    allowed_moves = {(status, to) for (status, _), to in MOVES.items()}
    for after in STATUSES:
        invoice = standing_at(customer, before)
        values = {"status": after, "number": invoice.number or f"X-2026-{invoice.pk:06d}", "amount_paid": 0}
        values |= {"finalized_at": invoice.calculated_at}
        if after == "paid":
            values["amount_paid"] = invoice.total
        if after == "draft":
            values["number"] = None
        moved = made(invoice.pk, values)
        assert moved is ((before, after) in allowed_moves or before == after), (before, after)


def standing_at(customer, status):
    invoice = calculated(customer, 100) if status == "draft" else open_invoice(customer, 100)
    if status == "void":
        Invoice.objects.filter(pk=invoice.pk).update(status="void")
    elif status == "uncollectible":
        Invoice.objects.filter(pk=invoice.pk).update(status="uncollectible")
    elif status == "paid":
        Invoice.objects.filter(pk=invoice.pk).update(status="paid", amount_paid=100)
    invoice.refresh_from_db()
    return invoice


def made(pk, values):
    """Whether the database lets a row change so; the change is not kept."""
    wanted = dict(values)
    if Invoice.objects.get(pk=pk).status != "draft":
        wanted = {name: wanted[name] for name in ("status", "amount_paid")}
        if wanted["status"] != "paid":
            wanted.pop("amount_paid")
    try:
        with transaction.atomic():
            Invoice.objects.filter(pk=pk).update(**wanted)
    except DatabaseError:
        return False
    return True
