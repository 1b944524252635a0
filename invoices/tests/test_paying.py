import re
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.figures import written
from accounts.gateways.base import GatewayTimeoutError, GatewayUnavailableError, Outcome
from accounts.gateways.sandbox import SandboxGateway
from accounts.models import AuditEntry, BillingProfile, Notice, PaymentPolicy
from accounts.selectors import default_payment_methods
from accounts.tests.cards import CONFIRMS, DECLINES, LOSES_ANSWER, TIMES_OUT, add_card
from core.clock import travel_to
from invoices.checking import next_check
from invoices.due import due_to_collect
from invoices.exceptions import ManagedByContractError, NotDueError, NotPayableError, PaymentMethodMissingError
from invoices.giving_back import Wanted
from invoices.models import InvoiceStatus, Payment, PaymentStatus
from invoices.selectors import unsettled
from invoices.services.collect_payment import collect_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.record_payment import record_payment
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import calculated, charges, open_invoice, paid_with

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def invoice(seller, customer, alice, at):
    add_card(customer, alice, at)
    return open_invoice(customer, 4900)


def pay(invoice, at, **values):
    payment = collect_payment(invoice_id=invoice.pk, at=at, **({"automatic": False} | values))
    return submit_payment(payment_id=payment.pk, at=at)


def reloaded(row):
    row.refresh_from_db()
    return row


# --- the straight way -----------------------------------------------------------------------------------------------
def test_it_is_committed_before_the_gateway_hears_of_it(invoice, at):
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    assert (payment.key, payment.status, payment.gateway_id) == (f"invoice:{invoice.pk}:payment:1", "pending", "")
    assert (payment.amount, payment.check_at) == (4900, at + MINUTE)
    assert charges() == []


def test_a_succeeded_payment_pays_the_invoice_and_gives_a_receipt(invoice, at):
    payment = pay(invoice, at, automatic=True)
    assert (payment.status, payment.receipt_number, payment.settled_at) == ("succeeded", "RCP-2026-000001", at)
    reloaded(invoice)
    assert (invoice.status, invoice.amount_paid, invoice.paid_at, invoice.collect_at) == ("paid", 4900, at, None)
    assert charges() == [(payment.key, "succeeded")]
    notice = Notice.objects.get(template="payment_receipt")
    assert (written(notice.context)["amount"], written(notice.context)["receipt"]) == ("$49.00", "RCP-2026-000001")
    assert AuditEntry.objects.filter(action__in=("collect_payment", "record_payment")).count() == 2


def test_recording_twice_gives_one_receipt(invoice, at):
    payment = pay(invoice, at)
    again = paid_with(payment.pk, at + MINUTE)
    assert (again.receipt_number, again.settled_at) == (payment.receipt_number, at)
    assert reloaded(invoice).amount_paid == 4900


@pytest.mark.parametrize("status", ["declined", "canceled", "needs_confirmation"])
def test_an_outcome_is_final(invoice, at, status):
    payment = pay(invoice, at)
    later = paid_with(payment.pk, at + MINUTE, Outcome(status))
    assert (later.status, later.settled_at, reloaded(invoice).status) == ("succeeded", at, "paid")


def test_submitting_twice_charges_once(invoice, at):
    payment = pay(invoice, at)
    assert submit_payment(payment_id=payment.pk, at=at + MINUTE) == payment
    assert len(charges()) == 1


def test_pressing_pay_twice_gives_the_first_payment(invoice, at):
    first = collect_payment(invoice_id=invoice.pk, at=at, automatic=False, attempt=1)
    assert collect_payment(invoice_id=invoice.pk, at=at, automatic=False, attempt=1) == first
    submit_payment(payment_id=first.pk, at=at)
    assert collect_payment(invoice_id=invoice.pk, at=at, automatic=False, attempt=1) == first
    assert Payment.objects.count() == 1


def test_a_declined_payment_sent_again_by_the_same_form_is_not_tried_again(seller, customer, alice, at):
    add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 4900)
    first = pay(invoice, at, attempt=1)
    assert pay(invoice, at + MINUTE, attempt=1) == first
    assert charges() == [(first.key, "declined")]


