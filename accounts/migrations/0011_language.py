"""In which language a customer gets documents and e-mails."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_clock_moves"),
    ]

    operations = [
        migrations.AddField(
            model_name="billingprofile",
            name="language",
            field=models.CharField(
                choices=[("en", "English"), ("de", "Deutsch")],
                db_default="en",
                default="en",
                max_length=2,
                verbose_name="language of documents and e-mails",
            ),
        ),
        migrations.AddConstraint(
            model_name="billingprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(("language__in", ["en", "de"])), name="billing_profile_language_known"
            ),
        ),
    ]
