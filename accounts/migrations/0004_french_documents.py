"""Documents in French; e-mails of who chooses that are in English."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_staff_roles"),
    ]

    operations = [
        migrations.AlterField(
            model_name="billingprofile",
            name="language",
            field=models.CharField(
                choices=[("en", "English"), ("de", "Deutsch"), ("fr", "Français (documents; e-mails in English)")],
                db_default="en",
                default="en",
                max_length=2,
                verbose_name="language of documents and e-mails",
            ),
        ),
        migrations.RemoveConstraint(model_name="billingprofile", name="billing_profile_language_known"),
        migrations.AddConstraint(
            model_name="billingprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(("language__in", ["en", "de", "fr"])), name="billing_profile_language_known"
            ),
        ),
    ]