# --- refusals -------------------------------------------------------------------------------------------------------
def test_a_draft_cannot_be_paid(seller, customer, alice, at):
    add_card(customer, alice, at)
    with pytest.raises(NotPayableError):
        pay(calculated(customer, 4900), at)


def test_a_paid_invoice_cannot_be_paid_again(invoice, at):
    pay(invoice, at)
    with pytest.raises(NotPayableError):
        pay(invoice, at, attempt=2)
    assert len(charges()) == 1


def test_without_a_card_there_is_nothing_to_charge(seller, customer, at):
    with pytest.raises(PaymentMethodMissingError):
        pay(open_invoice(customer, 4900), at)
    assert Payment.objects.count() == 0


def test_another_customers_card_is_never_charged(invoice, other_customer, charlie, at):
    with pytest.raises(PaymentMethodMissingError):
        pay(invoice, at, payment_method=add_card(other_customer, charlie, at))


def test_enterprise_pays_by_contract(invoice, customer, at):
    customer.payment_policy = PaymentPolicy.MANAGED_BY_CONTRACT
    customer.save()
    with pytest.raises(ManagedByContractError) as refusal:
        pay(invoice, at)
    assert refusal.value.status == 403
    assert Payment.objects.count() == 0


def test_the_run_collects_only_what_is_due(invoice, at):
    early = invoice.collect_at - MINUTE
    with pytest.raises(NotDueError):
        collect_payment(invoice_id=invoice.pk, at=early, automatic=True)


def test_the_run_gets_the_first_payment_where_another_run_was_first(invoice, at):
    payment = pay(invoice, at, automatic=True)
    assert pay(invoice, at, automatic=True) == payment
    assert len(charges()) == 1


# --- declined -------------------------------------------------------------------------------------------------------
def test_a_declined_collection_leaves_the_invoice_open_with_a_reason(seller, customer, alice, at):
    add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 4900)
    payment = pay(invoice, at, automatic=True)
    assert (payment.status, payment.decline_code, payment.receipt_number) == ("declined", "card_declined", None)
    reloaded(invoice)
    assert (invoice.status, invoice.collect_at, invoice.amount_paid) == ("open", at + 3 * DAY, 0)
    assert due_to_collect(at + 3 * DAY - MINUTE) == []
    assert [due.id for due in due_to_collect(at + 3 * DAY)] == [invoice.pk]
    assert unsettled(customer.pk).has_past_due(at.date())
    notice = Notice.objects.get(template="payment_failed")
    assert "declined the card" in written(notice.context)["reason"]


def test_after_a_decline_another_card_pays(seller, customer, alice, at):
    add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 4900)
    pay(invoice, at, automatic=True)
    second = pay(invoice, at, payment_method=add_card(customer, alice, at), attempt=2)
    assert (second.key, second.status) == (f"invoice:{invoice.pk}:payment:2", "succeeded")
    assert reloaded(invoice).status == InvoiceStatus.PAID
    assert not unsettled(customer.pk).has_past_due(at.date())


# --- unknown --------------------------------------------------------------------------------------------------------
def test_a_lost_answer_is_retrieved_and_never_paid_again(seller, customer, alice, at):
    add_card(customer, alice, at, LOSES_ANSWER)
    invoice = open_invoice(customer, 4900)
    payment = pay(invoice, at, automatic=True)
    assert (payment.status, payment.check_at) == ("unknown", at + MINUTE)
    assert reloaded(invoice).status == InvoiceStatus.OPEN
    assert pay(invoice, at, attempt=2) == payment  # no second attempt meanwhile

    assert reconcile_payments(at=at + MINUTE) == 1
    assert (reloaded(payment).status, reloaded(invoice).status) == ("succeeded", "paid")
    assert charges() == [(payment.key, "succeeded")]
    assert reconcile_payments(at=at + timedelta(days=9)) == 0


