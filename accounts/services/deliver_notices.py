import hashlib
import logging
from datetime import datetime, timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q
from django.template import Context, TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template

from accounts.models import Notice

logger = logging.getLogger(__name__)

# Mail servers fail in their ways; a message that cannot be written must not keep the others back either.
UNSENDABLE = (OSError, SMTPException, ValueError, TypeError, LookupError, TemplateDoesNotExist, TemplateSyntaxError)
LEASE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=12)


def deliver_notices(*, at: datetime, limit: int = 100) -> int:
    """Send what waits in the outbox, oldest first; how many were sent.

    Each message is leased in a transaction of its own before it is sent outside of any: another worker passes it
    by, and one whose worker dies is sent again after the lease, under the same Message-ID.
    """
    return sum(_deliver(notice, at) for notice in _claim(at, limit))


@transaction.atomic
def _claim(at: datetime, limit: int) -> list[Notice]:
    ready = Notice.objects.filter(Q(retry_at__isnull=True) | Q(retry_at__lte=at), sent_at__isnull=True)
    rows = ready.select_related("customer").select_for_update(skip_locked=True, of=("self",))
    claimed = list(rows.order_by("created_at", "pk")[:limit])
    Notice.objects.filter(pk__in=[notice.pk for notice in claimed]).update(
        retry_at=at + LEASE, attempts=F("attempts") + 1
    )
    return claimed


def _deliver(notice: Notice, at: datetime) -> bool:
    try:
        _message(notice).send()
    except UNSENDABLE as error:
        # The pause doubles with every attempt; the claim has counted this one already, the row in hand has not.
        pause = min(timedelta(minutes=1) * 2 ** min(notice.attempts, 10), LONGEST_PAUSE)
        Notice.objects.filter(pk=notice.pk).update(retry_at=at + pause, last_error=f"{type(error).__name__}: {error}")
        logger.warning("notice %s was not sent: %s", notice.key, type(error).__name__)
        return False
    # By the customer's own clock, as everything that is counted from it.
    sent_at = notice.customer.present(at) if notice.customer else at
    Notice.objects.filter(pk=notice.pk).update(sent_at=sent_at, retry_at=None, last_error="")
    return True


def _message(notice: Notice) -> EmailMessage:
    template = get_template(f"emails/{notice.template}.txt").template  # type: ignore[attr-defined]
    context = {"product": settings.PRODUCT_NAME, "portal": settings.PORTAL_URL, **notice.context}
    # Plain text: an apostrophe stays an apostrophe.
    text = template.render(Context(context, autoescape=False))
    subject, _, body = text.strip().partition("\n")
    return EmailMessage(
        subject=" ".join(subject.split()),
        body=body.strip() + "\n",
        to=notice.to,
        reply_to=[settings.BILLING_EMAIL],
        headers={"Message-ID": _message_id(notice.key)},
    )


def _message_id(key: str) -> str:
    """The same for every attempt, so that mail programs drop a repeat."""
    host = urlsplit(settings.PORTAL_URL).hostname
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{host}>"
