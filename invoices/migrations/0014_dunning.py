"""Which customers were told of something overdue: from the first message until nothing is overdue any more."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_staff_lists"),
        ("invoices", "0013_late_successes"),
    ]

    operations = [
        migrations.CreateModel(
            name="OverdueStory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("began_at", models.DateTimeField(help_text="The first message")),
                ("ended_at", models.DateTimeField(help_text="Nothing was overdue any more", null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "overdue stories",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("customer",), name="overdue_story_one_open"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_at__isnull", True), ("ended_at__gte", models.F("began_at")), _connector="OR"
                        ),
                        name="overdue_story_ordered",
                    ),
                ],
            },
        ),
    ]
