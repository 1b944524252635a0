"""Many documents as one ZIP: what was asked for, what it holds, and its bytes in parts."""

import functools

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_staff_roles"),
        ("invoices", "0009_payment_terms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Archive",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("arc",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="Of the form that asked: sent twice, it is made once", max_length=120, unique=True
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("selection", models.CharField(help_text="How the documents were chosen, in words", max_length=300)),
                ("purpose", models.CharField(blank=True, help_text="What for", max_length=300)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("building", "being made"),
                            ("ready", "ready"),
                            ("failed", "failed"),
                            ("expired", "deleted"),
                        ],
                        default="building",
                        max_length=20,
                    ),
                ),
                ("total", models.PositiveIntegerField(help_text="Documents in it")),
                (
                    "done",
                    models.PositiveIntegerField(
                        default=0, help_text="Documents that are written, or known to be missing"
                    ),
                ),
                (
                    "missing",
                    models.PositiveIntegerField(default=0, help_text="Of them without a PDF; the index says why"),
                ),
                ("parts_written", models.PositiveIntegerField(default=0)),
                ("size", models.PositiveBigIntegerField(default=0, help_text="Bytes of the parts")),
                (
                    "build_at",
                    models.DateTimeField(
                        help_text="The worker takes the next part from here; null: nothing left", null=True
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, help_text="At the next part")),
                ("ready_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(help_text="From here the content is deleted", null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        help_text="Whose; null: staff's",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={"verbose_name": "ZIP of documents", "verbose_name_plural": "ZIPs of documents"},
        ),
        migrations.CreateModel(
            name="ArchiveEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "position",
                    models.PositiveIntegerField(help_text="Counted from 0: the order in the ZIP and its index"),
                ),
                ("on", models.DateField(help_text="The document's date; its year is the folder")),
                (
                    "file",
                    models.CharField(
                        blank=True, help_text="Path in the ZIP; empty where it is missing", max_length=100
                    ),
                ),
                ("sha256", models.CharField(blank=True, max_length=64)),
                (
                    "crc",
                    models.BigIntegerField(
                        help_text="What the ZIP's directory needs: checksum, bytes, and where", null=True
                    ),
                ),
                ("size", models.PositiveBigIntegerField(null=True)),
                ("offset", models.PositiveBigIntegerField(null=True)),
                ("missing", models.CharField(blank=True, help_text="Why there is no PDF", max_length=200)),
                (
                    "archive",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="invoices.archive"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.invoice"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.payment"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ArchivePart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(help_text="Counted from 0")),
                ("content", models.BinaryField()),
                (
                    "archive",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="parts", to="invoices.archive"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="archive",
            index=models.Index(
                condition=models.Q(("status", "building")), fields=["build_at"], name="archive_to_build"
            ),
        ),
        migrations.AddIndex(
            model_name="archive",
            index=models.Index(
                condition=models.Q(("status", "ready")), fields=["expires_at"], name="archive_to_delete"
            ),
        ),
        migrations.AddConstraint(
            model_name="archive",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["building", "ready", "failed", "expired"])),
                name="archive_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="archive",
            constraint=models.CheckConstraint(
                condition=models.Q(("done__lte", models.F("total"))), name="archive_done_within_total"
            ),
        ),
        migrations.AddConstraint(
            model_name="archive",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("build_at__isnull", False), ("status", "building")),
                    models.Q(models.Q(("status", "building"), _negated=True), ("build_at__isnull", True)),
                    _connector="OR",
                ),
                name="archive_building_is_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="archive",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "ready"), _negated=True), ("expires_at__isnull", False), _connector="OR"
                ),
                name="archive_ready_expires",
            ),
        ),
        migrations.AddConstraint(
            model_name="archiveentry",
            constraint=models.UniqueConstraint(fields=("archive", "position"), name="archive_entry_once"),
        ),
        migrations.AddConstraint(
            model_name="archiveentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("crc__isnull", True), ("file", ""), ("offset__isnull", True), ("size__isnull", True)),
                    models.Q(
                        ("crc__isnull", False), ("missing", ""), ("offset__isnull", False), ("size__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="archive_entry_written_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="archivepart",
            constraint=models.UniqueConstraint(fields=("archive", "number"), name="archive_part_once"),
        ),
    ]
