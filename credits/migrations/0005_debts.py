"""What is owed by feature is kept, so that reading a balance does not add up the charges that nobody has repaid.

Left to itself the planner takes reading one customer for cheaper when it is planned each time, and plans for longer
than it reads: the one plan is kept by force.
"""

import django.db.models.deletion
from django.db import migrations, models

FILL = """
INSERT INTO credits_creditdebt (customer_id, currency, feature_key, amount)
SELECT customer_id, currency, feature_key, sum(overdraft) FROM credits_creditcharge WHERE overdraft > 0
GROUP BY customer_id, currency, feature_key
"""
READ = """
CREATE OR REPLACE FUNCTION credits_read(ids bigint[], code text) RETURNS TABLE (
    owner bigint, purse_currency varchar, settled_sum bigint, overdraft_sum bigint,
    open_grants json, open_charges json, owed_by_feature json
) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT purse.customer_id, purse.currency, coalesce(balance.settled, 0), coalesce(balance.overdraft, 0),
        (SELECT json_agg(json_build_array(id, priority, features, effective_at, expires_at, created_at, available, pending,
            paid_at)) FROM credits_creditgrant AS one
         WHERE one.customer_id = purse.customer_id AND one.currency = purse.currency AND (available > 0 OR pending > 0)),
        (SELECT json_agg(json_build_array(feature_key, amount, may_overdraw, settles_at) ORDER BY id)
         FROM credits_opencharge AS one
         WHERE one.customer_id = purse.customer_id AND one.currency = purse.currency),
        CASE WHEN balance.overdraft > 0 THEN (
            SELECT json_object_agg(feature_key, amount) FROM credits_creditdebt AS one
            WHERE one.customer_id = purse.customer_id AND one.currency = purse.currency AND amount > 0) END
    FROM (
        SELECT customer_id, currency FROM credits_creditbalance WHERE customer_id = ANY(ids)
        UNION SELECT customer_id, currency FROM credits_opencharge WHERE customer_id = ANY(ids)
    ) AS purse
    LEFT JOIN credits_creditbalance AS balance USING (customer_id, currency)
    WHERE code IS NULL OR purse.currency = code
    ORDER BY purse.customer_id, purse.currency;
END $$;
"""
READ_BEFORE = """
CREATE OR REPLACE FUNCTION credits_read(ids bigint[], code text) RETURNS TABLE (
    owner bigint, purse_currency varchar, settled_sum bigint, overdraft_sum bigint,
    open_grants json, open_charges json, owed_by_feature json
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT purse.customer_id, purse.currency, coalesce(balance.settled, 0), coalesce(balance.overdraft, 0),
        (SELECT json_agg(json_build_array(id, priority, features, effective_at, expires_at, created_at, available, pending,
            paid_at)) FROM credits_creditgrant AS one
         WHERE one.customer_id = purse.customer_id AND one.currency = purse.currency AND (available > 0 OR pending > 0)),
        (SELECT json_agg(json_build_array(feature_key, amount, may_overdraw, settles_at) ORDER BY id)
         FROM credits_opencharge AS one
         WHERE one.customer_id = purse.customer_id AND one.currency = purse.currency),
        CASE WHEN balance.overdraft > 0 THEN (
            SELECT json_object_agg(feature_key, owed) FROM (
                SELECT feature_key, sum(overdraft) AS owed FROM credits_creditcharge AS one
                WHERE one.customer_id = purse.customer_id AND one.currency = purse.currency AND overdraft > 0
                GROUP BY feature_key) AS debts) END
    FROM (
        SELECT customer_id, currency FROM credits_creditbalance WHERE customer_id = ANY(ids)
        UNION SELECT customer_id, currency FROM credits_opencharge WHERE customer_id = ANY(ids)
    ) AS purse
    LEFT JOIN credits_creditbalance AS balance USING (customer_id, currency)
    WHERE code IS NULL OR purse.currency = code
    ORDER BY purse.customer_id, purse.currency;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0004_reading")]

    operations = [
        migrations.CreateModel(
            name="CreditDebt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                ("feature_key", models.CharField(blank=True, max_length=60)),
                ("amount", models.BigIntegerField(default=0)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "currency", "feature_key"), name="credit_debt_once"),
                ],
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(READ, READ_BEFORE),
    ]
