"""ZIPs that were asked for, built part by part: each part is one transaction, and what is written is never redone."""

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Length

from invoices.archive_index import index_text
from invoices.archiving import File, Member, write_end, write_files
from invoices.einvoice import data_of
from invoices.models import Document, DocumentKind
from invoices.models_archives import Archive, ArchiveEntry, ArchivePart, ArchiveStatus
from invoices.pdf import available
from invoices.services.deliver_documents import deliver_documents

logger = logging.getLogger(__name__)

PART_DOCUMENTS = 50
PART_BYTES = 4 * 1024 * 1024
LEASE = timedelta(minutes=5)  # longer than rendering a part takes
ATTEMPTS = 5
KEPT = timedelta(days=7)
WATCHED = timedelta(minutes=1)  # who asked for a year looks on for so long; then they are told by mail
INDEX = "index.csv"
PROGRESS = (
    *("parts_written", "size", "done", "missing", "attempts", "build_at"),
    *("status", "ready_at", "expires_at", "tell_at"),
)


def build_archives(*, at: datetime) -> bool:
    """Write the next part of the archive that waits longest. False where none is due.

    It is leased in a transaction of its own: another worker takes another archive, and one whose worker dies goes on
    after the lease where it was. Missing PDFs are rendered first, outside any transaction; one that cannot be is
    listed as missing. A part that fails is tried again, later each time; after five attempts the archive has failed.
    """
    archive = _claim(at)
    if archive is None:
        return False
    if archive.attempts > ATTEMPTS:  # whoever worked at it failed, or died
        _fail(archive, at)
        return True
    try:
        _build(archive, at)
    except Exception:
        logger.exception("part %s of archive %s could not be written", archive.parts_written, archive)
        _put_off(archive, at)
    return True


@transaction.atomic
def _claim(at: datetime) -> Archive | None:
    due = Archive.objects.filter(status=ArchiveStatus.BUILDING, build_at__lte=at)
    archive = due.select_for_update(skip_locked=True).order_by("build_at", "pk").first()
    if archive is not None:
        archive.build_at = at + LEASE
        archive.attempts += 1
        archive.save(update_fields=["build_at", "attempts"])
    return archive


def _build(archive: Archive, at: datetime) -> None:
    rows = archive.entries.filter(position__gte=archive.done).select_related("invoice")
    entries = list(rows.order_by("position")[:PART_DOCUMENTS])
    if not entries:
        members, index = _members(archive), _index(archive)
        _keep(archive, write_end(members, index, archive.size), [], at)
        return
    documents = _documents(entries)
    waiting = {entry.invoice_id for entry in entries if _place(entry) not in documents}
    if waiting:
        deliver_documents(at=at, invoice_ids=waiting)
        documents = _documents(entries)
    content, written = _part(entries, documents, archive.size)
    _keep(archive, content, written, at)


@transaction.atomic
def _keep(archive: Archive, content: bytes, entries: Sequence[ArchiveEntry], at: datetime) -> None:
    """The part with what it says of its entries; without entries it is the last. Written meanwhile: nothing."""
    row = Archive.objects.select_for_update().get(pk=archive.pk)
    if row.status != ArchiveStatus.BUILDING or row.parts_written != archive.parts_written:
        return
    ArchivePart.objects.create(archive=row, number=row.parts_written, content=content)
    ArchiveEntry.objects.bulk_update(entries, ["file", "sha256", "crc", "size", "offset", "missing"])
    row.parts_written += 1
    row.size += len(content)
    row.done += len(entries)
    row.missing += sum(bool(entry.missing) for entry in entries)
    row.attempts, row.build_at = 0, at
    if not entries:
        row.status, row.build_at, row.ready_at, row.expires_at = ArchiveStatus.READY, None, at, at + KEPT
        row.tell_at = _tell_at(row, at)
    row.save(update_fields=PROGRESS)


def _put_off(archive: Archive, at: datetime) -> None:
    if archive.attempts >= ATTEMPTS:
        _fail(archive, at)
        return
    pause = timedelta(minutes=1) * 2**archive.attempts
    Archive.objects.filter(pk=archive.pk, status=ArchiveStatus.BUILDING).update(build_at=at + pause)


