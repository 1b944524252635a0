"""Events and the processes that handle them: killed anywhere, replayed, and disputes, which are only noted."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from accounts.gateways.sandbox import SandboxGateway
from accounts.models import AuditEntry
from accounts.tests.cards import CONFIRMS, LOSES_ANSWER, VISA, add_card
from core.clock import travel_to
from invoices.models import Dispute, GatewayEvent, Payment
from invoices.services.handle_events import handle_events
from invoices.services.receive_event import receive_event
from invoices.services.replay_event import replay_event
from invoices.tests.cast import open_invoice
from invoices.tests.late import about_payment, event, kept, to_sandbox, tried

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


# --- killed -----------------------------------------------------------------------------------------------------------
class Killed(BaseException):
    """As a SIGKILL: nothing that handles errors sees it."""


def killed(*args, **values):
    raise Killed


@pytest.mark.parametrize(
    "where",
    [
        "invoices.handling.get_gateway",  # claimed, nothing asked
        "invoices.handling.record_payment",  # asked, nothing recorded
        "invoices.services.record_payment.next_numbers",  # in the middle of recording
        "invoices.handling._end",  # recorded, the event not ended: one transaction
    ],
)
def test_a_worker_killed_anywhere_leaves_it_to_the_next(invoice, at, where, monkeypatch):
    payment = tried(invoice, at, LOSES_ANSWER)
    row = about_payment(payment, at)
    with monkeypatch.context() as dying:
        dying.setattr(where, killed)
        with pytest.raises(Killed):
            handle_events(at=at)
    assert (reloaded(row).status, reloaded(payment).status) == ("waiting", "unknown")
    assert handle_events(at=at) == 0  # its lease runs
    assert handle_events(at=at + MINUTE) == 1
    assert (reloaded(payment).status, reloaded(row).status) == ("succeeded", "done")
    assert AuditEntry.objects.filter(action="record_payment", after__status="succeeded").count() == 1


def test_a_web_process_killed_before_it_was_kept_gets_it_again(invoice, processor, at, monkeypatch):
    payment = tried(invoice, at, LOSES_ANSWER)
    with monkeypatch.context() as dying:
        dying.setattr("invoices.views_webhooks.receive_event", killed)
        with pytest.raises(Killed):
            processor.send_webhooks(to_sandbox)
    assert kept() == []
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    assert reloaded(payment).status == "succeeded"


def test_a_web_process_killed_after_it_was_kept_answers_the_repeat(invoice, processor, at, monkeypatch):
    payment = tried(invoice, at, LOSES_ANSWER)
    with monkeypatch.context() as dying:
        dying.setattr("invoices.views_webhooks.nudge", killed)
        with pytest.raises(Killed):
            processor.send_webhooks(to_sandbox)
    assert len(kept()) == 1
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    assert (reloaded(payment).status, kept().count("payment_intent.succeeded")) == ("succeeded", 1)


# --- disputes ---------------------------------------------------------------------------------------------------------
def test_a_dispute_is_noted_and_moves_no_money(invoice, processor, at):
    payment = tried(invoice, at, VISA)
    dispute_id = processor.open_dispute(payment.gateway_id)
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    noted = Dispute.objects.get()
    assert (noted.gateway_id, noted.payment, noted.amount, noted.currency) == (dispute_id, payment, 4900, "USD")
    assert (noted.closed_at, noted.reason) == (None, "fraudulent")
    assert (reloaded(payment).status, reloaded(invoice).amount_paid) == ("succeeded", 4900)
    assert AuditEntry.objects.filter(action="note_dispute", subject=f"payment:{payment.pk}").count() == 1

    processor.close_dispute(dispute_id, won=False)
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    assert (reloaded(noted).status, noted.closed_at is not None) == ("lost", True)
    assert reloaded(invoice).status == "paid"


def test_an_older_word_about_a_dispute_changes_nothing(invoice, at):
    payment = tried(invoice, at, VISA)
    said = {"amount": 4900, "currency": "usd", "reason": "duplicate"}
    for number, (type_, status, when) in enumerate(
        [("closed", "lost", at + MINUTE), ("created", "needs_response", at), ("created", "under_review", at + MINUTE)]
    ):
        ids = {"event_id": f"evt_{number}", "object_id": "dp_1", "created_at": when, "data": {**said, "status": status}}
        about_payment(payment, at, f"charge.dispute.{type_}", **ids)
        handle_events(at=at)
    noted = Dispute.objects.get()
    assert (noted.status, noted.as_of, noted.closed_at) == ("lost", at + MINUTE, at + MINUTE)
    assert AuditEntry.objects.filter(action="note_dispute").count() == 1


# --- kept as they came ------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"payload": {"a": 1}}, {"type": "x"}, {"intent_id": "pi_2"}, {"event_id": "evt_2"}])
def test_what_an_event_said_never_changes(at, change):
    row = receive_event(gateway="sandbox", event=event(created_at=at), at=at)
    with pytest.raises(DatabaseError), transaction.atomic():
        GatewayEvent.objects.filter(pk=row.pk).update(**change)


# --- replayed ---------------------------------------------------------------------------------------------------------
def test_a_replay_handles_it_once_more_and_nothing_happens_twice(invoice, clerk, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    row = about_payment(payment, at)
    handle_events(at=at)
    later = at + timedelta(days=1)
    replayed = replay_event(event_id=row.pk, reason="To be sure", at=later, actor=clerk)
    assert (replayed.status, replayed.tries, replayed.retry_at) == ("waiting", 0, later)
    assert replay_event(event_id=row.pk, reason="Twice", at=later, actor=clerk).status == "waiting"
    assert handle_events(at=later) == 1
    assert (reloaded(row).status, row.effect) == ("done", "Known before: succeeded.")
    entry = AuditEntry.objects.get(action="replay_event")
    assert (entry.reason, entry.actor, entry.subject) == ("To be sure", clerk, f"gateway_event:{row.pk}")
    assert Payment.objects.filter(status="succeeded").count() == 1


def test_one_that_waits_for_its_next_try_is_brought_forward(invoice, clerk, at, monkeypatch):
    row = about_payment(tried(invoice, at, CONFIRMS), at)
    with monkeypatch.context() as away:
        away.setattr(SandboxGateway, "retrieve_intent", lambda *_: 1 / 0)
        handle_events(at=at)
    assert reloaded(row).retry_at == at + MINUTE
    assert replay_event(event_id=row.pk, reason="Mended", at=at, actor=clerk).retry_at == at
    assert handle_events(at=at) == 1
