"""When a spell's usage was rated last, without reading its history; the unique key serves the foreign key alone."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plans", "0006_quote_taxes")]

    operations = [
        migrations.AddIndex(
            model_name="ratedusage",
            index=models.Index(fields=["subscription", "-rated_at"], name="rated_usage_last"),
        ),
        migrations.AlterField(
            model_name="ratedusage",
            name="subscription",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rated_usage",
                to="plans.subscription",
            ),
        ),
    ]
