"""«Download all for 2026»: a customer's documents of one year as a ZIP."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.archive_entries import entries_of_year, holds, store_entries
from invoices.models_archives import Archive, ArchiveStatus


@transaction.atomic
def export_year(*, customer_id: int, year: int, at: datetime, actor: User) -> Archive:
    """Ask for the ZIP of a year: what `entries_of_year` finds now; the worker builds it.

    While one of the year is being made there is no other. One that is ready is the answer, too, as long as it is kept,
    no PDF is missing in it and no document has come or become void since: the same documents give the same file.
    Raises NothingToArchiveError, ArchiveTooLargeError.
    """
    lock_customers([customer_id])
    before = Archive.objects.filter(customer_id=customer_id, year=year).order_by("-pk")
    latest = before.first()
    if latest is not None and latest.status == ArchiveStatus.BUILDING:
        return latest
    entries = entries_of_year(customer_id, year)
    if latest is not None and _is_whole(latest, at) and holds(latest, entries):
        return latest
    archive = Archive.objects.create(
        key=f"customer:{customer_id}:year:{year}:{before.count() + 1}",
        customer_id=customer_id,
        created_by=actor,
        created_at=at,
        selection=f"All of {year}",
        year=year,
        total=len(entries),
        build_at=at,
    )
    store_entries(archive, entries)
    documents = sum(not entry.is_data for entry in entries)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="export_year",
        subject=f"archive:{archive.pk}",
        after={"year": year, "documents": documents},
    )
    return archive


def _is_whole(archive: Archive, at: datetime) -> bool:
    is_kept = archive.expires_at is not None and archive.expires_at > at
    voided = archive.entries.filter(invoice__voided_at__gt=archive.created_at)
    return archive.status == ArchiveStatus.READY and is_kept and not archive.missing and not voided.exists()