def test_a_time_out_before_the_charge_is_cancelled_never_confirmed_again(seller, customer, alice, at):
    add_card(customer, alice, at, TIMES_OUT)
    invoice = open_invoice(customer, 4900)
    payment = pay(invoice, at)
    assert payment.status == PaymentStatus.UNKNOWN
    reconcile_payments(at=at + MINUTE)
    assert (reloaded(payment).status, reloaded(invoice).status) == ("canceled", "open")
    assert charges() == [(payment.key, "canceled")]
    second = pay(invoice, at + 2 * MINUTE, payment_method=add_card(customer, alice, at), attempt=2)
    assert second.status == PaymentStatus.SUCCEEDED


def test_a_process_killed_before_the_gateway_heard_leaves_nothing_charged(invoice, at):
    """Committed, then killed: no intent was made under its key, so it is given up and the run tries anew."""
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    reconcile_payments(at=at + MINUTE)
    assert reloaded(payment).status == PaymentStatus.CANCELED
    assert charges() == []
    again = at + MINUTE
    assert [due.id for due in due_to_collect(again)] == [invoice.pk]
    second = pay(invoice, again, automatic=True)
    assert (second.key, second.status) == (f"invoice:{invoice.pk}:payment:2", "succeeded")


def test_a_card_that_never_answers_is_tried_ever_less_often(seller, customer, alice, at):
    """Each try charged nothing for certain, so the next may come – but not with every tick for weeks."""
    add_card(customer, alice, at, TIMES_OUT)
    invoice, waits = open_invoice(customer, 4900), []
    for _ in range(11):
        pay(invoice, at, automatic=True)
        at += MINUTE
        reconcile_payments(at=at)
        waits.append(reloaded(invoice).collect_at - at)
        at += waits[-1]
    hour, day = timedelta(hours=1), timedelta(days=1)
    assert waits == [0 * MINUTE, MINUTE, 5 * MINUTE, hour, *[day] * 7]
    pay(invoice, at, automatic=True)
    reconcile_payments(at=at + MINUTE)
    assert reloaded(invoice).collect_at is None, "from now on reminders ask for it"
    assert {status for _key, status in charges()} == {"canceled"}


def test_an_amount_that_no_card_can_be_charged_is_declined_with_its_reason(customer, alice, seller, at, monkeypatch):
    """Stripe's dinars end in 0; 99.766 KWD is neither rounded nor tried for ever."""
    monkeypatch.setattr(SandboxGateway, "charges_every_digit", False)
    add_card(customer, alice, at)
    payment = pay(open_invoice(customer, 99_766, currency="KWD", at=at), at, automatic=True)

    assert (payment.status, payment.decline_code) == ("declined", "amount_not_chargeable")
    assert payment.invoice.collect_at is None
    assert "last digit" in written(Notice.objects.get(template="payment_failed").context)["reason"]
    assert charges() == []


def test_a_process_killed_before_it_confirmed_is_cancelled(invoice, at):
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    token = default_payment_methods([invoice.customer_id])[invoice.customer_id].token
    intent = SandboxGateway().create_intent(key=payment.key, amount=4900, currency="USD", token=token)
    reconcile_payments(at=at + MINUTE)
    assert charges() == [(payment.key, "canceled")]
    assert reloaded(payment).status == PaymentStatus.CANCELED
    assert submit_payment(payment_id=payment.pk, at=at + MINUTE).status == PaymentStatus.CANCELED
    assert SandboxGateway().retrieve_intent(intent).status == "canceled"


