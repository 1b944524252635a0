"""Kinds of optional mail that customers switched off."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_notice_documents"),
    ]

    operations = [
        migrations.CreateModel(
            name="MutedMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("charges", "Charges are calculated, three days before they are billed"),
                            ("card_expiring", "The default card expires soon"),
                            ("credits_granted", "Credits were added"),
                            ("credits_low", "Credits are low or used up"),
                            ("credits_expiring", "Credits expire soon"),
                            ("credit_statement", "Monthly credit statement"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="muted_mail",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "kind"), name="muted_mail_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "charges",
                                    "card_expiring",
                                    "credits_granted",
                                    "credits_low",
                                    "credits_expiring",
                                    "credit_statement",
                                ],
                            )
                        ),
                        name="muted_mail_kind_known",
                    ),
                ],
            },
        ),
    ]
