"""A customer's year as one ZIP, and requests for corrected invoices."""

import functools

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_clock_moves"),
        ("invoices", "0016_immutable_sales"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CorrectionRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("cor",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="Of the form that asked: sent twice, it asks once", max_length=120, unique=True
                    ),
                ),
                ("wrong", models.TextField(help_text="What is wrong, as the customer says it")),
                ("asked_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "open"), ("corrected", "corrected"), ("declined", "not corrected")],
                        default="open",
                        max_length=20,
                    ),
                ),
                ("answer", models.TextField(blank=True, help_text="What staff say to the customer")),
                ("answered_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "correction",
            },
        ),
        migrations.AddField(
            model_name="archive",
            name="tell_at",
            field=models.DateTimeField(
                help_text="Of a year: from here who asked is told by mail; null: not yet, told, or they have it",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="archive",
            name="year",
            field=models.PositiveSmallIntegerField(
                help_text="Of a customer's documents; null: they were chosen", null=True
            ),
        ),
        migrations.AddField(
            model_name="archiveentry",
            name="is_data",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="archive",
            name="done",
            field=models.PositiveIntegerField(default=0, help_text="Files that are written, or known not to be there"),
        ),
        migrations.AlterField(
            model_name="archive",
            name="missing",
            field=models.PositiveIntegerField(default=0, help_text="Of them could not be made; the index says why"),
        ),
        migrations.AlterField(
            model_name="archive",
            name="total",
            field=models.PositiveIntegerField(help_text="Files that may be in it"),
        ),
        migrations.AlterField(
            model_name="archiveentry",
            name="missing",
            field=models.CharField(blank=True, help_text="Why it could not be made", max_length=200),
        ),
        migrations.AddIndex(
            model_name="archive",
            index=models.Index(
                condition=models.Q(("tell_at__isnull", False)), fields=["tell_at"], name="archive_to_tell"
            ),
        ),
        migrations.AddIndex(
            model_name="archive",
            index=models.Index(
                condition=models.Q(("year__isnull", False)), fields=["customer", "year"], name="archive_of_year"
            ),
        ),
        migrations.AddConstraint(
            model_name="archive",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("tell_at__isnull", True), ("year__isnull", True)),
                    models.Q(("customer__isnull", False), ("tell_at__isnull", True), ("year__isnull", False)),
                    models.Q(("customer__isnull", False), ("status__in", ("ready", "failed")), ("year__isnull", False)),
                    _connector="OR",
                ),
                name="archive_year_is_a_customers",
            ),
        ),
        migrations.AddConstraint(
            model_name="archive",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "building")), fields=("customer", "year"), name="archive_year_built_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="archiveentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_data", False), ("payment__isnull", True), _connector="OR"),
                name="archive_data_is_an_invoices",
            ),
        ),
        migrations.AddField(
            model_name="correctionrequest",
            name="answered_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="correctionrequest",
            name="asked_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="correctionrequest",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
            ),
        ),
        migrations.AddField(
            model_name="correctionrequest",
            name="invoice",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.invoice"
            ),
        ),
        migrations.AddIndex(
            model_name="correctionrequest",
            index=models.Index(condition=models.Q(("status", "open")), fields=["id"], name="correction_to_answer"),
        ),
        migrations.AddConstraint(
            model_name="correctionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "corrected", "declined"])), name="correction_status_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="correctionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("wrong", ""), _negated=True), name="correction_says_what_is_wrong"
            ),
        ),
        migrations.AddConstraint(
            model_name="correctionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer", ""), ("answered_at", None), ("status", "open")),
                    models.Q(
                        models.Q(("status", "open"), _negated=True),
                        models.Q(("answer", ""), _negated=True),
                        ("answered_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="correction_answered_or_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="correctionrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "open")), fields=("invoice",), name="correction_open_once"
            ),
        ),
    ]