def test_a_process_killed_after_it_confirmed_is_found_paid(invoice, at, monkeypatch):
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    monkeypatch.setattr("invoices.services.submit_payment.record_payment", lambda **values: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        submit_payment(payment_id=payment.pk, at=at)
    assert reloaded(payment).status == PaymentStatus.PENDING
    assert reconcile_payments(at=at + MINUTE) == 1
    assert reloaded(payment).status == PaymentStatus.SUCCEEDED
    assert charges() == [(payment.key, "succeeded")]


def test_a_payment_given_up_while_its_intent_is_made_is_never_confirmed(invoice, at, monkeypatch):
    """The slow submitter comes back to find that the reconciler was faster."""
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    create = SandboxGateway.create_intent

    def slow_create(gateway, **values):
        reconcile_payments(at=at + MINUTE)
        return create(gateway, **values)

    monkeypatch.setattr(SandboxGateway, "create_intent", slow_create)
    assert submit_payment(payment_id=payment.pk, at=at).status == PaymentStatus.CANCELED
    assert charges() == [(payment.key, "unconfirmed")]


def test_an_answer_about_another_intent_is_not_recorded(invoice, at):
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    Payment.objects.filter(pk=payment.pk).update(gateway_id="sbi_confirmed_meanwhile")
    record_payment(payment_id=payment.pk, outcome=Outcome("canceled"), at=at, gateway_id="")
    assert reloaded(payment).status == PaymentStatus.PENDING


@pytest.mark.parametrize("error", [GatewayUnavailableError, GatewayTimeoutError])
def test_a_gateway_that_is_down_keeps_the_payment_pending(invoice, at, monkeypatch, error):
    def down(*args, **values):
        raise error

    monkeypatch.setattr(SandboxGateway, "create_intent", down)
    payment = pay(invoice, at)
    assert (payment.status, payment.gateway_id, payment.check_at) == ("pending", "", at + MINUTE)
    monkeypatch.setattr(SandboxGateway, "find_intent", down)
    assert reconcile_payments(at=at + MINUTE) == 0
    assert (reloaded(payment).status, payment.check_at) == ("pending", at + 6 * MINUTE)


def test_it_asks_after_1_min_5_min_1_h_then_daily(at):
    asked = [next_check(checks, at) - at for checks in range(5)]
    assert asked == [MINUTE, 5 * MINUTE, timedelta(hours=1), timedelta(days=1), timedelta(days=1)]


def test_a_payment_that_needs_confirmation_allows_no_other_attempt(seller, customer, alice, at):
    add_card(customer, alice, at, CONFIRMS)
    invoice = open_invoice(customer, 4900)
    payment = pay(invoice, at, automatic=True)
    assert payment.status == PaymentStatus.NEEDS_CONFIRMATION
    assert pay(invoice, at, attempt=2) == payment
    assert reloaded(invoice).status == InvoiceStatus.OPEN
    assert due_to_collect(at + timedelta(days=1)) == []


def test_what_was_not_shown_is_not_charged(seller, customer, alice, at, log_in):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    client = log_in(alice)
    with travel_to(at):
        page = client.get(reverse("invoice", args=[invoice.public_id])).text
        form = dict(re.findall(r'type="hidden" name="(attempt|amount)" value="(\d+)"', page))
        issue_credit_note(invoice_id=invoice.pk, at=at, reason="Outage", wanted=Wanted(amount=1000))
        pay = reverse("invoice_pay", args=[invoice.public_id])
        for shown in (form, {"attempt": "1"}):
            answer = client.post(pay, shown)
            assert answer.status_code == 409
            assert "The figures have changed since they were shown. Nothing was done" in answer.text
        assert not invoice.payments.exists()
        again = dict(re.findall(r'type="hidden" name="(attempt|amount)" value="(\d+)"', answer.text))
        assert again == {"attempt": "1", "amount": "3900"}
        assert client.post(pay, again).status_code == 303
    assert invoice.payments.get().amount == 3900


@pytest.mark.parametrize(("card", "template"), [(DECLINES, "payment_failed"), (CONFIRMS, "payment_confirm")])
def test_who_can_act_hears_of_it_beside_an_accountant_who_cannot(seller, customer, alice, at, card, template):
    BillingProfile.objects.filter(customer=customer).update(recipients=["books@example.com"])
    add_card(customer, alice, at, card)
    pay(open_invoice(customer, 4900, at=at), at, automatic=True)
    assert Notice.objects.get(template=template).to == ["books@example.com", alice.email]
    assert Notice.objects.get(template="invoice_issued").to == ["books@example.com"]
