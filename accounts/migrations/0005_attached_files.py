"""Customers choose what goes with e-mails that bring a document: its PDF as before, its data on top or instead."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_french_documents"),
    ]

    operations = [
        migrations.AddField(
            model_name="billingprofile",
            name="attach_pdf",
            field=models.BooleanField(db_default=True, default=True, verbose_name="PDF attached to e-mails"),
        ),
        migrations.AddField(
            model_name="billingprofile",
            name="attach_xml",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The data of invoices and credit notes.",
                verbose_name="XML attached to e-mails",
            ),
        ),
    ]
