"""What came since a customer's usage was looked at last: asked for very many customers each minute."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("usage", "0003_aggregations")]

    operations = [
        AddIndexConcurrently("usagehour", models.Index(fields=["customer", "touched_at"], name="usage_hour_touched")),
    ]
