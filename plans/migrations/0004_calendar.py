"""When a flat fee is due and which period it is for; what stands already is monthly and in arrears."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plans", "0003_prices")]

    operations = [
        migrations.AddField(
            model_name="ratecard",
            name="timing",
            field=models.CharField(
                choices=[("in_arrears", "in arrears"), ("in_advance", "in advance"), ("one_time", "one time")],
                default="in_arrears",
                help_text="Of a flat fee: after its period, before it, or once when the plan starts",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="ratecard",
            name="cadence",
            field=models.CharField(
                choices=[("monthly", "monthly"), ("yearly", "yearly")],
                default="monthly",
                help_text="Of a flat fee: the period it is for, counted from the anchor",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="ratecard",
            name="amount",
            field=models.BigIntegerField(
                blank=True, help_text="Flat fee per month or year, or once; minor units", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="ratecard",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cadence__in", ["monthly", "yearly"]), ("timing__in", ["in_arrears", "in_advance", "one_time"])
                ),
                name="rate_card_timing_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratecard",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("model", "flat"), models.Q(("timing", "one_time"), _negated=True)),
                    models.Q(("cadence", "monthly"), ("model", "flat")),
                    models.Q(("cadence", "monthly"), ("timing", "in_arrears")),
                    _connector="OR",
                ),
                name="rate_card_timing_fits",
            ),
        ),
    ]
