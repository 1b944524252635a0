"""What customers want to hear about their spending and usage."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_muted_mail"),
        ("plans", "0014_overdue_consequence"),
    ]

    operations = [
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.BigIntegerField(help_text="Per usage window, minor units; null: none", null=True)),
                (
                    "spend_percents",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        default=list,
                        help_text="Of the amount",
                        size=None,
                    ),
                ),
                ("projected", models.BooleanField(help_text="Tell when the projection is above the amount")),
                (
                    "included_percents",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        default=list,
                        help_text="Of included usage",
                        size=None,
                    ),
                ),
                ("changed_at", models.DateTimeField()),
                (
                    "looked_at",
                    models.DateTimeField(
                        help_text="Compared with usage last, by everybody's clock; null: never", null=True
                    ),
                ),
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__isnull", True), ("amount__gt", 0), _connector="OR"),
                        name="budget_amount_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("spend_percents__contained_by", [50, 80, 100]),
                            ("included_percents__contained_by", [50, 80, 100]),
                        ),
                        name="budget_percents_known",
                    ),
                ],
            },
        ),
    ]
