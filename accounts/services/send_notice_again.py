"""A message once more, by the wish of staff."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Notice, User
from accounts.notices import AGAIN, NoticeDraft
from accounts.services.deliver_notices import LEASE
from accounts.services.queue_notices import queue_notices


@transaction.atomic
def send_notice_again(*, notice_id: int, at: datetime, actor: User | None, asked_at: datetime) -> Notice:
    """Queue a delivered message as it was, to whom it went; one that failed is tried with the next run.

    `asked_at` is the present, where `at` is that of a clock. Within the same minute it is the first copy again. The
    copy counts for nothing: its key begins with AGAIN. What is about to be tried by itself is left alone.
    """
    notice = Notice.objects.select_for_update().get(pk=notice_id)
    copy = notice
    if notice.sent_at is None:
        if notice.retry_at is None or notice.retry_at <= asked_at + LEASE:
            return notice
        Notice.objects.filter(pk=notice.pk).update(retry_at=asked_at)
    else:
        key = f"{AGAIN}{notice.pk}:{asked_at:%Y-%m-%dT%H:%M}"
        known = Notice.objects.filter(key=key).first()
        if known is not None:
            return known
        draft = NoticeDraft(key, notice.customer_id, notice.template, notice.to, notice.context, notice.documents)
        queue_notices([draft], at=at)
        copy = Notice.objects.get(key=key)
    record(
        at=at,
        actor=actor,
        customer_id=notice.customer_id,
        action="send_notice_again",
        subject=f"notice:{notice.pk}",
        after={"notice": copy.key, "to": notice.to},
    )
    return copy
