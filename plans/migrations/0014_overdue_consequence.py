"""What follows when a plan is not paid, and what was carried out."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_staff_lists"),
        ("invoices", "0014_dunning"),
        ("plans", "0013_prices_cannot_be_emptied"),
    ]

    operations = [
        migrations.CreateModel(
            name="CarriedOutConsequence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(help_text="invoice:7:consequence:hold", max_length=120, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("none", "Nothing: reminders only"),
                            ("downgrade", "The plan ends: the customer moves to the default plan"),
                            ("hold", "Access is refused until everything overdue is paid"),
                        ],
                        max_length=20,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("released_at", models.DateTimeField(help_text="Of a hold: everything overdue was paid", null=True)),
            ],
        ),
        migrations.AddField(
            model_name="plan",
            name="overdue_consequence",
            field=models.CharField(
                choices=[
                    ("none", "Nothing: reminders only"),
                    ("downgrade", "The plan ends: the customer moves to the default plan"),
                    ("hold", "Access is refused until everything overdue is paid"),
                ],
                db_default="none",
                default="none",
                help_text="What follows when an invoice stays unpaid, at the earliest 7 days after a delivered final warning.",
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(("overdue_consequence__in", ["none", "downgrade", "hold"])),
                name="plan_consequence_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("overdue_consequence", "none"),
                    models.Q(
                        ("overdue_consequence", "hold"),
                        models.Q(("payment_policy", "managed_by_contract"), _negated=True),
                    ),
                    models.Q(
                        ("is_default", False),
                        ("overdue_consequence", "downgrade"),
                        models.Q(("payment_policy", "managed_by_contract"), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="plan_consequence_possible",
            ),
        ),
        migrations.AddField(
            model_name="carriedoutconsequence",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
            ),
        ),
        migrations.AddField(
            model_name="carriedoutconsequence",
            name="invoice",
            field=models.ForeignKey(
                help_text="Its final invoice",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="invoices.invoice",
            ),
        ),
        migrations.AddField(
            model_name="carriedoutconsequence",
            name="opened",
            field=models.ForeignKey(
                help_text="Of a downgrade",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="plans.subscription",
            ),
        ),
        migrations.AddField(
            model_name="carriedoutconsequence",
            name="overdue",
            field=models.ForeignKey(
                help_text="What was not paid",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="invoices.invoice",
            ),
        ),
        migrations.AddField(
            model_name="carriedoutconsequence",
            name="subscription",
            field=models.ForeignKey(
                help_text="The spell it was carried out on",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="plans.subscription",
            ),
        ),
        migrations.AddField(
            model_name="carriedoutconsequence",
            name="warning",
            field=models.ForeignKey(
                help_text="The delivered message that named it",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.notice",
            ),
        ),
        migrations.AddConstraint(
            model_name="carriedoutconsequence",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("downgrade", "hold"))), name="consequence_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="carriedoutconsequence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "downgrade"), ("opened__isnull", False), ("released_at", None)),
                    models.Q(("invoice", None), ("kind", "hold"), ("opened", None)),
                    _connector="OR",
                ),
                name="consequence_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="carriedoutconsequence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("released_at__isnull", True), ("released_at__gte", models.F("at")), _connector="OR"
                ),
                name="consequence_ordered",
            ),
        ),
        migrations.AddConstraint(
            model_name="carriedoutconsequence",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "hold"), ("released_at", None)),
                fields=("customer",),
                name="consequence_one_hold",
            ),
        ),
    ]