@transaction.atomic
def _fail(archive: Archive, at: datetime) -> None:
    row = Archive.objects.select_for_update().get(pk=archive.pk)
    if row.status == ArchiveStatus.BUILDING:
        row.status, row.build_at, row.tell_at = ArchiveStatus.FAILED, None, _tell_at(row, at)
        row.save(update_fields=["status", "build_at", "tell_at"])
        row.parts.all().delete()


def _tell_at(archive: Archive, at: datetime) -> datetime | None:
    return at + WATCHED if archive.year else None


# --- documents ------------------------------------------------------------------------------------------------------
Place = tuple[int | None, int | None]  # invoice, payment


def _place(entry: ArchiveEntry) -> Place:
    return (entry.invoice_id, entry.payment_id)


def _documents(entries: Sequence[ArchiveEntry]) -> dict[Place, Document]:
    """Those that are rendered, without their content, with its `length` in bytes."""
    rows = Document.objects.filter(
        invoice_id__in={entry.invoice_id for entry in entries}, kind__in=(DocumentKind.INVOICE, DocumentKind.RECEIPT)
    )
    found = rows.defer("content").annotate(length=Length("content"))
    return {(document.invoice_id, document.payment_id): document for document in found}


def _part(
    entries: Sequence[ArchiveEntry], documents: dict[Place, Document], start: int
) -> tuple[bytes, list[ArchiveEntry]]:
    """The bytes of as many of these entries as a part holds, and those entries with what is known of them now."""
    taken = _that_fit(entries, documents)
    wanted = {documents[_place(entry)].pk for entry in taken if _place(entry) in documents}
    contents = dict(Document.objects.filter(pk__in=wanted).values_list("pk", "content"))
    found: list[tuple[ArchiveEntry, File]] = []
    for entry in taken:
        document = documents.get(_place(entry))
        file = _file(entry, document, bytes(contents[document.pk]) if document else b"")
        if file is not None:
            found.append((entry, file))
        elif not entry.is_data:
            entry.missing = f"PDFs cannot be made here: {available()}" if available() else "It could not be rendered."
    content, members = write_files([file for _entry, file in found], start)
    for (entry, file), member in zip(found, members, strict=True):
        document = documents.get(_place(entry))
        entry.file = member.name
        entry.sha256 = document.sha256 if document and not entry.is_data else hashlib.sha256(file.content).hexdigest()
        entry.crc, entry.size, entry.offset = member.crc, member.size, member.offset
    return content, taken


def _file(entry: ArchiveEntry, document: Document | None, content: bytes) -> File | None:
    """The stored PDF, or the data of its invoice. None where there is none."""
    folder = f"{entry.on.year}/"
    if not entry.is_data:
        return File(folder + document.filename, entry.on, content) if document else None
    xml = _data(entry, content)
    return File(f"{folder}{entry.invoice.number}.xml", entry.on, xml) if xml else None


def _data(entry: ArchiveEntry, content: bytes) -> bytes | None:
    """One that cannot be written is logged, told in the index, and does not hold up the others."""
    try:
        return data_of(entry.invoice, content)
    except Exception:
        logger.exception("the e-invoice of %s could not be written", entry.invoice)
        entry.missing = "The e-invoice could not be written."
        return None


def _that_fit(entries: Sequence[ArchiveEntry], documents: dict[Place, Document]) -> list[ArchiveEntry]:
    taken: list[ArchiveEntry] = []
    size = 0
    for entry in entries:
        document = documents.get(_place(entry))
        size += document.length if document and not entry.is_data else 0  # type: ignore[attr-defined]  # annotated by _documents
        if taken and size > PART_BYTES:
            break
        taken.append(entry)
    return taken


# --- the end --------------------------------------------------------------------------------------------------------
def _members(archive: Archive) -> list[Member]:
    written = archive.entries.exclude(file="").order_by("position")
    rows = written.values_list("file", "on", "crc", "size", "offset")
    return [Member(*row) for row in rows]  # type: ignore[arg-type]  # a written entry has them all, says its constraint


def _index(archive: Archive) -> File:
    return File(INDEX, archive.created_at.date(), index_text(archive).encode())
