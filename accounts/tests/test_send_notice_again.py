"""«Send again» of one message of the outbox."""

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse

from accounts.models import AuditEntry, Notice
from accounts.notices import NoticeDraft
from accounts.services.deliver_notices import deliver_notices
from accounts.services.queue_notices import queue_notices
from accounts.services.send_notice_again import send_notice_again
from core.clock import travel_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def notice(customer, at):
    context = {"customer": "Wonder Ltd", "by": "alice@example.com", "role": "member", "link": "http://testserver/"}
    draft = NoticeDraft("membership:1:invited", customer.pk, "accounts_invitation", ["bob@example.com"], context)
    queue_notices([draft], at=at)
    return Notice.objects.get()


def press(client, notice):
    return client.post(reverse("admin:accounts_notice_send_again", args=[notice.pk]))


def test_support_sends_what_was_delivered_again_once_a_minute(notice, supporter, log_in, at):
    deliver_notices(at=at)
    client = log_in(supporter)
    page = client.get(reverse("admin:accounts_notice_change", args=[notice.pk])).text
    assert f'action="{reverse("admin:accounts_notice_send_again", args=[notice.pk])}"' in page
    for passed in (0, 1, 61):
        with travel_to(at + timedelta(seconds=passed)):
            assert press(client, notice).status_code == 303
    assert Notice.objects.count() == 3
    assert deliver_notices(at=at + timedelta(hours=1)) == 2
    first, *copies = mail.outbox
    assert [(copy.to, copy.subject, copy.body) for copy in copies] == [(first.to, first.subject, first.body)] * 2
    entries = AuditEntry.objects.filter(action="send_notice_again", actor=supporter, customer=notice.customer)
    assert [entry.after["to"] for entry in entries] == [["bob@example.com"]] * 2


def test_what_failed_is_tried_with_the_next_run(notice, supporter, at):
    tomorrow = at + timedelta(days=1)
    Notice.objects.update(attempts=9, last_error="SMTPException: away", retry_at=tomorrow)
    for _ in range(2):
        send_notice_again(notice_id=notice.pk, at=at, asked_at=at, actor=supporter)
    assert (Notice.objects.count(), AuditEntry.objects.filter(action="send_notice_again").count()) == (1, 1)
    assert deliver_notices(at=at) == 1


def test_what_is_about_to_be_sent_is_left_alone(notice, supporter, at):
    for retry_at in (None, at + timedelta(minutes=2)):  # waits; is being sent
        Notice.objects.update(retry_at=retry_at)
        send_notice_again(notice_id=notice.pk, at=at, asked_at=at, actor=supporter)
        assert Notice.objects.get().retry_at == retry_at
    assert not AuditEntry.objects.filter(action="send_notice_again").exists()


def test_who_may_only_look_is_offered_nothing(notice, auditor, log_in, at):
    client = log_in(auditor)
    assert "Send again" not in client.get(reverse("admin:accounts_notice_change", args=[notice.pk])).text
    assert press(client, notice).status_code == 403
