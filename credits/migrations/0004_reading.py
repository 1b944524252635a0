"""A balance in one read: a row per currency, with the few grants and charges that are open.

Nothing here grows with the history; what is owed by feature is only summed where something is owed. It is a function
because the plan of its statement is kept by the session, and making that plan takes several times what reading takes.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION credits_read(ids bigint[], code text) RETURNS TABLE (
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
BACKWARD = "DROP FUNCTION credits_read(bigint[], text)"


class Migration(migrations.Migration):
    dependencies = [("credits", "0003_proposals_and_warnings")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
