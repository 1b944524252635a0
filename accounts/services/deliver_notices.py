import logging
from contextlib import suppress
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts.mail import attach_of, message
from accounts.models import Notice
from accounts.notices import FindFiles
from core.due import only
from core.questions import Given, Question

logger = logging.getLogger(__name__)

UNREACHED = (OSError, SMTPException)  # how mail servers fail; every other error is one of ours
LEASE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=12)
# By when they were ready: those that wait for another attempt don't keep new ones back for ever, nor the reverse.
ORDER = (Coalesce("retry_at", "created_at"), "pk")
PAPER_PAUSE = timedelta(minutes=1)
PAPER_PATIENCE = timedelta(minutes=15)  # then a message goes without its PDFs; it links to where they are


def deliver_notices(
    *, at: datetime, limit: int = 100, find_files: FindFiles | None = None, customer_id: int | None = None
) -> int:
    """Send what waits in the outbox, oldest first; how many were sent. With `customer_id` what waits for that one.

    Each message is leased in a transaction of its own before it is sent outside of any: another worker passes it
    by, and one whose worker dies is sent again after the lease, under the same Message-ID. What its customer wants
    attached (`attach_of`) and `find_files` does not have yet it waits for, PAPER_PATIENCE at the most; without
    `find_files` nothing is attached. One that fails, for whatever reason, is tried again later by itself, and the
    others go out.
    """
    if not _is_ready.ask(at=at, customer_id=customer_id):
        return 0
    server = get_connection()
    _open(server)
    try:
        return sum(_deliver(notice, at, find_files, server) for notice in _claim(at, limit, customer_id))
    finally:
        server.close()


def _open(server: BaseEmailBackend) -> None:
    """One connection for all messages. Where the server is away, each of them finds out by itself."""
    with suppress(Exception):
        server.open()


@Question
def _is_ready(at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    return _ready(at, customer_id).values_list("pk")[:1]


def _ready(at: datetime | Given, customer_id: int | Given | None) -> "QuerySet[Notice]":
    ready = Notice.objects.filter(Q(retry_at__isnull=True) | Q(retry_at__lte=at), sent_at__isnull=True)
    return ready.filter(**only(customer_id))


@transaction.atomic
def _claim(at: datetime, limit: int, customer_id: int | None) -> list[Notice]:
    rows = _ready(at, customer_id).select_related("customer__billing_profile")
    rows = rows.select_for_update(skip_locked=True, of=("self",))
    claimed = list(rows.order_by(*ORDER)[:limit])
    Notice.objects.filter(pk__in=[notice.pk for notice in claimed]).update(
        retry_at=at + LEASE, attempts=F("attempts") + 1
    )
    return claimed


def _deliver(notice: Notice, at: datetime, find_files: FindFiles | None, server: BaseEmailBackend) -> bool:
    present = notice.customer.present(at) if notice.customer else at
    try:
        files = find_files(notice.documents, attach_of(notice)) if find_files and notice.documents else []
        if files is None and present < notice.created_at + PAPER_PATIENCE:
            # No attempt was made, so none is counted.
            Notice.objects.filter(pk=notice.pk).update(retry_at=at + PAPER_PAUSE, attempts=notice.attempts)
            return False
        message(notice, files or (), server).send()
    except UNREACHED as error:
        logger.warning("notice %s was not sent: %s", notice.key, type(error).__name__)
        _put_off(notice, at, error, server)
        return False
    except Exception as error:
        logger.exception("notice %s could not be written", notice.key)
        _put_off(notice, at, error, server)
        return False
    # By the customer's own clock, as everything that is counted from it.
    Notice.objects.filter(pk=notice.pk).update(sent_at=present, retry_at=None, last_error="")
    return True


def _put_off(notice: Notice, at: datetime, error: Exception, server: BaseEmailBackend) -> None:
    """Try it again later, and say to staff what happened."""
    server.close()  # it may be in the middle of anything; the messages after this one open it for themselves
    # The pause doubles with every attempt; the claim has counted this one already, the row in hand has not.
    pause = min(timedelta(minutes=1) * 2 ** min(notice.attempts, 10), LONGEST_PAUSE)
    Notice.objects.filter(pk=notice.pk).update(retry_at=at + pause, last_error=f"{type(error).__name__}: {error}")
