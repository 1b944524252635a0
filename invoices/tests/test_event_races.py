"""Two real connections at once: an event is kept once, handled once, and late money pays or goes back once."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError

from accounts.gateways.base import Outcome, ProcessorEvent
from accounts.models import AuditEntry
from accounts.tests.cards import LOSES_ANSWER, VISA
from invoices.models import GatewayEvent, Payment, Refund
from invoices.resolving import look_at_payment
from invoices.services.handle_events import handle_events
from invoices.services.receive_event import receive_event
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.record_payment import record_payment
from invoices.services.replay_event import replay_event
from invoices.services.submit_payment import submit_payment
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import open_invoice
from invoices.tests.late import succeeds_after_all, tried, waiting
from invoices.tests.test_races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_hold")]

MINUTE = timedelta(minutes=1)


@pytest.fixture
def invoice(seller, customer, at):
    return open_invoice(customer, 4900, at=at)


def event_of(payment, at, number=1):
    return ProcessorEvent(
        event_id=f"evt_{number}",
        type="payment_intent.succeeded",
        created_at=at,
        object_id=payment.gateway_id,
        intent_id=payment.gateway_id,
        key=payment.key,
    )


def successes():
    return AuditEntry.objects.filter(action="record_payment", after__status__in=("succeeded", "surplus")).count()


def test_one_event_that_arrives_twice_at_once_is_kept_once(invoice, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    receive = partial(receive_event, gateway="sandbox", event=event_of(payment, at), at=at)
    results = at_once(receive, receive, receive)
    assert len({row.pk for row in results}) == GatewayEvent.objects.count() == 1


def test_two_workers_handle_one_event_once(invoice, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    receive_event(gateway="sandbox", event=event_of(payment, at), at=at)
    assert sorted(at_once(*[partial(handle_events, at=at)] * 3)) == [0, 0, 1]
    assert successes() == 1


def test_two_events_about_one_late_payment_pay_once(invoice, processor, at):
    payment = tried(invoice, at)
    succeeds_after_all(processor, payment)
    for number in (1, 2):
        receive_event(gateway="sandbox", event=event_of(payment, at, number), at=at)
    at_once(*[partial(handle_events, at=at, limit=1)] * 2)
    handle_events(at=at + MINUTE)
    invoice.refresh_from_db()
    assert (successes(), invoice.status, invoice.amount_paid) == (1, "paid", 4900)
    assert set(GatewayEvent.objects.values_list("status", flat=True)) == {"done"}


def test_an_event_and_the_question_that_is_due_agree(invoice, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    receive_event(gateway="sandbox", event=event_of(payment, at), at=at)
    at_once(partial(handle_events, at=at + MINUTE), partial(reconcile_payments, at=at + MINUTE))
    assert (successes(), Payment.objects.get().status) == (1, "succeeded")


def test_late_money_that_two_find_at_once_goes_back_once(invoice, processor, at):
    late = tried(invoice, at)
    tried(invoice, at, VISA)
    succeeds_after_all(processor, late)
    results = at_once(*[partial(look_at_payment, late, at + MINUTE)] * 3)
    assert {row.status for row in results} == {"surplus"}
    at_once(*[partial(reconcile_refunds, at=at + MINUTE)] * 3)
    assert Refund.objects.get().status == "succeeded"
    assert processor.refunds() == [(f"payment:{late.pk}:refund:1", 4900)]


@pytest.mark.parametrize("_number", range(3))
def test_a_late_success_and_the_next_attempt_at_once_take_the_money_once(invoice, processor, at, _number):
    """Whichever is first pays; what the other took goes back. Nothing is kept twice."""
    late = tried(invoice, at)
    succeeds_after_all(processor, late)

    def pay_again():
        return tried(invoice, at + MINUTE, VISA)

    at_once(pay_again, partial(look_at_payment, late, at + MINUTE))
    for minutes in (2, 7, 70):
        reconcile_payments(at=at + minutes * MINUTE)
        reconcile_refunds(at=at + minutes * MINUTE)
    invoice.refresh_from_db()
    charged = sum(status == "succeeded" for _, status in processor.charges())
    assert (invoice.status, invoice.amount_paid) == ("paid", 4900)
    assert charged * 4900 - sum(amount for _, amount in processor.refunds()) == 4900
    assert not Payment.objects.filter(status__in=("pending", "unknown")).exists()


def test_voiding_and_a_late_success_at_once_keep_no_money_for_nothing(invoice, processor, at, clerk):
    late = tried(invoice, at)
    succeeds_after_all(processor, late)
    void = partial(void_invoice, invoice_id=invoice.pk, at=at, actor=clerk, reason="Agreed")
    at_once(void, partial(look_at_payment, late, at))
    invoice.refresh_from_db()
    late.refresh_from_db()
    assert (invoice.status, late.status) in {("void", "surplus"), ("paid", "succeeded")}


def test_an_attempt_that_was_not_taken_to_the_processor_yet_is_not_confirmed_any_more(invoice, processor, at, customer):
    """The invoice is paid late between the commit of the next attempt and its charge."""
    late = tried(invoice, at)
    second = waiting(invoice, at + MINUTE)
    fresh = Payment.objects.get(pk=second.pk)
    assert fresh.status == "needs_confirmation"
    reconcile_payments(at=at + 70 * MINUTE)  # given up
    succeeds_after_all(processor, late)
    third = _committed(invoice, at + 71 * MINUTE)
    look_at_payment(late, at + 72 * MINUTE)
    assert submit_payment(payment_id=third.pk, at=at + 72 * MINUTE).status == "pending"
    reconcile_payments(at=at + 73 * MINUTE)
    third.refresh_from_db()
    assert (third.status, dict(processor.charges())[third.key]) == ("canceled", "canceled")


def _committed(invoice, at):
    from_card = invoice.customer.payment_methods.live().get(is_default=True)
    return Payment.objects.create(
        key=f"invoice:{invoice.pk}:payment:3",
        invoice=invoice,
        customer=invoice.customer,
        payment_method=from_card,
        gateway="sandbox",
        amount=4900,
        currency="USD",
        automatic=False,
        created_at=at,
        check_at=at + MINUTE,
    )


def test_two_replays_at_once_are_one(invoice, at, clerk):
    payment = tried(invoice, at, LOSES_ANSWER)
    row = receive_event(gateway="sandbox", event=event_of(payment, at), at=at)
    handle_events(at=at)
    replay = partial(replay_event, event_id=row.pk, reason="Again", at=at + MINUTE, actor=clerk)
    results = at_once(replay, replay)
    assert not [each for each in results if isinstance(each, OperationalError)]
    assert AuditEntry.objects.filter(action="replay_event").count() == 1


def test_two_answers_about_one_payment_are_recorded_once(invoice, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    record = partial(record_payment, payment_id=payment.pk, outcome=Outcome("succeeded"), at=at)
    results = at_once(record, record)
    assert {row.receipt_number for row in results} == {"RCP-2026-000001"}
