"""Charges that wait for the bank's confirmation: what the page says, who is told, how long it is waited."""

from datetime import timedelta

import pytest

from accounts.figures import written
from accounts.models import Notice
from accounts.tests.cards import add_card
from core.clock import travel_to
from invoices.models import Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.reconcile_payments import reconcile_payments
from invoices.tests.cast import open_invoice
from invoices.tests.late import tried, waiting

MINUTE = timedelta(minutes=1)
BANK = "Confirm with your bank"


@pytest.fixture
def invoice(seller, customer, alice, at):
    add_card(customer, alice, at)
    return open_invoice(customer, 4900)


@pytest.fixture
def as_alice(alice, customer, log_in):
    return log_in(alice)


def url_of(payment, more=""):
    return f"/settings/billing/invoices/{payment.invoice.public_id}/payments/{payment.public_id}/{more}"


def told():
    return list(Notice.objects.filter(template="payment_confirm").values_list("key", flat=True))


def at_the_bank(processor, payment, *, confirmed=True):
    return processor.decide_at_bank(payment.gateway_id, confirmed=confirmed)


def test_the_page_says_until_when_and_offers_the_bank(invoice, as_alice, at):
    payment = waiting(invoice, at)
    page = as_alice.get(url_of(payment)).content.decode()
    assert BANK in page
    assert "20 Oct 2026, 11:06 UTC" in page
    assert BANK in as_alice.get(f"/settings/billing/invoices/{invoice.public_id}/").content.decode()


def test_it_leads_to_the_bank_and_back_to_a_paid_invoice(invoice, processor, as_alice, at):
    payment = waiting(invoice, at)
    sent = as_alice.post(url_of(payment, "confirm/"))
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{processor.url}/bank/{payment.gateway_id}")
    assert at_the_bank(processor, payment) == "succeeded"
    with travel_to(at + MINUTE):
        back = as_alice.get(url_of(payment, "?returned=1"))
        assert (back.status_code, back.headers["Location"]) == (303, url_of(payment))
        page = as_alice.get(url_of(payment), follow=True).content.decode()
    assert "$49.00 paid with Visa ending 3063" in page
    assert processor.charges() == [(payment.key, "succeeded")]
    assert told() == []  # nobody had left


def test_a_person_who_refuses_at_the_bank_sees_it_declined(invoice, processor, as_alice, at):
    payment = waiting(invoice, at)
    as_alice.post(url_of(payment, "confirm/"))
    at_the_bank(processor, payment, confirmed=False)
    as_alice.get(url_of(payment, "?returned=1"))
    payment.refresh_from_db()
    assert payment.status == "declined"


def test_pressing_twice_leads_to_the_same_page_and_charges_once(invoice, processor, as_alice, at):
    payment = waiting(invoice, at)
    first, second = (as_alice.post(url_of(payment, "confirm/")).headers["Location"] for _ in range(2))
    assert first == second
    at_the_bank(processor, payment)
    assert as_alice.post(url_of(payment, "confirm/")).headers["Location"] == url_of(payment, "?returned=1")
    as_alice.get(url_of(payment, "?returned=1"))
    assert processor.charges() == [(payment.key, "succeeded")]


def test_a_processor_that_is_away_leaves_it_waiting(invoice, processor, as_alice, at):
    payment = waiting(invoice, at)
    processor.plan_faults(rules=[{"operation": "payment_intents.retrieve", "fault": "drop_before"}])
    refused = as_alice.post(url_of(payment, "confirm/"), follow=True)
    assert refused.redirect_chain == [(url_of(payment), 303)]
    assert [str(each) for each in refused.context["messages"]] == [
        "The card processor hasn't answered yet. We ask again until we know; nothing is charged twice."
    ]
    assert BANK in refused.text
    assert as_alice.get(url_of(payment, "?returned=1")).status_code == 303
    assert Payment.objects.get().status == "needs_confirmation"


