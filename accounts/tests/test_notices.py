import smtplib
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.utils.html import escape

from accounts.models import Notice
from accounts.notices import NoticeDraft
from accounts.services.deliver_notices import deliver_notices
from accounts.services.queue_notices import queue_notices
from accounts.services.update_billing_profile import update_billing_profile
from accounts.tests.cards import add_card


def draft(key="membership:1:invited", **values):
    context = {
        "customer": "O'Hara & Sons",
        "by": "alice@example.com",
        "role": "member",
        "link": "http://testserver/",
        **values.pop("context", {}),
    }
    return NoticeDraft(
        **{
            "key": key,
            "customer_id": None,
            "template": "accounts_invitation",
            "to": ["bob@example.com"],
            "context": context,
            **values,
        }
    )


def test_it_queues_a_key_once(db, at):
    queue_notices([draft(), draft()], at=at)
    queue_notices([draft(to=["other@example.com"])], at=at + timedelta(hours=1))

    assert Notice.objects.get().to == ["bob@example.com"]


def test_it_queues_any_number_with_one_copy_between_savepoints(db, at, django_assert_num_queries):
    with django_assert_num_queries(3):
        queue_notices([draft(f"invoice:{number}:issued") for number in range(300)], at=at)

    assert Notice.objects.count() == 300


def test_many_of_which_one_was_queued_before_are_the_rest(db, at):
    queue_notices([draft("invoice:7:issued")], at=at)
    first = Notice.objects.get()

    queue_notices([draft(f"invoice:{number}:issued") for number in range(300)], at=at + timedelta(hours=1))

    assert Notice.objects.count() == 300
    assert Notice.objects.get(key="invoice:7:issued").created_at == first.created_at


def test_it_drops_a_message_to_nobody(db, at):
    queue_notices([draft(to=[])], at=at)

    assert not Notice.objects.exists()


def test_it_sends_a_message_once_under_a_stable_id(db, at):
    queue_notices([draft()], at=at)

    assert deliver_notices(at=at) == 1
    assert deliver_notices(at=at + timedelta(days=1)) == 0
    (message,) = mail.outbox
    assert message.subject == "You've been added to O'Hara & Sons on Meridian"
    assert message.to == ["bob@example.com"]
    assert message.extra_headers["Message-ID"].endswith("@127.0.0.1>")
    assert Notice.objects.get().sent_at == at


def test_it_writes_plain_text_without_html_escapes(db, at):
    queue_notices([draft()], at=at)
    deliver_notices(at=at)

    assert "O'Hara & Sons" in mail.outbox[0].body
    assert escape("O'Hara & Sons") not in mail.outbox[0].body


def test_it_keeps_a_subject_on_one_line(db, at):
    queue_notices([draft(context={"customer": "Wonder\r\nBcc: all@example.com"})], at=at)
    deliver_notices(at=at)

    assert "\n" not in mail.outbox[0].subject
    assert mail.outbox[0].recipients() == ["bob@example.com"]


@pytest.fixture
def broken_server(monkeypatch):
    """A mail server that refuses everything to bob."""
    send = EmailMessage.send

    def refuse(message, *args, **kwargs):
        if "bob@example.com" in message.to:
            raise smtplib.SMTPServerDisconnected("gone")
        return send(message, *args, **kwargs)

    monkeypatch.setattr(EmailMessage, "send", refuse)


def test_it_sends_the_others_when_one_fails_and_tries_that_one_later(db, at, broken_server):
    queue_notices([draft(), draft("other", to=["dora@example.com"])], at=at)

    assert deliver_notices(at=at) == 1
    failed = Notice.objects.get(sent_at=None)
    assert (failed.attempts, failed.last_error) == (1, "SMTPServerDisconnected: gone")
    assert failed.retry_at == at + timedelta(minutes=1)


def test_it_waits_longer_after_every_failure(db, at, broken_server):
    queue_notices([draft()], at=at)
    pauses, instant = [], at
    for _ in range(12):
        deliver_notices(at=instant)
        retry_at = Notice.objects.get().retry_at
        assert retry_at is not None
        pauses.append(retry_at - instant)
        assert deliver_notices(at=retry_at - timedelta(seconds=1)) == 0
        instant = retry_at

    assert pauses[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert pauses[-1] == timedelta(hours=12)
    assert Notice.objects.get().attempts == 12


def test_it_sends_after_the_server_is_back(db, at, monkeypatch):
    queue_notices([draft()], at=at)
    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", lambda *args: (_ for _ in ()).throw(OSError("refused")))
        deliver_notices(at=at)

    assert deliver_notices(at=at + timedelta(minutes=1)) == 1
    assert Notice.objects.get().last_error == ""


def test_it_is_not_stopped_by_a_message_without_a_template(db, at):
    queue_notices([draft("first", template="accounts_nothing"), draft("second")], at=at)

    assert deliver_notices(at=at) == 1
    assert "TemplateDoesNotExist" in Notice.objects.get(sent_at=None).last_error


@pytest.mark.django_db(transaction=True)
def test_it_sends_each_message_once_from_two_workers(at):
    queue_notices([draft(f"invoice:{number}:issued") for number in range(20)], at=at)
    ready, sent = threading.Barrier(2), []

    def work():
        ready.wait(10)
        sent.append(deliver_notices(at=at))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)

    assert sum(sent) == 20
    assert len(mail.outbox) == 20


def test_it_says_which_card_was_added_by_whom(customer, alice, at):
    add_card(customer, alice, at)
    deliver_notices(at=at)

    (message,) = mail.outbox
    assert message.subject == "Payment method added: Visa ending 4242"
    assert "Changed by: alice@example.com" in message.body
    assert "When: 20 Oct 2026, 10:00 UTC" in message.body
    assert "http://127.0.0.1:8000/settings/billing/portal/" in message.body


def test_it_says_what_was_and_what_is_now(customer, alice, at):
    update_billing_profile(
        customer_id=customer.pk, values={"legal_name": "Wonder Limited", "city": "Oxford"}, at=at, actor=alice
    )
    deliver_notices(at=at)

    assert "Legal name: Wonder Ltd → Wonder Limited" in mail.outbox[0].body
    assert "City: (empty) → Oxford" in mail.outbox[0].body
