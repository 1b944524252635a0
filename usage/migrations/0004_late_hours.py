"""Hours that usage reached late, by customer and when: looking for late usage costs as much as came late."""

from django.db import migrations

CREATE = """
CREATE INDEX CONCURRENTLY IF NOT EXISTS usage_hour_late ON usage_usagehour (customer_id, touched_at)
INCLUDE (feature_id, hour)
WHERE touched_at >= (hour AT TIME ZONE 'UTC' + interval '2 hours') AT TIME ZONE 'UTC'
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = (("usage", "0003_aggregations"),)

    operations = (migrations.RunSQL(CREATE, "DROP INDEX CONCURRENTLY IF EXISTS usage_hour_late"),)
