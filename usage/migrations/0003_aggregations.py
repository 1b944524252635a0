"""All seven aggregations; `usage_measure` follows usage.aggregation.measured, and `usage_member` reads what is unique.

Roll-ups learn when a latest value was, and corrections are found by the event they name.
"""

from django.db import migrations, models

AGGREGATIONS = [
    ("count", "count"),
    ("sum", "sum"),
    ("avg", "average"),
    ("min", "minimum"),
    ("max", "maximum"),
    ("unique_count", "unique count"),
    ("latest", "latest"),
]

CREATE = r"""
CREATE FUNCTION usage_member(data jsonb, value_path text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT CASE WHEN jsonb_typeof(data #> usage_keys(value_path)) IN ('string', 'number', 'boolean')
        THEN data #>> usage_keys(value_path) END
$$;

CREATE OR REPLACE FUNCTION usage_measure(
    data jsonb, is_correction boolean, aggregation text, value_path text, dimensions jsonb, filters jsonb
) RETURNS numeric LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    dimension text;
    allowed jsonb;
    found jsonb;
    amount numeric;
BEGIN
    IF filters <> '{}'::jsonb THEN
        FOR dimension, allowed IN SELECT key, value FROM jsonb_each(filters) LOOP
            found := data #> usage_keys(dimensions ->> dimension);
            IF found IS NULL OR jsonb_typeof(found) NOT IN ('string', 'number', 'boolean')
                    OR NOT jsonb_exists(allowed, found #>> '{}') THEN
                RETURN NULL;
            END IF;
        END LOOP;
    END IF;
    IF aggregation = 'count' OR (aggregation = 'unique_count' AND usage_member(data, value_path) IS NOT NULL) THEN
        RETURN CASE WHEN is_correction THEN -1 ELSE 1 END;
    END IF;
    found := data #> usage_keys(value_path);
    IF aggregation = 'unique_count' OR found IS NULL OR jsonb_typeof(found) <> 'number' THEN
        RETURN NULL;
    END IF;
    amount := (found #>> '{}')::numeric;
    IF abs(amount) >= 1e15 THEN
        RETURN NULL;
    END IF;
    RETURN round(amount, 12);
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = (("usage", "0002_measure_in_sql"),)

    operations = (
        migrations.RemoveConstraint(model_name="meter", name="meter_aggregation_known"),
        migrations.AlterField(
            model_name="meter",
            name="aggregation",
            field=models.CharField(choices=AGGREGATIONS, max_length=20),
        ),
        migrations.AddConstraint(
            model_name="meter",
            constraint=models.CheckConstraint(
                condition=models.Q(("aggregation__in", [value for value, _label in AGGREGATIONS])),
                name="meter_aggregation_known",
            ),
        ),
        migrations.AddField(
            model_name="usagehour",
            name="latest_at",
            field=models.DateTimeField(help_text="When the latest value was; only of such meters", null=True),
        ),
        migrations.AlterField(
            model_name="usagehour",
            name="quantity",
            field=models.DecimalField(
                decimal_places=12,
                help_text="As the meter aggregates: sum, least, greatest or latest value",
                max_digits=38,
            ),
        ),
        migrations.AlterField(
            model_name="usagehour",
            name="events",
            field=models.PositiveIntegerField(help_text="That brought it; 0 where corrections took all of them back"),
        ),
        migrations.AlterField(
            model_name="usageevent",
            name="time",
            field=models.DateTimeField(
                help_text="When it was used, to the microsecond; decides the window. A correction: that of the event it names."
            ),
        ),
        migrations.AddIndex(
            model_name="usageevent",
            index=models.Index(
                condition=models.Q(("corrects", ""), _negated=True),
                fields=["customer", "source", "corrects"],
                name="usage_event_by_corrected",
            ),
        ),
        # The functions of before stay good enough for what was there before: going back needs nothing.
        migrations.RunSQL(CREATE, "DROP FUNCTION usage_member(jsonb, text)"),
    )
