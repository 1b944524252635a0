"""Usage that is settled against credits: how far, what a quote says of it, and what happens at zero."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("plans", "0007_last_look"),
    ]

    operations = [
        migrations.CreateModel(
            name="UsageWatch",
            fields=[
                (
                    "subscription",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="watch",
                        serialize=False,
                        to="plans.subscription",
                    ),
                ),
                (
                    "settled_until",
                    models.DateTimeField(
                        help_text="Hours before this are settled; what comes of them now is late. Credits-only plans move it."
                    ),
                ),
                (
                    "seen_at",
                    models.DateTimeField(
                        help_text="Usage that had reached us by then is settled or an open charge; empty: not looked yet",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="changequote",
            name="credit_rows",
            field=models.JSONField(default=list, help_text="The same by grant: name, amount"),
        ),
        migrations.AddField(
            model_name="changequote",
            name="credits",
            field=models.BigIntegerField(db_default=0, default=0, help_text="Taken off the lines of the invoice"),
        ),
        migrations.AddField(
            model_name="changequote",
            name="to_credits",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="Charged to credit alone, on no invoice: lines of credits-only plans"
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="when_credits_run_out",
            field=models.CharField(
                choices=[("negative", "Balance goes negative"), ("block", "Access is refused")],
                db_default="negative",
                default="negative",
                help_text="Credits only. Usage that arrives settles in any case; refusing is what the access API answers.",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="ratedusage",
            name="number",
            field=models.PositiveIntegerField(
                default=0, help_text="0: the window's own line; then its late ones, counted"
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(("when_credits_run_out__in", ["negative", "block"])),
                name="plan_credit_exhaustion_known",
            ),
        ),
        migrations.AddField(
            model_name="usagewatch",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
            ),
        ),
    ]
