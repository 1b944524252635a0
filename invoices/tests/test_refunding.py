"""A payment, or what is kept on a credit note, goes back to a card; or staff say that they transferred it."""

from datetime import timedelta

import pytest

from accounts.figures import written
from accounts.gateways.base import Outcome
from accounts.models import AuditEntry, Notice
from accounts.tests.cards import MASTERCARD, add_card
from core.periods import midnight, utc_day
from invoices.exceptions import NotRefundableError, NotVoidableError, OverCreditedError
from invoices.giving_back import Wanted
from invoices.models import CreditApplication, InvoiceSequence, InvoiceStatus, Payment, Refund, RefundStatus
from invoices.models_payments import OutsideMethod
from invoices.refunding import Outside, refundable_payments
from invoices.services.collect_payment import collect_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.pay_out_credit_note import pay_out_credit_note
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.refund_payment import refund_payment
from invoices.services.settle_credit_notes import settle_credit_notes
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import BILLING_ON, open_invoice, paid_with, refunds_made
from invoices.tests.test_credit_notes import credit, give_back_by_hand, paid_invoice

pytestmark = pytest.mark.usefixtures("seller", "books_hold")

LATER = midnight(BILLING_ON) + timedelta(days=5)
TRANSFER = Outside(OutsideMethod.BANK_TRANSFER, "SEPA 4711", utc_day(LATER))


@pytest.fixture(autouse=True)
def card(seller, customer, alice, at):
    return add_card(customer, alice, at)


def refunded(payment, amount, key="k", **values):
    return refund_payment(payment_id=payment.pk, amount=amount, key=key, at=LATER, reason="Outage", **values)


def kept(customer, amount=600):
    invoice = paid_invoice(customer, 1000)
    wanted = Wanted(amount=amount, goes_to="kept")
    return issue_credit_note(invoice_id=invoice.pk, at=LATER, reason="Outage", wanted=wanted, key="kept")


def paid_out(note, to, amount=600, key="k"):
    return pay_out_credit_note(note_id=note.pk, to=to, amount=amount, key=key, at=LATER, reason="They asked")


# --- refunds --------------------------------------------------------------------------------------------------------
def test_a_part_of_a_payment_goes_back_to_its_card_before_anything_else(customer):
    payment = paid_invoice(customer, 1000).payments.get()
    open_invoice(customer, 300)
    note = refunded(payment, 400)
    assert (note.total, note.corrects, note.goes_first_to) == (-400, [payment.invoice.number], payment)
    refund = Refund.objects.get()
    assert (refund.payment, refund.amount, refund.status) == (payment, 400, RefundStatus.PENDING)
    assert refunds_made() == [], "the gateway hears of it after the commit"
    assert reconcile_refunds(at=LATER) == 1
    note.refresh_from_db()
    assert (note.status, CreditApplication.objects.count()) == (InvoiceStatus.PAID, 0)


def test_it_goes_to_the_card_that_was_named_and_no_newer_one(customer, alice, at):
    payment = paid_invoice(customer, 1000).payments.get()
    add_card(customer, alice, at, MASTERCARD, make_default=True)
    paid_invoice(customer, 2000, "fee:2")
    refunded(payment, 400)
    assert Refund.objects.get().payment == payment


def test_a_refund_has_a_reason_and_happens_once(customer):
    payment = paid_invoice(customer, 1000).payments.get()
    assert refunded(payment, 1000) == refunded(payment, 1000)
    assert Refund.objects.count() == 1
    entry = AuditEntry.objects.get(action="refund_payment")
    assert (entry.subject, entry.reason, entry.after["amount"]) == (f"payment:{payment.pk}", "Outage", 1000)


@pytest.mark.parametrize("amount", [0, -5, 1001])
def test_no_payment_gives_back_more_than_it_took(customer, amount):
    payment = paid_invoice(customer, 1000).payments.get()
    with pytest.raises(NotRefundableError):
        refunded(payment, amount)


def test_a_second_refund_is_of_the_rest(customer):
    payment = paid_invoice(customer, 1000).payments.get()
    refunded(payment, 700, "a")
    with pytest.raises(NotRefundableError):
        refunded(payment, 301, "b")
    refunded(payment, 300, "c")
    assert list(Refund.objects.values_list("amount", flat=True)) == [700, 300]


def test_an_invoice_that_was_given_back_has_nothing_to_refund(customer):
    payment = paid_invoice(customer, 1000).payments.get()
    wanted = Wanted(amount=800, goes_to="kept")
    issue_credit_note(invoice_id=payment.invoice_id, at=LATER, reason="Outage", wanted=wanted, key="k")
    with pytest.raises(OverCreditedError):
        refunded(payment, 500)


