"""Many documents as one ZIP: part of the room's tables (invoices/models.py).

An archive is asked for, built by the worker part by part, kept for a week, and then emptied; its row stays and says who
took what away. Staff choose documents in a list; a customer takes a year. See docs/adr/0006-archives.md.
"""

from collections.abc import Iterator
from functools import partial

from django.db import models
from django.db.models import Q
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from core.ids import public_id


class ArchiveStatus(models.TextChoices):
    BUILDING = "building", _("being made")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")
    EXPIRED = "expired", _("deleted")


class Archive(models.Model):
    """One ZIP. Which documents it holds is fixed when it is asked for: its entries."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "arc"), editable=False)
    key = models.CharField(max_length=120, unique=True, help_text="Of the form that asked: sent twice, it is made once")
    customer = models.ForeignKey(
        "accounts.Customer", null=True, on_delete=models.PROTECT, related_name="+", help_text="Whose; null: staff's"
    )
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    selection = models.CharField(max_length=300, help_text="How the documents were chosen, in words")
    purpose = models.CharField(max_length=300, blank=True, help_text="What for")
    status = models.CharField(max_length=20, choices=ArchiveStatus, default=ArchiveStatus.BUILDING)
    year = models.PositiveSmallIntegerField(null=True, help_text="Of a customer's documents; null: they were chosen")
    total = models.PositiveIntegerField(help_text="Files that may be in it")
    done = models.PositiveIntegerField(default=0, help_text="Files that are written, or known not to be there")
    missing = models.PositiveIntegerField(default=0, help_text="Of them could not be made; the index says why")
    parts_written = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the parts")
    build_at = models.DateTimeField(null=True, help_text="The worker takes the next part from here; null: nothing left")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="At the next part")
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="From here the content is deleted")
    tell_at = models.DateTimeField(
        null=True, help_text="Of a year: from here who asked is told by mail; null: not yet, told, or they have it"
    )

    class Meta:
        verbose_name = "ZIP of documents"
        verbose_name_plural = "ZIPs of documents"
        constraints = (
            models.CheckConstraint(condition=Q(status__in=ArchiveStatus.values), name="archive_status_known"),
            models.CheckConstraint(condition=Q(done__lte=models.F("total")), name="archive_done_within_total"),
            models.CheckConstraint(
                condition=Q(status="building", build_at__isnull=False)
                | (~Q(status="building") & Q(build_at__isnull=True)),
                name="archive_building_is_due",
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(expires_at__isnull=False), name="archive_ready_expires"
            ),
            models.CheckConstraint(
                condition=Q(year__isnull=True, tell_at__isnull=True)
                | Q(year__isnull=False, customer__isnull=False, tell_at__isnull=True)
                | Q(year__isnull=False, customer__isnull=False, status__in=("ready", "failed")),
                name="archive_year_is_a_customers",
            ),
            models.UniqueConstraint(
                fields=("customer", "year"), condition=Q(status="building"), name="archive_year_built_once"
            ),
        )
        indexes = (
            models.Index(fields=("build_at",), condition=Q(status="building"), name="archive_to_build"),
            models.Index(fields=("expires_at",), condition=Q(status="ready"), name="archive_to_delete"),
            models.Index(fields=("tell_at",), condition=Q(tell_at__isnull=False), name="archive_to_tell"),
            models.Index(fields=("customer", "year"), condition=Q(year__isnull=False), name="archive_of_year"),
        )

    def __str__(self) -> str:
        return self.public_id

    @property
    def filename(self) -> str:
        if self.year and self.customer:
            return f"{slugify(self.customer.name) or self.customer.key}-invoices-{self.year}.zip"
        return f"documents-{self.created_at:%Y-%m-%d}-{self.public_id}.zip"

    def files(self) -> int:
        """How many files are in it so far, the index aside."""
        return self.entries.exclude(file="").count()

    def content(self) -> Iterator[bytes]:
        """The file, part by part: no more of it is in memory at once."""
        for number in range(self.parts_written):
            yield bytes(self.parts.values_list("content", flat=True).get(number=number))


class ArchiveEntry(models.Model):
    """One document of an archive: an invoice or credit note, or with `payment` its receipt; with `is_data` not the PDF
    of the invoice but its e-invoice (XML), which stands beside it where there is one."""

    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="entries")
    position = models.PositiveIntegerField(help_text="Counted from 0: the order in the ZIP and its index")
    invoice = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT, related_name="+")
    payment = models.ForeignKey("invoices.Payment", null=True, on_delete=models.PROTECT, related_name="+")
    is_data = models.BooleanField(default=False, db_default=False)
    on = models.DateField(help_text="The document's date; its year is the folder")
    # Written with the part that holds it.
    file = models.CharField(max_length=100, blank=True, help_text="Path in the ZIP; empty where it is missing")
    sha256 = models.CharField(max_length=64, blank=True)
    crc = models.BigIntegerField(null=True, help_text="What the ZIP's directory needs: checksum, bytes, and where")
    size = models.PositiveBigIntegerField(null=True)
    offset = models.PositiveBigIntegerField(null=True)
    missing = models.CharField(max_length=200, blank=True, help_text="Why it could not be made")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("archive", "position"), name="archive_entry_once"),
            models.CheckConstraint(
                condition=Q(file="", crc__isnull=True, size__isnull=True, offset__isnull=True)
                | Q(crc__isnull=False, size__isnull=False, offset__isnull=False, missing=""),
                name="archive_entry_written_whole",
            ),
            models.CheckConstraint(
                condition=Q(is_data=False) | Q(payment__isnull=True), name="archive_data_is_an_invoices"
            ),
        )

    def __str__(self) -> str:
        return self.file or f"{self.archive_id}:{self.position}"


class ArchivePart(models.Model):
    """A slice of the file; the slices in order are the ZIP. Deleted when the archive expires."""

    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="parts")
    number = models.PositiveIntegerField(help_text="Counted from 0")
    content = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("archive", "number"), name="archive_part_once"),)

    def __str__(self) -> str:
        return f"{self.archive_id}:{self.number}"
