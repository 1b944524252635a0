"""Payments that came from outside say how, and by which reference. There were none before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("invoices", "0007_credit_notes_and_refunds"),
    ]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="method",
            field=models.CharField(
                blank=True,
                choices=[("bank_transfer", "bank transfer"), ("cheque", "cheque"), ("other", "another way")],
                db_default="",
                default="",
                help_text="From outside: how",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="received_on",
            field=models.DateField(help_text="From outside: the day the money came", null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="reference",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="From outside: as on the bank statement",
                max_length=100,
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("method__in", ("", "bank_transfer", "cheque", "other"))),
                name="payment_method_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("gateway", "outside"),
                        ("payment_method__isnull", True),
                        ("received_on__isnull", False),
                        models.Q(("method", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("gateway", "outside"), _negated=True),
                        ("method", ""),
                        ("received_on__isnull", True),
                        ("reference", ""),
                    ),
                    _connector="OR",
                ),
                name="payment_outside_says_how",
            ),
        ),
    ]
