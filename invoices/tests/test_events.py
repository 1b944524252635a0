"""Events of a processor: kept once, in any order, handled once, by retrieving."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from accounts.gateways.base import GatewayTimeoutError
from accounts.gateways.sandbox import SandboxGateway
from accounts.models import AuditEntry, PaymentMethod
from accounts.tests.cards import LOSES_ANSWER, MASTERCARD, VISA, add_card, visit
from core.clock import travel_to
from invoices.events import KNOWN, MOST_TRIES, about, retry_after, without_secrets
from invoices.handling import HANDLERS
from invoices.models import GatewayEvent, Refund
from invoices.services.collect_payment import collect_payment
from invoices.services.handle_events import handle_events
from invoices.services.receive_event import receive_event
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import open_invoice
from invoices.tests.late import about_payment, event, kept, post_to, to_sandbox, tried, waiting

MINUTE = timedelta(minutes=1)


@pytest.fixture
def invoice(seller, customer, alice, at):
    add_card(customer, alice, at)
    return open_invoice(customer, 4900, at=at)


@pytest.fixture(autouse=True)
def _then(at):
    """Events are received at the present of the story."""
    with travel_to(at):
        yield


def reloaded(row):
    row.refresh_from_db()
    return row


# --- received ---------------------------------------------------------------------------------------------------------
def test_it_is_kept_and_answered_before_it_is_handled(invoice, processor, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    assert payment.status == "unknown"
    assert processor.send_webhooks(to_sandbox) == len(kept())
    [row] = GatewayEvent.objects.filter(type="payment_intent.succeeded")
    assert (row.status, row.intent_id, row.key, row.tries) == ("waiting", payment.gateway_id, payment.key, 0)
    assert reloaded(payment).status == "unknown"


def test_a_repeat_is_answered_as_the_first_and_changes_nothing(invoice, processor, at):
    tried(invoice, at, LOSES_ANSWER)
    sent = []
    processor.send_webhooks(lambda *message: sent.append(message) or 200)
    for message in sent * 3:
        assert to_sandbox(*message) == 200
    assert len(kept()) == len(sent)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda payload, signature: (payload + b" ", signature), 400),
        (lambda payload, signature: (payload, signature.replace("v1=", "v1=0")), 400),
        (lambda payload, signature: (payload, ""), 400),
        (lambda payload, signature: (b"{}", signature), 400),
        (lambda payload, signature: (b"x" * (256 * 1024 + 1), signature), 413),
    ],
)
def test_what_the_processor_did_not_sign_is_refused(invoice, processor, at, change, status):
    tried(invoice, at, VISA)
    sent = []
    processor.send_webhooks(lambda *message: sent.append(message) or 200)
    assert to_sandbox(*change(*sent[0])) == status
    assert kept() == []


def test_an_old_message_is_refused(invoice, processor, at, monkeypatch):
    tried(invoice, at, VISA)
    sent = []
    processor.send_webhooks(lambda *message: sent.append(message) or 200)
    monkeypatch.setattr("accounts.gateways.stripe.SIGNATURE_LIFE", -1)
    assert to_sandbox(*sent[0]) == 400


def test_a_processor_without_a_secret_is_believed_nothing(invoice, processor, at, settings):
    settings.SANDBOX_WEBHOOK_SECRET = ""
    tried(invoice, at, VISA)
    processor.webhook_secret = ""
    try:
        assert processor.send_webhooks(to_sandbox) == 0
    finally:
        processor.webhook_secret = "whsec_sandbox"
    assert kept() == []


def test_unknown_processors_are_not_there(db):
    assert post_to("paypal", b"{}", "") == 404


def test_one_cannot_look_at_it(client, db):
    assert client.get("/webhooks/sandbox/").status_code == 405


def test_it_is_asked_to_come_again_while_the_database_is_away(invoice, processor, at, monkeypatch):
    tried(invoice, at, VISA)
    sent = []
    processor.send_webhooks(lambda *message: sent.append(message) or 200)

    def away(**values):
        raise OperationalError

    with monkeypatch.context() as gone:
        gone.setattr("invoices.views_webhooks.receive_event", away)
        assert to_sandbox(*sent[0]) == 503
    assert to_sandbox(*sent[0]) == 200


def test_nobodys_session_is_touched(invoice, processor, at, django_assert_num_queries):
    tried(invoice, at, VISA)
    sent = []
    processor.send_webhooks(lambda *message: sent.append(message) or 200)
    to_sandbox(*sent[0])
    with django_assert_num_queries(3):  # savepoint, the row that is there, release
        to_sandbox(*sent[0])


def test_no_secret_of_it_is_kept():
    said = {"id": "pi_1", "client_secret": "pi_1_secret", "charges": [{"card": {"number": "4242", "last4": "4242"}}]}
    assert without_secrets(said) == {"id": "pi_1", "charges": [{"card": {"last4": "4242"}}]}


@pytest.mark.django_db
def test_a_type_that_means_nothing_here_is_kept_as_ignored(at):
    row = receive_event(gateway="stripe", event=event("customer.updated", created_at=at), at=at)
    assert (row.status, row.handled_at) == ("ignored", at)
    assert handle_events(at=at) == 0


def test_every_type_that_is_known_says_what_it_is_about():
    assert {about(each) for each in KNOWN} == {"payment", "refund", "setup", "dispute"}
    assert about("customer.created") is None


# --- handled ----------------------------------------------------------------------------------------------------------
def test_a_lost_answer_is_known_by_the_event(invoice, processor, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    processor.send_webhooks(to_sandbox)
    assert handle_events(at=at) > 0
    assert (reloaded(payment).status, reloaded(invoice).status) == ("succeeded", "paid")
    row = GatewayEvent.objects.get(type="payment_intent.succeeded")
    assert (row.status, row.subject, row.effect) == ("done", f"payment:{payment.pk}", "Now succeeded.")
    assert handle_events(at=at + timedelta(days=9)) == 0


def test_an_event_is_only_a_nudge(invoice, processor, at):
    """It says succeeded; the processor, asked, says declined: that is what counts."""
    payment = tried(invoice, at)
    about_payment(payment, at, data={"status": "succeeded"})
    handle_events(at=at)
    assert (reloaded(payment).status, reloaded(invoice).status) == ("declined", "open")


def test_a_confirmation_at_the_bank_is_known_by_the_event(invoice, processor, as_alice_of, at):
    payment = waiting(invoice, at)
    as_alice_of(payment)
    processor.decide_at_bank(payment.gateway_id)
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    assert reloaded(payment).status == "succeeded"


@pytest.fixture
def as_alice_of(alice, log_in):
    """Opens the bank's page of a payment."""

    def open_page(payment):
        path = f"/settings/billing/invoices/{payment.invoice.public_id}/payments/{payment.public_id}/confirm/"
        assert log_in(alice).post(path).status_code == 303

    return open_page


