"""Published prices can't be changed row by row; nor, from here on, can all of them be taken away at once."""

from django.db import migrations

TABLES = ("plans_plan", "plans_ratecard", "plans_pricetier")

FORWARDS = """
CREATE FUNCTION plans_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the price list cannot be emptied' USING ERRCODE = 'restrict_violation';
END
$$;
""" + "".join(
    f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION plans_refuse_truncate();\n"
    for table in TABLES
)
BACKWARDS = "".join(f"DROP TRIGGER {table}_no_truncate ON {table};\n" for table in TABLES) + (
    "DROP FUNCTION plans_refuse_truncate();"
)


class Migration(migrations.Migration):
    dependencies = [("plans", "0012_staff_lists")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
