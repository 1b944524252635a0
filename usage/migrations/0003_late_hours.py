"""Hours that usage reached late, by customer and when: looking for late usage costs as much as came late."""

from django.db import migrations

CREATE = """
CREATE INDEX IF NOT EXISTS usage_hour_late ON usage_usagehour (customer_id, touched_at)
INCLUDE (feature_id, hour)
WHERE touched_at >= (hour AT TIME ZONE 'UTC' + interval '2 hours') AT TIME ZONE 'UTC'
"""


class Migration(migrations.Migration):
    dependencies = (("usage", "0002_measure_in_sql"),)

    operations = (migrations.RunSQL(CREATE),)