def test_events_in_any_order_come_to_the_same(invoice, processor, at, as_alice_of):
    payment = waiting(invoice, at)
    as_alice_of(payment)
    processor.decide_at_bank(payment.gateway_id)
    sent = []
    processor.send_webhooks(lambda *message: sent.append(message) or 200)
    for message in reversed(sent):
        to_sandbox(*message)
        handle_events(at=at)
    assert reloaded(payment).status == "succeeded"
    assert AuditEntry.objects.filter(action="record_payment", after__status="succeeded").count() == 1
    assert set(GatewayEvent.objects.values_list("status", flat=True)) <= {"done", "ignored"}


def test_an_event_about_an_intent_that_is_not_confirmed_yet_cancels_nothing(invoice, processor, at):
    """The submitter is at work: the event comes between its two requests."""
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    create = SandboxGateway.create_intent

    def create_then_event(gateway, **values):
        intent = create(gateway, **values)
        ids = {"object_id": intent, "intent_id": intent, "key": payment.key, "created_at": at}
        receive_event(gateway="sandbox", event=event("payment_intent.processing", **ids), at=at)
        handle_events(at=at)
        return intent

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SandboxGateway, "create_intent", create_then_event)
        assert submit_payment(payment_id=payment.pk, at=at).status == "succeeded"
    assert kept("done") == ["payment_intent.processing"]


def test_an_intent_that_nobody_here_knows_is_kept_as_not_ours(invoice, at):
    receive_event(gateway="sandbox", event=event(created_at=at, key="invoice:999:payment:1"), at=at)
    assert handle_events(at=at) == 1
    assert kept("foreign") == ["payment_intent.succeeded"]