def test_only_who_may_pay_confirms(invoice, log_in, bob, charlie, other_customer, at):
    payment = waiting(invoice, at)
    assert log_in(charlie).post(url_of(payment, "confirm/")).status_code == 404
    refused = log_in(bob).post(url_of(payment, "confirm/"))
    assert (refused.status_code, "Alice" in refused.content.decode()) == (403, True)
    page = log_in(bob).get(url_of(payment)).content.decode()
    assert url_of(payment, "confirm/") not in page
    assert "A billing admin can confirm it." in page


def test_one_cannot_confirm_by_a_link(invoice, as_alice, at):
    assert as_alice.get(url_of(waiting(invoice, at), "confirm/")).status_code == 405


def test_a_payment_with_an_outcome_leads_to_its_page(invoice, as_alice, at):
    payment = tried(invoice, at)
    assert as_alice.post(url_of(payment, "confirm/")).headers["Location"] == url_of(payment, "?returned=1")
    assert "declined" in as_alice.get(url_of(payment), follow=True).content.decode()


# --- who is told ------------------------------------------------------------------------------------------------------
def test_the_run_tells_at_once_and_only_once(invoice, at):
    payment = waiting(invoice, at, automatic=True)
    assert told() == [f"invoice:{invoice.pk}:confirm:{payment.pk}"]
    notice = Notice.objects.get(template="payment_confirm")
    assert written(notice.context)["status_url"].endswith(url_of(payment))
    assert written(notice.context)["until"] == "23 Oct 2026, 10:00 UTC"
    for later in (MINUTE, 6 * MINUTE, 66 * MINUTE):
        reconcile_payments(at=at + later)
    assert len(told()) == 1


def test_whoever_pressed_pay_is_told_when_they_have_left(invoice, at):
    payment = waiting(invoice, at)
    assert told() == []
    reconcile_payments(at=at + MINUTE)
    reconcile_payments(at=at + 6 * MINUTE)
    assert told() == [f"invoice:{invoice.pk}:confirm:{payment.pk}"]


# --- how long it is waited --------------------------------------------------------------------------------------------
def test_an_attempt_by_hand_is_given_up_after_an_hour(invoice, processor, at):
    payment = waiting(invoice, at)
    assert [reconcile_payments(at=at + each * MINUTE) for each in (1, 6, 66)] == [0, 0, 1]
    payment.refresh_from_db()
    assert (payment.status, processor.charges()) == ("canceled", [(payment.key, "canceled")])
    assert "wasn't confirmed in time" in written(Notice.objects.get(template="payment_failed").context)["reason"]


def test_a_collection_waits_for_three_days_and_then_counts_as_declined(invoice, processor, at):
    payment = waiting(invoice, at, automatic=True)
    moments = [at + each * MINUTE for each in (1, 6, 66)] + [at + 66 * MINUTE + timedelta(days=n) for n in (1, 2, 3)]
    assert [reconcile_payments(at=moment) for moment in moments] == [0, 0, 0, 0, 0, 1]
    payment.refresh_from_db()
    assert (payment.status, payment.decline_code) == ("declined", "not_confirmed")
    assert processor.charges() == [(payment.key, "canceled")]
    assert "wasn't confirmed in time" in written(Notice.objects.get(template="payment_failed").context)["reason"]


def test_a_confirmation_within_the_three_days_pays(invoice, processor, as_alice, at):
    payment = waiting(invoice, at, automatic=True)
    as_alice.post(url_of(payment, "confirm/"))
    at_the_bank(processor, payment)
    assert reconcile_payments(at=at + MINUTE) == 1
    invoice.refresh_from_db()
    assert invoice.status == "paid"


def test_another_attempt_is_not_possible_meanwhile(invoice, at):
    payment = waiting(invoice, at, automatic=True)
    assert collect_payment(invoice_id=invoice.pk, at=at + MINUTE, automatic=False, attempt=2) == payment
