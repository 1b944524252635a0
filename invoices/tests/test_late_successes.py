"""A payment that was given up and succeeds all the same: applied where the invoice needs it, else sent back."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.figures import written
from accounts.gateways.base import Outcome
from accounts.models import AuditEntry, Notice
from accounts.tests.cards import VISA
from core.clock import now
from invoices import books
from invoices.attention import refund_said, troubled_refunds
from invoices.exceptions import NotRefundableError
from invoices.models import Payment, Refund
from invoices.resolving import look_at_payment
from invoices.services.handle_events import handle_events
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.record_refund import record_refund
from invoices.services.send_back_again import send_back_again
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import open_invoice, paid_with
from invoices.tests.late import succeeds_after_all, to_sandbox, tried, waiting

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.usefixtures("books_hold")


@pytest.fixture
def invoice(seller, customer, at):
    return open_invoice(customer, 4900, at=at)


def reloaded(row):
    row.refresh_from_db()
    return row


def refunds():
    return list(Refund.objects.order_by("pk").values_list("key", "status", "amount", "credit_note"))


def test_it_pays_the_invoice_that_is_still_open(invoice, processor, at):
    payment = tried(invoice, at)
    succeeds_after_all(processor, payment)
    settled = look_at_payment(payment, at + MINUTE)
    assert (settled.status, settled.decline_code) == ("succeeded", "")
    assert settled.receipt_number == "RCP-2026-000001"
    assert (reloaded(invoice).status, invoice.amount_paid, refunds()) == ("paid", 4900, [])
    assert Notice.objects.filter(template="payment_receipt").count() == 1
    entry = AuditEntry.objects.filter(action="record_payment").latest("pk")
    assert (entry.before, entry.after["status"]) == ({"status": "declined"}, "succeeded")


def test_it_goes_back_where_another_attempt_has_paid(invoice, processor, at):
    late = tried(invoice, at)
    assert tried(invoice, at + MINUTE, VISA).status == "succeeded"
    succeeds_after_all(processor, late)
    settled = look_at_payment(late, at + 2 * MINUTE)
    assert (settled.status, settled.receipt_number) == ("surplus", None)
    assert refunds() == [(f"payment:{late.pk}:refund:1", "pending", 4900, None)]
    assert (reloaded(invoice).status, invoice.amount_paid) == ("paid", 4900)
    notice = Notice.objects.get(template="payment_late")
    assert (written(notice.context)["amount"], written(notice.context)["already_paid"]) == ("$49.00", True)

    assert reconcile_refunds(at=at + 2 * MINUTE) == 1
    assert refunds()[0][1] == "succeeded"
    assert processor.refunds() == [(f"payment:{late.pk}:refund:1", 4900)]
    assert written(Notice.objects.get(template="payment_refunded").context)["surplus"] is True


def test_an_attempt_beside_it_is_cancelled_once_it_has_paid(invoice, processor, at):
    """The next attempt waits for the bank: it lost its reason, and no money is taken for it."""
    late = tried(invoice, at)
    second = waiting(invoice, at + MINUTE)
    succeeds_after_all(processor, late)
    assert look_at_payment(late, at + 2 * MINUTE).status == "succeeded"
    assert reloaded(second).check_at == at + 2 * MINUTE
    reconcile_payments(at=at + 2 * MINUTE)
    assert (reloaded(second).status, refunds()) == ("canceled", [])
    assert processor.charges() == [(late.key, "succeeded"), (second.key, "canceled")]
    assert Notice.objects.filter(template="payment_failed").count() == 1  # of the first, when it was declined


def test_an_attempt_beside_it_that_succeeds_too_goes_back(invoice, processor, at):
    late = tried(invoice, at)
    second = waiting(invoice, at + MINUTE)
    processor.decide_at_bank(second.gateway_id)  # nothing: the page was not opened
    succeeds_after_all(processor, second)
    succeeds_after_all(processor, late)
    assert look_at_payment(late, at + 2 * MINUTE).status == "succeeded"
    reconcile_payments(at=at + 2 * MINUTE)
    assert reloaded(second).status == "surplus"
    assert refunds() == [(f"payment:{second.pk}:refund:1", "pending", 4900, None)]


def test_it_goes_back_where_the_invoice_is_void(invoice, processor, at, clerk):
    payment = tried(invoice, at)
    void_invoice(invoice_id=invoice.pk, at=at, actor=clerk, reason="Agreed")
    succeeds_after_all(processor, payment)
    assert look_at_payment(payment, at + MINUTE).status == "surplus"
    assert written(Notice.objects.get(template="payment_late").context)["void"] is True
    assert refunds()[0][1:] == ("pending", 4900, None)


def test_it_goes_back_where_less_is_due_by_then(invoice, customer, processor, at):
    payment = tried(invoice, at)
    open_invoice(customer, -900, at=at + MINUTE)  # a credit note lowers the invoice
    assert reloaded(invoice).amount_due == 4000
    succeeds_after_all(processor, payment)
    assert look_at_payment(payment, at + MINUTE).status == "surplus"
    assert (reloaded(invoice).status, invoice.amount_due) == ("open", 4000)


def test_it_is_found_by_the_event_that_tells_of_it(invoice, processor, at):
    payment = tried(invoice, at)
    assert reloaded(payment).status == "declined"
    succeeds_after_all(processor, payment)
    assert processor.send_webhooks(to_sandbox) >= 2
    handle_events(at=now())
    assert (reloaded(payment).status, reloaded(invoice).status) == ("succeeded", "paid")


def test_a_second_time_changes_nothing(invoice, processor, at):
    payment = tried(invoice, at)
    tried(invoice, at, VISA)
    succeeds_after_all(processor, payment)
    look_at_payment(payment, at + MINUTE)
    again = look_at_payment(reloaded(payment), at + timedelta(days=1))
    assert (again.status, again.settled_at, len(refunds())) == ("surplus", at + MINUTE, 1)


@pytest.mark.parametrize("status", ["declined", "canceled", "needs_confirmation", "unconfirmed"])
def test_nothing_but_a_success_changes_what_was_given_up(invoice, at, status):
    payment = tried(invoice, at)
    assert paid_with(payment.pk, at + MINUTE, Outcome(status)).status == "declined"
    assert reloaded(payment).settled_at == at


def test_what_was_charged_never_changes_again(invoice, processor, at):
    payment = tried(invoice, at)
    tried(invoice, at, VISA)
    succeeds_after_all(processor, payment)
    look_at_payment(payment, at + MINUTE)
    for change in ({"status": "declined"}, {"status": "succeeded", "receipt_number": "RCP-1"}, {"settled_at": at}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Payment.objects.filter(pk=payment.pk).update(**change)


def failed_refund(invoice, processor, at):
    """Money that came too late and could not go back."""
    payment = tried(invoice, at)
    tried(invoice, at, VISA)
    succeeds_after_all(processor, payment)
    look_at_payment(payment, at)
    refund = Refund.objects.get()
    return record_refund(refund_id=refund.pk, outcome=Outcome("declined", "expired_or_canceled_card"), at=at)


def test_what_could_not_go_back_waits_for_somebody(invoice, processor, at):
    refund = failed_refund(invoice, processor, at)
    assert troubled_refunds(at, 10) == [refund]
    assert "Send it back again." in refund_said(refund).text


def test_it_is_sent_back_again_once(invoice, processor, at, clerk):
    refund = failed_refund(invoice, processor, at)
    again, repeat = (send_back_again(refund_id=refund.pk, reason="New card", at=at, actor=clerk) for _ in range(2))
    assert (again.key, repeat) == (f"payment:{refund.payment_id}:refund:2", again)
    assert troubled_refunds(at, 10) == []
    reconcile_refunds(at=at)
    assert processor.refunds() == [(again.key, 4900)]
    entry = AuditEntry.objects.get(action="send_back_again")
    assert (entry.reason, entry.actor, entry.after["refund"]) == ("New card", clerk, again.key)
    with pytest.raises(NotRefundableError):
        send_back_again(refund_id=again.pk, reason="Once more", at=at, actor=clerk)
    assert Refund.objects.count() == 2


def test_the_books_name_late_money_that_nobody_sends_back(invoice, processor, at):
    payment = tried(invoice, at)
    tried(invoice, at, VISA)
    succeeds_after_all(processor, payment)
    look_at_payment(payment, at + MINUTE)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM invoices_refund")
        assert [row.rule for row in books.check()] == ["what came too late goes back"]
        transaction.set_rollback(True)


def test_the_database_gives_no_more_back_than_came(invoice, processor, at):
    payment = tried(invoice, at)
    tried(invoice, at, VISA)
    succeeds_after_all(processor, payment)
    payment = look_at_payment(payment, at + MINUTE)
    values = {"customer": payment.customer, "amount": 1, "currency": "USD", "created_at": at}
    with pytest.raises(DatabaseError, match="never gets more back"), transaction.atomic():
        Refund.objects.create(key="more", payment=payment, **values)
    paid = Payment.objects.get(status="succeeded")
    with pytest.raises(DatabaseError, match="never gets more back"), transaction.atomic():
        Refund.objects.create(key="of a payment that counts", payment=paid, **values)
