import smtplib
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend as LocMemBackend
from django.db import connection
from django.utils.html import escape

from accounts.models import BillingProfile, Notice
from accounts.notices import WITH_PDF, Attach, Attachment, NoticeDraft
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


def test_it_is_not_stopped_by_a_message_whose_files_cannot_be_built(db, at, caplog):
    """Whatever goes wrong there: no error of a mail server, and none that anybody has foreseen."""
    queue_notices([draft("first", documents=["invoice:8"]), draft("second", documents=["invoice:7"])], at=at)
    broken = [ZeroDivisionError("no size")]

    def find(documents, _attach):
        if documents == ["invoice:8"] and broken:
            raise broken.pop()
        return [FILES["invoice:7"]]

    assert deliver_notices(at=at, find_files=find) == 1
    waiting = Notice.objects.get(sent_at=None)
    assert (waiting.key, waiting.attempts, waiting.last_error) == ("first", 1, "ZeroDivisionError: no size")
    assert waiting.retry_at == at + timedelta(minutes=1)
    [told] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert (told.getMessage(), told.exc_info[0]) == ("notice first could not be written", ZeroDivisionError)
    assert deliver_notices(at=at, find_files=find) == 0

    assert deliver_notices(at=waiting.retry_at, find_files=find) == 1
    assert Notice.objects.get(key="first").last_error == ""


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

    assert "Legal or company name: Wonder Ltd → Wonder Limited" in mail.outbox[0].body
    assert "City: (empty) → Oxford" in mail.outbox[0].body


# --- both bodies, and what goes with them ----------------------------------------------------------------------------


def test_it_sends_text_and_html(db, at):
    queue_notices([draft()], at=at)
    deliver_notices(at=at)

    (message,) = mail.outbox
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    assert "O&#x27;Hara &amp; Sons" in html
    assert message.message().get_content_type() == "multipart/alternative"


def test_it_leads_answers_to_billing_or_where_the_message_says(db, at):
    queue_notices([draft(), draft("other", context={"reply_to": "sales@example.com"})], at=at)
    deliver_notices(at=at)

    assert [message.reply_to for message in mail.outbox] == [["billing@example.com"], ["sales@example.com"]]
    assert "or write to sales@example.com." in mail.outbox[1].body


def test_it_says_that_a_program_has_written(db, at):
    queue_notices([draft()], at=at)
    deliver_notices(at=at)

    assert mail.outbox[0].extra_headers["Auto-Submitted"] == "auto-generated"


FILES = {"invoice:7": Attachment("INV-2026-000007.pdf", b"%PDF-1.7")}


def shelf(documents, _attach):
    """Where the documents are kept; it has one of them."""
    return [FILES[name] for name in documents] if set(documents) <= set(FILES) else None


def test_it_attaches_the_documents_that_a_message_names(db, at):
    queue_notices([draft(documents=["invoice:7"])], at=at)

    assert deliver_notices(at=at, find_files=shelf) == 1
    assert mail.outbox[0].attachments == [("INV-2026-000007.pdf", b"%PDF-1.7", "application/pdf")]


def test_it_waits_for_documents_and_counts_no_attempt(db, at):
    queue_notices([draft(documents=["invoice:8"]), draft("other")], at=at)

    assert deliver_notices(at=at, find_files=shelf) == 1
    waiting = Notice.objects.get(sent_at=None)
    assert (waiting.attempts, waiting.retry_at) == (0, at + timedelta(minutes=1))


def test_it_sends_without_documents_that_do_not_come(db, at):
    queue_notices([draft(documents=["invoice:8"])], at=at)

    assert deliver_notices(at=at + timedelta(minutes=14), find_files=shelf) == 0
    assert deliver_notices(at=at + timedelta(minutes=15), find_files=shelf) == 1
    assert mail.outbox[0].attachments == []


@pytest.mark.parametrize(
    ("chosen", "context", "asked"),
    [
        ({}, {}, Attach(pdf=True, xml=False)),
        ({"attach_xml": True}, {}, Attach(pdf=True, xml=True)),
        ({"attach_pdf": False}, {}, Attach(pdf=False, xml=False)),
        ({"attach_pdf": False, "attach_xml": True}, {WITH_PDF: True}, Attach(pdf=True, xml=True)),
    ],
)
def test_it_asks_for_the_files_that_the_customer_has_chosen_by_now(chosen, context, asked, customer, at):
    wanted = []
    queue_notices([draft(customer_id=customer.pk, documents=["invoice:7"], context=context)], at=at)
    BillingProfile.objects.filter(customer=customer).update(**chosen)

    deliver_notices(at=at, find_files=lambda _documents, attach: wanted.append(attach) or [])
    assert wanted == [asked]


def test_many_messages_keep_the_documents_they_name(db, at):
    queue_notices([draft(f"invoice:{number}:issued", documents=["invoice:7"]) for number in range(60)], at=at)

    assert Notice.objects.filter(documents=["invoice:7"]).count() == 60


def test_it_takes_new_messages_and_repeats_by_when_they_were_ready(db, at):
    queue_notices([draft("late"), draft("early")], at=at)
    Notice.objects.filter(key="late").update(retry_at=at + timedelta(minutes=3), attempts=1)
    queue_notices([draft("new")], at=at + timedelta(minutes=2))

    sent: list[str] = []
    for _ in range(3):
        deliver_notices(at=at + timedelta(minutes=4), limit=1)
        sent += Notice.objects.filter(sent_at__isnull=False).exclude(key__in=sent).values_list("key", flat=True)
    assert sent == ["early", "new", "late"]


def test_a_row_of_older_code_names_no_documents(db, at):
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO accounts_notice (key, template, "to", context, created_at, attempts, last_error)'
            " VALUES ('old', 'accounts_invitation', '[]', '{}', %s, 0, '')",
            [at],
        )

    assert Notice.objects.get().documents == []


class CountingServer(LocMemBackend):
    """A mail server that counts its connections."""

    opened = 0

    def open(self):
        type(self).opened += 1
        return super().open()


def test_it_sends_many_over_one_connection(db, at, settings, monkeypatch):
    settings.EMAIL_BACKEND = f"{__name__}.CountingServer"
    monkeypatch.setattr(CountingServer, "opened", 0)
    queue_notices([draft(f"notice:{n}") for n in range(5)], at=at)

    assert deliver_notices(at=at) == 5
    assert (CountingServer.opened, len(mail.outbox)) == (1, 5)
