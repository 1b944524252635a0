"""What one event brings to a feature, for the sums that the database makes: edges of windows, rebuilds, checks.

The same rule as usage.aggregation.measured, which ingestion uses; a test holds the two together. `usage_member` reads
what is unique.
"""

from django.db import migrations

CREATE = r"""
CREATE FUNCTION usage_keys(path text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT array_agg(coalesce(step[1], step[2]) ORDER BY place)
    FROM regexp_matches(path, '\.([A-Za-z_][A-Za-z0-9_]*)|\["([^"]+)"\]', 'g') WITH ORDINALITY AS steps (step, place)
$$;

CREATE FUNCTION usage_member(data jsonb, value_path text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT CASE WHEN jsonb_typeof(data #> usage_keys(value_path)) IN ('string', 'number', 'boolean')
        THEN data #>> usage_keys(value_path) END
$$;

CREATE FUNCTION usage_measure(
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
    dependencies = [("usage", "0001_initial")]

    operations = [migrations.RunSQL(CREATE)]
