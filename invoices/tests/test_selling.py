"""Credit is sold: a grant that waits, an invoice, and – once that is paid, however it is – the credit."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import DECLINES, add_card
from credits import books as credit_books
from credits.exceptions import GrantError
from credits.models import CreditGrant
from credits.selectors import balance
from credits.tests.cast import grant as give
from credits.tests.cast import history, use
from invoices.buying import Purchase, next_number, sale_totals, sold_grant
from invoices.exceptions import (
    InvoiceMovedError,
    ManagedByContractError,
    NotWrittenOffError,
    OverCreditedError,
    PaymentMethodMissingError,
    SaleAmountError,
    SaleMovedError,
)
from invoices.giving_back import Wanted
from invoices.models import CreditSale, Invoice, InvoiceLine, OutsideMethod, Payment
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.buy_credits import buy_credits
from invoices.services.give_up_sale import give_up_sale
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.sell_credits import sell_credits
from invoices.services.submit_payment import submit_payment
from invoices.services.void_invoice import void_invoice
from invoices.services.write_off_invoice import write_off_invoice
from invoices.sold_lines import credit_given_back, price_of, sale_key
from invoices.tests.cast import line, open_invoice
from invoices.topping_up import due_to_give_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture(autouse=True)
def _ledger_holds(db):
    yield
    assert list(credit_books.check()) == []


@pytest.fixture
def french(customer):
    """20 % VAT."""
    BillingProfile.objects.update_or_create(customer=customer, defaults={"country": "FR"})
    return customer


def draft(customer, amount, at, *, number=1, **facts):
    made = sold_grant(sale_key(customer.pk, "staff", number), customer.pk, "USD", amount, at)
    return type(made)(**({name: getattr(made, name) for name in made.__dataclass_fields__} | facts))


def sold(customer, at, amount=10000, *, total=None, actor=None, **facts):
    asked = draft(customer, amount, at, **facts)
    seen = sale_totals(asked, at).total if total is None else total
    return sell_credits(grant=asked, total=seen, at=at, actor=actor)


def bought(customer, at, amount=10000, *, number=None, total=None, actor=None):
    purchase = Purchase(customer.pk, "USD", amount, number or next_number(customer.pk), total or amount)
    return buy_credits(purchase=purchase, at=at, actor=actor)


def available(customer, at):
    return balance(customer.pk, "USD", at).available


def paid_outside(invoice, amount, at, key="1"):
    return record_outside_payment(
        invoice_id=invoice.pk, key=key, amount=amount, received_on=at.date(), method=OutsideMethod.BANK_TRANSFER,
        reference="R", at=at, reason="Transfer",
    )  # fmt: skip


# --- selling ----------------------------------------------------------------------------------------------------------
def test_it_issues_an_invoice_that_is_taxed_like_the_service(seller, french, staff, at):
    sale = sold(french, at, total=12000, actor=staff)
    invoice, [row] = sale.invoice, InvoiceLine.objects.filter(invoice=sale.invoice)
    assert (invoice.subtotal, invoice.tax, invoice.total, invoice.status) == (10000, 2000, 12000, "open")
    assert (row.kind, row.amount, row.credits, row.key) == ("credits", 10000, 0, sale.key)
    assert (sale.grant.pending, sale.grant.paid_at, available(french, at)) == (10000, None, 0)
    [entry] = AuditEntry.objects.filter(action="sell_credits")
    assert (entry.actor, entry.after["total"], entry.after["origin"]) == (staff, 12000, "staff")


def test_the_price_is_the_amount_times_its_cost(seller, customer, at):
    sale = sold(customer, at, total=8001, amount=10001, unit_cost=Decimal("0.8"))
    assert (sale.grant.amount, sale.invoice.total) == (10001, 8001)
    assert price_of(100, Decimal("0.125"), "JPY") == 13


def test_selling_the_same_key_twice_is_once(seller, customer, at):
    assert sold(customer, at) == sold(customer, at)
    assert (CreditGrant.objects.count(), Invoice.objects.count()) == (1, 1)


def test_nothing_is_sold_for_another_total_than_was_seen(seller, customer, at):
    with pytest.raises(InvoiceMovedError):
        sold(customer, at, total=9999)
    assert (CreditGrant.objects.count(), Invoice.objects.count()) == (0, 0)


def test_nothing_is_sold_that_cannot_be_granted(seller, customer, at):
    with pytest.raises(GrantError):
        sold(customer, at, priority=0)
    assert not Invoice.objects.exists()


def test_credit_never_pays_for_credit(seller, customer, at):
    give(customer, 50000, at)
    assert sold(customer, at).invoice.amount_due == 10000
    assert available(customer, at) == 50000


def test_what_waits_for_the_next_invoice_does_not_join_it(seller, customer, at):
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[line(500)], at=at)
    assert sold(customer, at).invoice.total == 10000
    assert InvoiceLine.objects.filter(invoice__isnull=True).count() == 1


def test_a_kept_credit_note_never_becomes_prepaid_credit(seller, customer, at):
    note = open_invoice(customer, -3000, at=at)
    assert sold(customer, at).invoice.amount_due == 10000
    note.refresh_from_db()
    assert note.amount_due == 3000
    open_invoice(customer, -3000, at=at)  # nor one that comes later
    assert Invoice.objects.get(key__startswith="sale:").amount_due == 10000


def test_what_costs_nothing_is_available_at_once(seller, customer, at):
    sale = sold(customer, at, unit_cost=Decimal(0))
    assert (sale.invoice.status, available(customer, at)) == ("paid", 10000)
    assert not Payment.objects.exists()


def test_a_sale_never_changes(seller, customer, other_customer, at):
    sale = sold(customer, at)
    for change in ("UPDATE invoices_creditsale SET origin = 'customer'", "DELETE FROM invoices_creditsale"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
    sale.refresh_from_db()
    assert sale.origin == "staff"


# --- being paid -------------------------------------------------------------------------------------------------------
def test_one_who_buys_100_at_minus_40_has_60(seller, customer, alice, at):
    add_card(customer, alice, at)
    use(customer, 4000, at - timedelta(hours=1))
    payment = bought(customer, at, actor=alice)
    assert available(customer, at) == -4000
    submit_payment(payment_id=payment.pk, at=at)
    assert available(customer, at) == 6000
    assert history(customer) == [("consumed", -4000), ("funded", 10000)]
    payment.refresh_from_db()
    assert (payment.status, payment.invoice.status) == ("succeeded", "paid")
    templates = set(Notice.objects.filter(customer=customer).values_list("template", flat=True))
    assert {"invoice_issued", "payment_receipt", "credits_granted"} <= templates


def test_a_transfer_makes_it_available_once_all_is_paid(seller, customer, at):
    sale = sold(customer, at)
    paid_outside(sale.invoice, 4000, at)
    assert available(customer, at) == 0
    paid_outside(sale.invoice, 6000, at, key="2")
    assert available(customer, at) == 10000


def test_a_declined_purchase_stays_open_and_can_be_paid_later(seller, customer, alice, at):
    add_card(customer, alice, at, DECLINES)
    payment = submit_payment(payment_id=bought(customer, at).pk, at=at)
    assert (payment.status, payment.invoice.status, available(customer, at)) == ("declined", "open", 0)
    assert payment.invoice.collect_at is None  # nobody charges it by itself
    paid_outside(payment.invoice, 10000, at)
    assert available(customer, at) == 10000


def test_the_message_of_a_declined_purchase_promises_nothing(seller, customer, alice, at, mailoutbox):
    add_card(customer, alice, at, DECLINES)
    submit_payment(payment_id=bought(customer, at).pk, at=at)
    deliver_notices(at=at)
    [message] = [message for message in mailoutbox if message.subject == "Payment of $100.00 failed"]
    for text in (message.body, str(message.alternatives[0].content)):
        assert "The credits on it are not available" in text
        assert "We neither try again nor remind you." in text
        assert "we try again" not in text


# --- buying -----------------------------------------------------------------------------------------------------------
def test_two_tabs_buy_once(seller, customer, alice, at):
    add_card(customer, alice, at)
    first, second = bought(customer, at, number=1), bought(customer, at, number=1)
    assert (first, CreditSale.objects.count()) == (second, 1)
    submit_payment(payment_id=first.pk, at=at)
    assert bought(customer, at + timedelta(days=1), number=1) == first
    assert bought(customer, at, number=2) != first


def test_a_tab_with_another_amount_is_refused(seller, customer, alice, at):
    add_card(customer, alice, at)
    bought(customer, at, number=1)
    with pytest.raises(SaleMovedError):
        bought(customer, at, 20000, number=1)
    assert CreditSale.objects.count() == 1


def test_nothing_is_bought_without_a_card(seller, customer, at):
    with pytest.raises(PaymentMethodMissingError):
        bought(customer, at)
    assert not Invoice.objects.exists()


@pytest.mark.parametrize("amount", [999, 1_000_001])
def test_too_little_or_too_much_is_refused(seller, customer, alice, at, amount):
    add_card(customer, alice, at)
    with pytest.raises(SaleAmountError) as refused:
        bought(customer, at, amount)
    assert refused.value.message == "Choose an amount from $10.00 to $10,000.00."


def test_a_worker_that_dies_before_the_payment_leaves_nothing(seller, customer, alice, at, monkeypatch):
    add_card(customer, alice, at)

    def die(**_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("invoices.services.buy_credits.collect_payment", die)
        with pytest.raises(SystemExit):
            bought(customer, at, number=1)
    assert (CreditGrant.objects.count(), Invoice.objects.count(), CreditSale.objects.count()) == (0, 0, 0)
    assert bought(customer, at, number=1).status == "pending"


def test_a_contract_buys_nothing_by_itself(seller, customer, alice, at):
    add_card(customer, alice, at)
    type(customer).objects.filter(pk=customer.pk).update(payment_policy="managed_by_contract")
    with pytest.raises(ManagedByContractError):
        bought(customer, at)


# --- giving up --------------------------------------------------------------------------------------------------------
def test_a_purchase_that_nobody_pays_is_given_up(seller, customer, alice, at):
    add_card(customer, alice, at, DECLINES)
    payment = submit_payment(payment_id=bought(customer, at).pk, at=at)
    sale, later = CreditSale.objects.get(), at + timedelta(days=14)
    assert due_to_give_up(later - timedelta(seconds=1)) == []
    [due] = due_to_give_up(later)
    assert give_up_sale(sale_id=due.id, at=later)
    assert not give_up_sale(sale_id=due.id, at=later)
    sale.refresh_from_db()
    assert (sale.invoice.status, sale.grant.pending, sale.grant.taken_back) == ("void", 0, 10000)
    assert (payment.invoice.pk, history(customer)) == (sale.invoice_id, [])


def test_staffs_invoice_waits_as_long_as_any(seller, customer, at):
    sold(customer, at)
    assert due_to_give_up(at + timedelta(days=400)) == []


def test_a_void_sale_is_never_available(seller, customer, staff, at):
    sale = sold(customer, at)
    for _ in range(2):
        void_invoice(invoice_id=sale.invoice_id, at=at, actor=staff, reason="Mistake")
    sale.grant.refresh_from_db()
    assert (sale.grant.settled_at, sale.grant.taken_back, available(customer, at)) == (at, 10000, 0)


def test_a_sale_is_voided_instead_of_written_off(seller, customer, at):
    sale = sold(customer, at)
    with pytest.raises(NotWrittenOffError) as refused:
        write_off_invoice(invoice_id=sale.invoice_id, at=at, reason="Lost")
    assert "void it" in refused.value.message


def test_a_purchase_is_no_debt(seller, customer, at):
    sale = sold(customer, at)
    assert sale.invoice.is_sale
    assert list(Invoice.objects.debts()) == []


# --- giving back ------------------------------------------------------------------------------------------------------
def note(sale, at, **facts):
    return issue_credit_note(invoice_id=sale.invoice_id, at=at, reason="Refund", **facts)


def test_a_refund_takes_back_what_is_unused(seller, french, alice, at):
    add_card(french, alice, at)
    submit_payment(payment_id=bought(french, at, total=12000).pk, at=at)
    use(french, 4000, at)
    sale = CreditSale.objects.get()
    made = note(sale, at, wanted=Wanted(amount=7200))
    assert (made.total, [refund.amount for refund in made.refunds.all()]) == (-7200, [7200])
    assert history(french) == [("funded", 10000), ("consumed", -4000), ("voided", -6000)]
    assert available(french, at) == 0


def test_no_more_is_refunded_than_is_unused(seller, customer, at):
    sale = sold(customer, at)
    paid_outside(sale.invoice, 10000, at)
    use(customer, 4000, at)
    with pytest.raises(OverCreditedError) as refused:
        note(sale, at)
    assert "Only $60.00 of these credits is unused" in refused.value.message
    assert (Invoice.objects.count(), available(customer, at)) == (1, 6000)


def test_parts_that_are_given_back_sum_to_the_whole(seller, customer, at):
    sale = sold(customer, at, 10000, unit_cost=Decimal("0.3"))
    paid_outside(sale.invoice, 3000, at)
    for number in range(3):
        note(sale, at, wanted=Wanted(amount=1000), key=str(number))
        sale.grant.refresh_from_db()
        assert sale.grant.taken_back == credit_given_back(10000, 3000, 1000 * (number + 1))
    assert (sale.grant.taken_back, available(customer, at)) == (10000, 0)


def test_a_note_of_an_unpaid_sale_sells_that_much_less(seller, customer, at):
    sale = sold(customer, at)
    note(sale, at, wanted=Wanted(amount=2500))
    paid_outside(sale.invoice, 7500, at)
    assert (available(customer, at), history(customer)) == (7500, [("funded", 7500)])


def test_a_note_of_a_whole_unpaid_sale_sells_nothing(seller, customer, at):
    sale = sold(customer, at)
    note(sale, at)
    sale.refresh_from_db()
    assert (sale.invoice.status, sale.grant.taken_back, history(customer)) == ("paid", 10000, [])


def test_a_sale_that_is_partly_paid_and_given_back_delivers_what_was_paid(seller, customer, at):
    sale = sold(customer, at)
    paid_outside(sale.invoice, 6000, at)
    note(sale, at, wanted=Wanted(amount=4000))
    sale.invoice.refresh_from_db()
    assert (sale.invoice.status, available(customer, at)) == ("paid", 6000)
