"""Who asked for a year's documents and did not wait for them hears that they are there."""

from datetime import datetime

from django.db import transaction

from accounts.services.queue_notices import queue_notices
from invoices.emails_archives import archive_ended
from invoices.models_archives import Archive


@transaction.atomic
def tell_archives(*, at: datetime, limit: int = 100) -> int:
    """E23 for each ZIP of a year that is ready, or has failed, and was not fetched by who asked within the minute
    after; how many. Each is told once."""
    due = Archive.objects.filter(tell_at__lte=at).select_related("customer", "created_by")
    claimed = list(due.select_for_update(skip_locked=True, of=("self",)).order_by("tell_at", "pk")[:limit])
    queue_notices([archive_ended(archive) for archive in claimed], at=at)
    return Archive.objects.filter(pk__in=[archive.pk for archive in claimed]).update(tell_at=None)
