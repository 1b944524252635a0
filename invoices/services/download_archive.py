from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from invoices.exceptions import ArchiveNotReadyError
from invoices.models_archives import Archive, ArchiveStatus


@transaction.atomic
def download_archive(*, archive: Archive, at: datetime, actor: User | None) -> Archive:
    """Note in the audit trail that somebody takes the ZIP away; whoever calls sends `archive.content()`.

    Each download is an entry of its own; who asked for the ZIP needs no mail about it any more. Raises
    ArchiveNotReadyError: still being made, failed, or deleted.
    """
    if archive.status != ArchiveStatus.READY:
        raise ArchiveNotReadyError(f"archive {archive} is {archive.status}")
    record(
        at=at,
        actor=actor,
        customer_id=archive.customer_id,
        action="download_archive",
        subject=f"archive:{archive.pk}",
        after={"documents": archive.total, "size": archive.size},
        reason=archive.purpose,
    )
    if archive.tell_at is not None and actor is not None and actor.pk == archive.created_by_id:
        Archive.objects.filter(pk=archive.pk).update(tell_at=None)
    return archive