def test_another_intent_under_a_key_of_ours_is_not_taken_for_ours(invoice, at):
    payment = tried(invoice, at, VISA)
    receive_event(gateway="sandbox", event=event(created_at=at, key=payment.key), at=at)
    handle_events(at=at)
    assert kept("foreign") == ["payment_intent.succeeded"]


def test_a_refund_that_is_settled_later_is_known_by_the_event(invoice, customer, processor, at):
    payment = tried(invoice, at, VISA)
    open_invoice(customer, -900, at=at)
    processor.plan_faults(rules=[{"operation": "refunds.create", "fault": "drop_after"}])
    reconcile_refunds(at=at)
    processor.plan_faults()
    refund = Refund.objects.get()
    assert refund.status == "unknown"
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    assert (reloaded(refund).status, processor.refunds()) == ("succeeded", [(refund.key, 900)])
    assert payment.pk == refund.payment_id


def test_a_refund_made_elsewhere_is_kept_as_not_ours(invoice, processor, at):
    payment = tried(invoice, at, VISA)
    about_payment(payment, at, "refund.created", object_id="re_1", key="")
    handle_events(at=at)
    assert kept("foreign") == ["refund.created"]


def test_a_card_whose_person_did_not_come_back_is_kept(customer, alice, processor, at):
    setup = visit(customer, alice, at)
    processor.enter_card(setup.gateway_id, MASTERCARD)
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    assert PaymentMethod.objects.get().customer == customer
    row = GatewayEvent.objects.get(type="checkout.session.completed")
    assert (row.status, row.effect) == ("done", "Mastercard ending 4444 is kept.")


def test_a_card_that_is_there_already_is_said_so(customer, alice, processor, at):
    add_card(customer, alice, at, MASTERCARD)
    setup = visit(customer, alice, at)
    processor.enter_card(setup.gateway_id, MASTERCARD)
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    assert PaymentMethod.objects.count() == 1
    effects = GatewayEvent.objects.filter(type="checkout.session.completed").values_list("effect", flat=True)
    assert any(effect.startswith("No card was kept:") for effect in effects)


# --- put off ----------------------------------------------------------------------------------------------------------
def test_it_is_tried_again_when_the_processor_is_away(invoice, processor, at, monkeypatch):
    payment = tried(invoice, at, LOSES_ANSWER)
    row = about_payment(payment, at)

    def down(gateway, intent_id):
        raise GatewayTimeoutError("nobody answers")

    with monkeypatch.context() as away:
        away.setattr(SandboxGateway, "retrieve_intent", down)
        assert handle_events(at=at) == 0
    assert (reloaded(row).status, row.tries, row.retry_at) == ("waiting", 1, at + MINUTE)
    assert row.last_error == "GatewayTimeoutError: nobody answers"
    assert handle_events(at=at) == 0
    assert handle_events(at=at + MINUTE) == 1
    assert (reloaded(row).status, row.last_error) == ("done", "")


def test_it_gives_up_after_three_days_and_says_so(at):
    waits = [retry_after(tries, at) for tries in range(1, MOST_TRIES + 1)]
    assert waits[:4] == [at + MINUTE, at + 5 * MINUTE, at + timedelta(hours=1), at + timedelta(hours=6)]
    assert waits[4:] == [at + timedelta(days=1)] * 2 + [None]


def test_what_can_never_be_handled_is_failed_for_people_to_see(invoice, at, monkeypatch):
    row = about_payment(tried(invoice, at, LOSES_ANSWER), at)
    monkeypatch.setattr(SandboxGateway, "retrieve_intent", lambda *_: 1 / 0)
    for day in range(MOST_TRIES):
        handle_events(at=at + timedelta(days=day))
    assert (reloaded(row).status, row.retry_at) == ("failed", None)
    assert row.last_error.startswith("ZeroDivisionError")


def test_one_that_fails_does_not_hold_up_the_next(invoice, at, monkeypatch):
    payment = tried(invoice, at, LOSES_ANSWER)
    about_payment(payment, at, "checkout.session.completed", event_id="evt_broken")
    about_payment(payment, at)
    monkeypatch.setitem(HANDLERS, "setup", lambda *_: 1 / 0)
    assert handle_events(at=at) == 1
    assert reloaded(payment).status == "succeeded"
