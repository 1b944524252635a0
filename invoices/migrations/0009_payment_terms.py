"""How long a document waits for its money, as its contract says."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("invoices", "0008_outside_payments"),
    ]

    operations = [
        migrations.AddField(
            model_name="invoice",
            name="payment_terms",
            field=models.PositiveSmallIntegerField(
                help_text="Days from the issue until it is due, where nothing is charged; null: PAYMENT_TERMS",
                null=True,
            ),
        ),
    ]
