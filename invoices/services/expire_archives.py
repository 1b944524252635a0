from datetime import datetime

from django.db import transaction

from invoices.models_archives import Archive, ArchivePart, ArchiveStatus


@transaction.atomic
def expire_archives(*, at: datetime, limit: int = 20) -> int:
    """Delete the content of archives whose week is over; how many. Their rows stay: who took what away, and when."""
    over = Archive.objects.filter(status=ArchiveStatus.READY, expires_at__lte=at)
    claimed = list(over.select_for_update(skip_locked=True).order_by("expires_at", "pk")[:limit])
    ids = [archive.pk for archive in claimed]
    ArchivePart.objects.filter(archive_id__in=ids).delete()
    return Archive.objects.filter(pk__in=ids).update(status=ArchiveStatus.EXPIRED, tell_at=None)
