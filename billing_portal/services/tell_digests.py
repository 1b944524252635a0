from datetime import UTC, datetime

from django.db import transaction

from accounts.services.queue_notices import queue_notices
from billing_portal.digest import Summaries, digest
from billing_portal.models import Digest
from core.periods import utc_day

HOUR = 6  # UTC: from here on the summary of the day is due


@transaction.atomic
def tell_digests(*, at: datetime) -> int:
    """S1: one mail a day to each member of staff who wants it; how many. Where nothing waits there is none, and the day
    is done with all the same. After downtime the present day is told, not the days before."""
    if at.astimezone(UTC).hour < HOUR:
        return 0
    today = utc_day(at)
    due = Digest.objects.filter(told_on__lt=today).select_related("user").order_by("pk")
    claimed = list(due.select_for_update(skip_locked=True, of=("self",)))
    summaries = Summaries(at)
    drafts = [digest(row.user, rows, at) for row in claimed if (rows := summaries.of(row.user))]
    queue_notices(drafts, at=at)
    Digest.objects.filter(pk__in=[row.pk for row in claimed]).update(told_on=today)
    return len(drafts)
