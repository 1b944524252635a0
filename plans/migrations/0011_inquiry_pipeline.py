"""Requests to sales become a pipeline: qualified, won and lost, an owner, and a next step.

Of what was `closed` nobody wrote down whether it was won; it counts as lost, and staff may say otherwise.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_staff_roles"),
        ("plans", "0010_contracts_and_migrations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="salesinquiry",
            name="inquiry_status_known",
        ),
        migrations.RunSQL(
            "UPDATE plans_salesinquiry SET status = 'lost' WHERE status = 'closed'",
            "UPDATE plans_salesinquiry SET status = 'closed' WHERE status IN ('qualified', 'won', 'lost')",
        ),
        migrations.AddField(
            model_name="salesinquiry",
            name="next_on",
            field=models.DateField(help_text="The day of the next step", null=True),
        ),
        migrations.AddField(
            model_name="salesinquiry",
            name="next_step",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="salesinquiry",
            name="owner",
            field=models.ForeignKey(
                help_text="Who of staff works on it",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="salesinquiry",
            name="status_at",
            field=models.DateTimeField(help_text="When the status changed last; empty: since it came in", null=True),
        ),
        migrations.AddField(
            model_name="salesinquiry",
            name="worked_key",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Of the form that wrote last: what the next one has seen",
                max_length=40,
            ),
        ),
        migrations.AlterField(
            model_name="salesinquiry",
            name="status",
            field=models.CharField(
                choices=[
                    ("new", "new"),
                    ("contacted", "contacted"),
                    ("qualified", "qualified"),
                    ("won", "won"),
                    ("lost", "lost"),
                ],
                default="new",
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="salesinquiry",
            index=models.Index(
                condition=models.Q(("status__in", ("new", "contacted", "qualified"))),
                fields=["created_at"],
                name="inquiry_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="salesinquiry",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["new", "contacted", "qualified", "won", "lost"])),
                name="inquiry_status_known",
            ),
        ),
    ]
