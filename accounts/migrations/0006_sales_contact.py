from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_attached_files")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="sales_contact_name",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Read by accounts.sales.sales_contact.",
                max_length=100,
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="sales_contact_email",
            field=models.EmailField(blank=True, db_default="", default="", max_length=254),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("sales_contact_email", ""), ("sales_contact_name", "")),
                    models.Q(
                        models.Q(("sales_contact_name", ""), _negated=True),
                        models.Q(("sales_contact_email", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="customer_sales_contact_whole",
            ),
        ),
    ]