def test_only_a_cards_payment_is_refunded(customer):
    invoice = paid_invoice(customer, 1000)
    declined = Payment.objects.create(**outside(invoice, status="declined"))
    with pytest.raises(NotRefundableError):
        refunded(declined, 10)
    other = open_invoice(customer, 500)
    by_bank = Payment.objects.create(**outside(other, status="succeeded", receipt_number="RCP-2026-000002"))
    with pytest.raises(NotRefundableError):
        refunded(by_bank, 10)
    assert by_bank.pk not in [payment.pk for payment, _ in refundable_payments(customer.pk, "USD")]
    put_in_the_books(by_bank)


def outside(invoice, **values):
    return {
        "key": f"by-hand:{invoice.pk}:{values['status']}",
        "invoice": invoice,
        "customer_id": invoice.customer_id,
        "gateway": "outside",
        "method": "bank_transfer",
        "received_on": LATER.date(),
        "amount": 500,
        "currency": "USD",
        "automatic": False,
        "created_at": LATER,
        "settled_at": LATER,
    } | values


def put_in_the_books(payment):
    """They ask that what was paid by bank stands on its invoice, with a receipt of the sequence."""
    payment.invoice.amount_paid = 500
    payment.invoice.close_if_settled(LATER)
    payment.invoice.save()
    InvoiceSequence.objects.filter(series="RCP").update(last=2)


def test_a_refund_that_the_card_refuses_is_kept(customer):
    payment = paid_invoice(customer, 1000).payments.get()
    note = refunded(payment, 400)
    give_back_by_hand(note, 1000)
    reconcile_refunds(at=LATER)
    settle_credit_notes(customer_ids=[customer.pk], at=LATER)
    note.refresh_from_db()
    assert (note.status, note.amount_due, Refund.objects.get().status) == (InvoiceStatus.OPEN, 400, RefundStatus.FAILED)
    refund = paid_out(note, TRANSFER, 400)
    note.refresh_from_db()
    assert (note.status, refund.status) == (InvoiceStatus.PAID, RefundStatus.SUCCEEDED)


# --- what is kept ---------------------------------------------------------------------------------------------------
def test_what_is_kept_goes_to_a_card_that_paid(customer):
    note = kept(customer)
    payment = Payment.objects.get()
    refund = paid_out(note, payment.pk, 250)
    assert (refund.payment, refund.amount, refund.status) == (payment, 250, RefundStatus.PENDING)
    assert reconcile_refunds(at=LATER) == 1
    note.refresh_from_db()
    assert (note.amount_paid, note.amount_due, note.status) == (250, 350, InvoiceStatus.OPEN)


def test_what_was_transferred_outside_is_a_fact_at_once(customer, alice):
    note = kept(customer)
    refund = paid_out(note, TRANSFER)
    note.refresh_from_db()
    assert (refund.payment, refund.method, refund.reference) == (None, "bank_transfer", "SEPA 4711")
    assert (note.status, note.amount_paid) == (InvoiceStatus.PAID, 600)
    assert reconcile_refunds(at=LATER) == 0
    told = written(Notice.objects.get(template="payment_refunded").context)
    assert (told["amount"], told["method"], told["reference"]) == ("$6.00", "bank transfer", "SEPA 4711")
    entry = AuditEntry.objects.get(action="pay_out_credit_note")
    assert (entry.reason, entry.after["to"], entry.after["amount"]) == ("They asked", "bank_transfer", 600)


def test_paying_out_twice_is_paying_out_once(customer):
    note = kept(customer)
    assert paid_out(note, TRANSFER) == paid_out(note, TRANSFER)
    assert Refund.objects.count() == 1


@pytest.mark.parametrize("amount", [0, -1, 601])
@pytest.mark.parametrize("outside", [True, False])
def test_no_more_is_paid_out_than_is_kept(customer, amount, outside):
    note = kept(customer)
    with pytest.raises(NotRefundableError):
        paid_out(note, TRANSFER if outside else Payment.objects.get().pk, amount)


def test_no_card_gets_more_than_it_paid(customer):
    note = kept(customer)
    refunded(Payment.objects.get(), 400, "rest")
    credit(customer, -900, corrects="")  # takes what the card can still give back
    with pytest.raises(NotRefundableError):
        paid_out(note, Payment.objects.get().pk, 1)


def test_only_an_open_credit_note_is_paid_out(customer):
    invoice = open_invoice(customer, 300)
    with pytest.raises(NotRefundableError):
        paid_out(invoice, TRANSFER, 100)
    note = kept(customer, 100)
    note.refresh_from_db()
    with pytest.raises(NotRefundableError):
        paid_out(note, TRANSFER, 1)


def test_what_a_note_gave_back_is_not_voided_too(customer):
    """The note is kept, because a payment was on its way; the payment never came."""
    invoice = open_invoice(customer, 1000)
    payment = collect_payment(invoice_id=invoice.pk, at=LATER, automatic=False)
    note = issue_credit_note(invoice_id=invoice.pk, at=LATER, reason="Outage")
    assert note.amount_due == 1000
    paid_with(payment.pk, LATER, Outcome("declined", "card_declined"))
    with pytest.raises(NotVoidableError):
        void_invoice(invoice_id=invoice.pk, at=LATER, reason="Wrong")
