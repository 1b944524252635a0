"""Two real connections at once: one number each, one charge each."""

import threading
import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.tests.cards import add_card
from invoices import books
from invoices.models import CreditApplication, Invoice, InvoiceSequence, Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import calculated, charges, open_invoice, refunds_made

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls):
    """Run all calls in threads that start together; what each returned or raised."""
    results: list[Any] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(index, call):
        start.wait()
        try:
            results[index] = call()
        except Exception as error:  # noqa: BLE001 - handed to the test
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_numbers_have_no_gaps_when_invoices_are_finalized_at_once(seller, customer, other_customer, at):
    invoices = [calculated(owner, 100) for owner in (customer, other_customer) * 4]

    def finalize(invoice):
        return lambda: finalize_invoices(invoice_ids=[invoice.pk], at=at)

    results = at_once(*(finalize(invoice) for invoice in invoices))
    numbers = sorted(invoice.number for [invoice] in results)
    assert numbers == [f"INV-2026-{number:06d}" for number in range(1, 9)]
    assert InvoiceSequence.objects.get().last == 8


def test_a_number_waits_for_the_one_before_it(seller, customer, other_customer, at):
    """One transaction has its number but is not committed yet: the next waits, and gets the next."""
    open_invoice(customer, 100)  # the year's first number makes the sequence, which would make the others wait too
    first, second = calculated(customer, 100), calculated(other_customer, 100)
    numbered = threading.Event()

    def slowly():
        with transaction.atomic():
            [invoice] = finalize_invoices(invoice_ids=[first.pk], at=at)
            numbered.set()
            time.sleep(0.3)
        return invoice.number

    def meanwhile():
        numbered.wait()
        [invoice] = finalize_invoices(invoice_ids=[second.pk], at=at)
        return invoice.number

    assert at_once(slowly, meanwhile) == ["INV-2026-000002", "INV-2026-000003"]


def test_one_invoice_finalized_twice_at_once_gets_one_number(seller, customer, at):
    invoice = calculated(customer, 100)

    def finalize():
        return finalize_invoices(invoice_ids=[invoice.pk], at=at)

    assert sorted(len(result) for result in at_once(finalize, finalize)) == [0, 1]
    assert Invoice.objects.get().number == "INV-2026-000001"


def test_two_clicks_on_pay_charge_once(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900)

    def pay():
        payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False, attempt=1)
        return submit_payment(payment_id=payment.pk, at=at)

    results = at_once(pay, pay)
    assert {payment.pk for payment in results} == {Payment.objects.get().pk}
    assert charges() == [(f"invoice:{invoice.pk}:payment:1", "succeeded")]


def test_two_collectors_charge_once(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900)

    def collect():
        payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
        return submit_payment(payment_id=payment.pk, at=at)

    results = at_once(collect, collect, collect)
    assert not [result for result in results if isinstance(result, Exception)]
    assert charges() == [(f"invoice:{invoice.pk}:payment:1", "succeeded")]


def test_a_reconciler_and_a_slow_submitter_agree(seller, customer, alice, at):
    """Either the charge went through or the payment was given up – never both."""
    add_card(customer, alice, at)
    later = at + timedelta(minutes=1)
    for number in range(1, 6):
        invoice = open_invoice(customer, 4900)
        payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
        at_once(partial(submit_payment, payment_id=payment.pk, at=later), partial(reconcile_payments, at=later))
        payment.refresh_from_db()
        made = dict(charges()).get(payment.key, "none")
        assert (payment.status, made) in {
            ("succeeded", "succeeded"),
            ("canceled", "canceled"),
            ("canceled", "none"),
            ("canceled", "unconfirmed"),
        }, number


def test_two_payments_of_one_customer_get_two_receipts(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoices = [open_invoice(customer, 100), open_invoice(customer, 200)]

    def pay(invoice):
        def run():
            payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
            return submit_payment(payment_id=payment.pk, at=at)

        return run

    receipts = sorted(payment.receipt_number for payment in at_once(*(pay(invoice) for invoice in invoices)))
    assert receipts == ["RCP-2026-000001", "RCP-2026-000002"]


def test_a_kept_credit_is_used_once_by_invoices_issued_at_the_same_time(seller, customer, at):
    """Three invoices of 4.00 are issued at once and all may use the same 10.00: together they get no more."""
    note = open_invoice(customer, -1000, at=at)
    drafts = [calculated(customer, 400) for _ in range(3)]
    results = at_once(*(partial(finalize_invoices, invoice_ids=[draft.pk], at=at) for draft in drafts))
    assert not [result for result in results if isinstance(result, Exception)]
    note.refresh_from_db()
    parts = CreditApplication.objects.filter(credit_note=note).values_list("amount", flat=True)
    assert (sorted(parts), note.amount_credited, note.amount_due) == ([200, 400, 400], 1000, 0)
    assert list(books.check()) == []


def test_a_refund_is_made_once_however_many_workers_ask(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    submit_payment(payment_id=collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at=at)
    open_invoice(customer, -900, at=at)
    results = at_once(*[partial(reconcile_refunds, at=at)] * 3)
    assert sorted(results) == [0, 0, 1]
    assert [amount for _, amount in refunds_made()] == [900]
