"""«Needs attention»: what the gateway said, and the actions that can't charge twice."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.gateways.base import GatewayTimeoutError, Outcome
from accounts.gateways.sandbox import SandboxGateway
from accounts.models import AuditEntry, Customer, PaymentPolicy
from accounts.tests.cards import CONFIRMS, DECLINES, LOSES_ANSWER, TIMES_OUT, VISA, add_card
from core import clock
from invoices import books
from invoices.attention import declined_payments, troubled_refunds, unresolved_payments
from invoices.exceptions import (
    InvoiceMovedError,
    ManagedByContractError,
    NotRetryableError,
    PaymentMethodMissingError,
    TooEarlyToAskError,
)
from invoices.models import Payment, Refund
from invoices.services.ask_payment import ask_payment
from invoices.services.ask_refund import ask_refund
from invoices.services.collect_payment import collect_payment
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.retry_payment import retry_payment
from invoices.services.submit_payment import submit_payment
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import charges, open_invoice, refunds_made
from invoices.tests.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=2)
REASON = "The customer called"


@pytest.fixture(autouse=True)
def _later(db):
    with clock.travel_to(LATER):
        yield
    assert list(books.check()) == []  # whatever was pressed, the books hold


@pytest.fixture
def tried(seller, customer, alice):
    """An invoice of 49.00 whose card was tried, once or more."""

    def tried(card, times=1):
        add_card(customer, alice, AT, card, make_default=True)
        invoice = open_invoice(customer, 4900, at=AT)
        for attempt in range(1, times + 1):
            payment = collect_payment(invoice_id=invoice.pk, at=AT, automatic=False, attempt=attempt)
            payment = submit_payment(payment_id=payment.pk, at=AT)
        return payment

    return tried


def ask(payment, actor, at=LATER):
    return ask_payment(payment_id=payment.pk, reason=REASON, at=at, actor=actor)


def retry(payment, actor, attempt=2, seen=4900):
    return retry_payment(
        invoice_id=payment.invoice_id, attempt=attempt, seen=seen, reason=REASON, at=LATER, actor=actor
    )


# --- ask the gateway now ----------------------------------------------------------------------------------------------
def test_a_lost_answer_is_retrieved_and_nothing_is_charged_again(tried, clerk):
    payment = tried(LOSES_ANSWER)
    assert payment.status == "unknown"
    assert ask(payment, clerk).status == "succeeded"
    assert ask(payment, clerk).status == "succeeded"
    assert charges() == [(payment.key, "succeeded")]
    entry = AuditEntry.objects.get(action="ask_payment")
    assert (entry.actor, entry.reason, entry.before) == (clerk, REASON, {"status": "unknown", "checks": 0})
    assert AuditEntry.objects.get(action="record_payment").actor == clerk


def test_what_was_never_charged_is_given_up_and_the_invoice_can_be_paid_anew(tried, clerk, customer, alice):
    payment = tried(TIMES_OUT)
    assert ask(payment, clerk).status == "canceled"
    assert charges() == [(payment.key, "canceled")]


def test_a_question_nobody_answers_changes_nothing(tried, clerk, monkeypatch):
    payment = tried(LOSES_ANSWER)

    def silent(*_args):
        raise GatewayTimeoutError("nobody there")

    monkeypatch.setattr(SandboxGateway, "retrieve_intent", silent)
    asked = ask(payment, clerk)
    assert (asked.status, asked.check_at, asked.checks) == ("unknown", payment.check_at, 0)


def test_a_person_does_not_use_up_the_time_of_the_banks_confirmation(tried, clerk, monkeypatch):
    payment = tried(CONFIRMS)
    for _ in range(5):
        assert ask(payment, clerk).status == "needs_confirmation"
    monkeypatch.setattr(SandboxGateway, "retrieve_intent", lambda _gateway, _id: Outcome("succeeded"))
    assert ask(payment, clerk).status == "succeeded"


def test_it_does_not_ask_while_the_charge_may_be_under_way(tried, clerk):
    payment = tried(TIMES_OUT)
    with pytest.raises(TooEarlyToAskError):
        ask(payment, clerk, AT + timedelta(seconds=30))
    assert charges() == [(payment.key, "unconfirmed")]


def test_a_person_and_the_worker_who_ask_at_once_agree(tried, clerk):
    payment = tried(LOSES_ANSWER)
    results = at_once(lambda: ask(payment, clerk), lambda: reconcile_payments(at=LATER), lambda: ask(payment, clerk))
    assert not [result for result in results if isinstance(result, Exception)]
    assert AuditEntry.objects.filter(action="record_payment").count() == 1
    assert charges() == [(payment.key, "succeeded")]


# --- try the card again -----------------------------------------------------------------------------------------------
def test_a_declined_card_is_tried_once_however_often_it_is_pressed(tried, clerk, customer, alice):
    declined = tried(DECLINES)
    add_card(customer, alice, AT, VISA, make_default=True)
    made = retry(declined, clerk)
    assert retry(declined, clerk) == made
    submit_payment(payment_id=made.pk, at=LATER)
    assert retry(declined, clerk) == made
    assert charges() == [(declined.key, "declined"), (made.key, "succeeded")]
    entry = AuditEntry.objects.get(action="collect_payment", reason=REASON)
    assert (entry.actor, entry.after["amount"]) == (clerk, 4900)


def test_two_people_who_try_at_once_make_one_attempt(tried, clerk):
    declined = tried(DECLINES)
    results = at_once(lambda: retry(declined, clerk), lambda: retry(declined, clerk))
    assert len({payment.pk for payment in results}) == 1
    assert Payment.objects.count() == 2


@pytest.mark.parametrize("card", [LOSES_ANSWER, TIMES_OUT, CONFIRMS])
def test_nothing_is_tried_while_an_attempt_has_no_outcome(tried, clerk, card):
    payment = tried(card)
    with pytest.raises(NotRetryableError):
        retry(payment, clerk)
    assert Payment.objects.count() == 1


def test_what_was_not_declined_is_not_tried_again(tried, clerk):
    paid = tried(VISA)
    with pytest.raises(NotRetryableError):
        retry(paid, clerk)


def test_an_attempt_that_nobody_was_shown_is_not_made(tried, clerk):
    with pytest.raises(NotRetryableError):
        retry(tried(DECLINES), clerk, attempt=3)


def test_an_invoice_that_is_void_is_not_collected(tried, clerk):
    declined = tried(DECLINES)
    void_invoice(invoice_id=declined.invoice_id, at=LATER, actor=clerk, reason="By mistake")
    with pytest.raises(NotRetryableError):
        retry(declined, clerk)


def test_another_amount_than_was_shown_is_not_charged(tried, clerk):
    with pytest.raises(InvoiceMovedError):
        retry(tried(DECLINES), clerk, seen=4800)


def test_customers_under_a_contract_are_not_charged_by_hand(tried, clerk, customer):
    declined = tried(DECLINES)
    Customer.objects.update(payment_policy=PaymentPolicy.MANAGED_BY_CONTRACT)
    with pytest.raises(ManagedByContractError):
        retry(declined, clerk)


def test_without_a_card_there_is_nothing_to_try(tried, clerk, customer):
    declined = tried(DECLINES)
    customer.payment_methods.update(is_default=False)
    with pytest.raises(PaymentMethodMissingError):
        retry(declined, clerk)


# --- refunds ----------------------------------------------------------------------------------------------------------
def refunded(tried, customer, card):
    """900 of a paid invoice on their way back."""
    tried(card)
    reconcile_payments(at=LATER)
    open_invoice(customer, -900, at=LATER)
    return Refund.objects.get()


def test_a_refund_whose_answer_was_lost_goes_back_once(tried, customer, clerk):
    refund = refunded(tried, customer, LOSES_ANSWER)
    reconcile_refunds(at=LATER)
    refund.refresh_from_db()
    assert refund.status == "unknown"
    for _ in range(2):
        asked = ask_refund(refund_id=refund.pk, reason=REASON, at=LATER, actor=clerk)
    assert asked.status == "succeeded"
    assert refunds_made() == [(refund.key, 900)]
    assert AuditEntry.objects.get(action="ask_refund").reason == REASON


def test_a_refund_that_a_person_and_the_worker_make_at_once_is_made_once(tried, customer, clerk):
    refund = refunded(tried, customer, VISA)
    at_once(
        lambda: ask_refund(refund_id=refund.pk, reason=REASON, at=LATER, actor=clerk),
        lambda: reconcile_refunds(at=LATER),
    )
    assert len(refunds_made()) == 1
    assert Refund.objects.get().status == "succeeded"


# --- the lists --------------------------------------------------------------------------------------------------------
def test_it_lists_what_has_no_outcome_until_it_has(tried, clerk):
    payment = tried(LOSES_ANSWER)
    assert unresolved_payments(LATER, 10) == [payment]
    ask(payment, clerk)
    assert unresolved_payments(LATER, 10) == []


def test_it_lists_what_is_pending_for_longer_than_it_should(seller, customer, alice):
    add_card(customer, alice, AT)
    payment = collect_payment(invoice_id=open_invoice(customer, 4900, at=AT).pk, at=AT, automatic=True)
    assert unresolved_payments(LATER, 10) == []
    assert unresolved_payments(AT + timedelta(minutes=11), 10) == [payment]


def test_it_lists_the_last_decline_of_what_is_still_open(tried, clerk):
    declined = tried(DECLINES, times=2)
    assert declined_payments(10) == [declined]
    void_invoice(invoice_id=declined.invoice_id, at=LATER, actor=clerk, reason="By mistake")
    assert declined_payments(10) == []


def test_it_lists_a_refund_that_failed_while_something_is_left(tried, customer, monkeypatch):
    refund = refunded(tried, customer, VISA)
    monkeypatch.setattr(SandboxGateway, "refund", lambda *_args, **_values: Outcome("declined", "expired_card"))
    reconcile_refunds(at=LATER)
    assert troubled_refunds(LATER, 10) == [refund]
    open_invoice(customer, 5000, at=LATER)  # takes the rest of the credit note
    assert troubled_refunds(LATER, 10) == []


# --- pages ------------------------------------------------------------------------------------------------------------
def url(payment, name="attention_payment"):
    return reverse(f"admin:{name}", args=[payment.public_id])


def test_the_list_says_what_the_gateway_said(as_clerk, tried, customer, django_assert_max_num_queries):
    unknown, declined = tried(LOSES_ANSWER), tried(DECLINES)
    with django_assert_max_num_queries(12):
        page = as_clerk.get(reverse("admin:attention")).text
    assert url(unknown) in page
    assert url(declined) in page
    assert "The bank declined the card. Use another card or ask the bank. (card_declined)" in page
    assert "Not yet" in page


def test_the_list_says_so_where_there_is_nothing(as_clerk):
    page = as_clerk.get(reverse("admin:attention")).text
    for text in ("Every payment has its outcome.", "No open invoice had its card declined.", "No refund has failed"):
        assert text in page


def test_it_asks_from_the_page(as_clerk, tried, django_assert_max_num_queries):
    payment = tried(LOSES_ANSWER)
    with django_assert_max_num_queries(12):
        page = as_clerk.get(url(payment)).text
    assert "Ask the gateway now" in page
    assert "Try the card again" not in page
    answer = as_clerk.post(url(payment, "attention_ask"), {"reason": REASON})
    assert (answer.status_code, answer.headers["Location"]) == (303, url(payment))
    assert "The gateway was asked. Succeeded" in as_clerk.get(url(payment)).text


def test_it_tries_again_from_the_page(as_clerk, tried, customer, alice):
    declined = tried(DECLINES)
    add_card(customer, alice, AT, VISA, make_default=True)
    page = as_clerk.get(url(declined)).text
    values = {name: re.search(rf'name="{name}" value="(\d+)"', page)[1] for name in ("retry-attempt", "retry-seen")}
    assert values == {"retry-attempt": "2", "retry-seen": "4900"}
    answers = [as_clerk.post(url(declined, "attention_retry"), {**values, "retry-reason": REASON}) for _ in "ab"]
    made = Payment.objects.latest("pk")
    assert {answer.headers["Location"] for answer in answers} == {url(made)}
    assert charges() == [(declined.key, "declined"), (made.key, "succeeded")]


def test_it_shows_the_new_amount_where_it_moved(as_clerk, tried):
    declined = tried(DECLINES)
    values = {"retry-attempt": "2", "retry-seen": "4800", "retry-reason": REASON}
    answer = as_clerk.post(url(declined, "attention_retry"), values)
    assert answer.status_code == 409
    assert "The figures have changed since they were shown." in answer.text
    assert 'name="retry-seen" value="4900"' in answer.text
    assert Payment.objects.count() == 1


def test_it_says_why_a_card_cannot_be_tried(as_clerk, tried, customer):
    declined = tried(DECLINES)
    Customer.objects.update(payment_policy=PaymentPolicy.MANAGED_BY_CONTRACT)
    assert "This customer pays by contract" in as_clerk.get(url(declined)).text
    answer = as_clerk.post(
        url(declined, "attention_retry"), {"retry-attempt": "2", "retry-seen": "4900", "retry-reason": REASON}
    )
    assert answer.status_code == 403
    assert Payment.objects.count() == 1


@pytest.mark.parametrize(("action", "field"), [("ask", "reason"), ("retry", "retry-reason")])
def test_it_wants_a_reason(as_clerk, tried, action, field):
    payment = tried(LOSES_ANSWER if action == "ask" else DECLINES)
    answer = as_clerk.post(url(payment, f"attention_{action}"), {field: "", "retry-attempt": "2", "retry-seen": "4900"})
    assert answer.status_code == 422
    assert "Reason – This field is required." in answer.text
    assert not AuditEntry.objects.filter(actor__email="clerk@example.com").exists()


def test_it_asks_about_a_refund_from_its_page(as_clerk, tried, customer, django_assert_max_num_queries):
    refund = refunded(tried, customer, VISA)
    page = reverse("admin:attention_refund", args=[refund.public_id])
    with django_assert_max_num_queries(12):
        assert "Ask the gateway now" in as_clerk.get(page).text
    ask_url = reverse("admin:attention_refund_ask", args=[refund.public_id])
    assert as_clerk.post(ask_url, {}).status_code == 422
    assert as_clerk.post(ask_url, {"reason": REASON}).headers["Location"] == page
    assert "The gateway was asked. Succeeded" in as_clerk.get(page).text


@pytest.mark.parametrize(
    ("person", "shows", "acts"),
    [
        ("auditor", 200, 403),
        ("supporter", 200, 403),
        ("cataloger", 403, 403),
        ("trainee", 403, 403),
        ("alice", 302, 302),
    ],
)
def test_who_may_see_and_who_may_act(tried, request, log_in, person, shows, acts):
    payment = tried(DECLINES)
    client = log_in(request.getfixturevalue(person))
    assert client.get(reverse("admin:attention")).status_code == shows
    page = client.get(url(payment))
    assert page.status_code == shows
    assert "Try the card again" not in page.text
    for action in ("attention_ask", "attention_retry"):
        assert client.post(url(payment, action), {"reason": REASON}).status_code == acts


def test_it_knows_no_payment_that_is_not_there(as_clerk):
    for name in ("attention_payment", "attention_refund"):
        assert as_clerk.get(reverse(f"admin:{name}", args=["pay_nothing"])).status_code == 404
