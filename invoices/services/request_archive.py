from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from invoices.archive_entries import entries_of, store_entries
from invoices.models_archives import Archive


@transaction.atomic
def request_archive(
    *,
    key: str,
    invoice_ids: Collection[int],
    customer_id: int | None,
    selection: str,
    purpose: str,
    at: datetime,
    actor: User | None,
) -> Archive:
    """Ask for a ZIP of these documents: every one that is issued, and the receipts of its payments so far.

    Drafts have no PDF and are left out. With a customer the archive is theirs, and holds nothing of anybody else;
    without one it is staff's. The worker builds it; asked again with the same key it is the first one. Nobody is
    locked: an issued document stays as it is. Raises NothingToArchiveError, ArchiveTooLargeError.
    """
    known = Archive.objects.filter(key=key).first()
    if known is not None:
        return known
    entries = entries_of(invoice_ids, customer_id)
    values = {
        "customer_id": customer_id,
        "created_by": actor,
        "created_at": at,
        "selection": selection,
        "purpose": purpose,
        "total": len(entries),
        "build_at": at,
    }
    archive, is_new = Archive.objects.get_or_create(key=key, defaults=values)
    if is_new:
        store_entries(archive, entries)
        record(
            at=at,
            actor=actor,
            customer_id=customer_id,
            action="request_archive",
            subject=f"archive:{archive.pk}",
            after={"documents": archive.total, "selection": selection},
            reason=purpose,
        )
    return archive
