"""Touches grow with every write, whoever writes: code of the version before, which does not know them, or a person.

Summed days rest on that. Whoever raises them already, as ingestion does, passes with a comparison. Hours that are
deleted, to be made anew, begin to count anew: so the days that were summed beside them go with them.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION usage_touch_hour() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.touches := OLD.touches + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER usage_hour_touched BEFORE UPDATE ON usage_usagehour
FOR EACH ROW WHEN (NEW.touches <= OLD.touches) EXECUTE FUNCTION usage_touch_hour();

CREATE FUNCTION usage_forget_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM usage_usageday;
    ELSE
        DELETE FROM usage_usageday AS summed
        USING (SELECT DISTINCT customer_id, feature_id, date_trunc('day', hour, 'UTC') AS day FROM gone) AS gone
        WHERE summed.customer_id = gone.customer_id AND summed.feature_id = gone.feature_id AND summed.day = gone.day;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER usage_hour_deleted AFTER DELETE ON usage_usagehour REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION usage_forget_days();
CREATE TRIGGER usage_hour_truncated AFTER TRUNCATE ON usage_usagehour
FOR EACH STATEMENT EXECUTE FUNCTION usage_forget_days();

DELETE FROM usage_usageday; -- what was written without a touch until now
"""


class Migration(migrations.Migration):
    dependencies = (("usage", "0004_days_by_dimension"),)

    operations = (migrations.RunSQL(CREATE),)
