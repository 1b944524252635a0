from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from invoices.exceptions import ArchiveTooLargeError, NothingToArchiveError
from invoices.models import Invoice, Payment, PaymentStatus
from invoices.models_archives import Archive, ArchiveEntry

LIMIT = 10_000  # documents


class Entry(NamedTuple):
    """A document that goes in. Sorted, an invoice stands before its receipts."""

    invoiced_on: date
    invoice_id: int
    payment_id: int  # 0: the invoice itself
    on: date


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
    entries = _entries(invoice_ids, customer_id)
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
        _store(archive, entries)
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


def _entries(invoice_ids: Collection[int], customer_id: int | None) -> list[Entry]:
    if len(invoice_ids) > LIMIT:
        raise ArchiveTooLargeError(f"{len(invoice_ids)} invoices")
    issued = Invoice.objects.filter(pk__in=invoice_ids, number__isnull=False)
    if customer_id is not None:
        issued = issued.filter(customer_id=customer_id)
    dates = {pk: on or billed_on for pk, on, billed_on in issued.values_list("pk", "issued_on", "billing_on")}
    entries = [Entry(on, pk, 0, on) for pk, on in dates.items()]
    paid = Payment.objects.filter(invoice_id__in=dates, status=PaymentStatus.SUCCEEDED)
    for pk, invoice_id, settled_at, created_at in paid.values_list("pk", "invoice_id", "settled_at", "created_at"):
        entries.append(Entry(dates[invoice_id], invoice_id, pk, (settled_at or created_at).date()))
    if not entries:
        raise NothingToArchiveError(f"none of {len(invoice_ids)} invoices is issued")
    if len(entries) > LIMIT:
        raise ArchiveTooLargeError(f"{len(entries)} documents")
    return sorted(entries)


def _store(archive: Archive, entries: list[Entry]) -> None:
    rows = [
        ArchiveEntry(
            archive=archive,
            position=position,
            invoice_id=entry.invoice_id,
            payment_id=entry.payment_id or None,
            on=entry.on,
        )
        for position, entry in enumerate(entries)
    ]
    ArchiveEntry.objects.bulk_create(rows, batch_size=2_000)
