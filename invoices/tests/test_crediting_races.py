"""Two real connections at once: an invoice is given back once, and no card gets more than it paid."""

from datetime import timedelta
from functools import partial

import pytest

from accounts.tests.cards import add_card
from core.periods import midnight, utc_day
from invoices.exceptions import InvoicesError
from invoices.giving_back import Wanted
from invoices.models import Invoice, Payment, Refund
from invoices.models_payments import OutsideMethod
from invoices.refunding import Outside
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.pay_out_credit_note import pay_out_credit_note
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.refund_payment import refund_payment
from invoices.services.settle_credit_notes import settle_credit_notes
from invoices.tests.cast import BILLING_ON, refunds_made
from invoices.tests.test_credit_notes import paid_invoice
from invoices.tests.test_races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("seller", "books_hold")]

LATER = midnight(BILLING_ON) + timedelta(days=5)


@pytest.fixture
def payment(seller, customer, alice, at):
    add_card(customer, alice, at)
    return paid_invoice(customer, 1000).payments.get()


def given_back(payment, key, **wanted):
    return issue_credit_note(invoice_id=payment.invoice_id, at=LATER, reason="Outage", wanted=Wanted(**wanted), key=key)


def refusals(results):
    assert all(isinstance(result, InvoicesError | Invoice | Refund | dict) for result in results), results
    return sum(isinstance(result, InvoicesError) for result in results)


def test_two_clicks_issue_one_note(payment):
    first, second = at_once(*[partial(given_back, payment, "same", amount=600)] * 2)
    assert first == second
    assert Invoice.objects.credit_notes().count() == Refund.objects.count() == 1


def test_two_people_give_back_no_more_than_there_is(payment):
    results = at_once(*(partial(given_back, payment, key, amount=600) for key in ("one", "other")))
    assert refusals(results) == 1
    assert Refund.objects.get().amount == 600


def test_refunds_and_pay_outs_at_once_give_a_card_no_more_than_it_paid(customer, payment):
    note = given_back(payment, "kept", amount=500, goes_to="kept")
    pay_out = partial(pay_out_credit_note, note_id=note.pk, to=payment.pk, amount=500, at=LATER, reason="They asked")
    refund = partial(refund_payment, payment_id=payment.pk, amount=400, at=LATER, reason="Outage")
    settle = partial(settle_credit_notes, customer_ids=[customer.pk], at=LATER)
    results = at_once(
        partial(pay_out, key="a"), partial(pay_out, key="b"), partial(refund, key="c"), partial(refund, key="d"), settle
    )
    assert refusals(results) == 2
    assert sorted(Refund.objects.values_list("amount", flat=True)) == [400, 500]
    at_once(*[partial(reconcile_refunds, at=LATER)] * 2)
    assert sorted(amount for _, amount in refunds_made()) == [400, 500]


def test_what_is_kept_is_paid_out_once_outside_or_to_the_card(payment):
    note = given_back(payment, "kept", amount=500, goes_to="kept")
    transfer = Outside(OutsideMethod.BANK_TRANSFER, "SEPA 4711", utc_day(LATER))
    pay_out = partial(pay_out_credit_note, note_id=note.pk, amount=500, at=LATER, reason="They asked")
    results = at_once(partial(pay_out, to=transfer, key="a"), partial(pay_out, to=Payment.objects.get().pk, key="b"))
    assert refusals(results) == 1
    assert Refund.objects.get().amount == 500
