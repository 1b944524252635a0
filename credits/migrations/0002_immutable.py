"""What was booked stays as it was booked: the database itself refuses, also to the owner of the tables."""

from django.db import migrations

KEEP = """
CREATE FUNCTION credits_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;
"""

# Whole statements are refused, so that not even one that finds no row goes through.
FOREVER = """
CREATE TRIGGER credits_{name}_keep BEFORE UPDATE OR DELETE ON credits_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION credits_refuse('{why}');
CREATE TRIGGER credits_{name}_full BEFORE TRUNCATE ON credits_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION credits_refuse('{why}');
"""
NEVER_DELETED = """
CREATE TRIGGER credits_{name}_keep BEFORE DELETE ON credits_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION credits_refuse('{why}');
CREATE TRIGGER credits_{name}_full BEFORE TRUNCATE ON credits_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION credits_refuse('{why}');
"""
# The trigger costs nothing where only the projections are written: it is bound to the columns of the facts.
FACTS = """
CREATE TRIGGER credits_{name}_facts BEFORE UPDATE OF {columns} ON credits_{table}
    FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION credits_refuse('{why}');
"""

GRANT = (
    "id", "public_id", "key", "customer_id", "currency", "amount", "funding", "unit_cost", "priority", "effective_at",
    "expires_at", "features", "name", "reason", "metadata", "created_at",
)  # fmt: skip
CHARGE = (
    "id", "key", "group", "customer_id", "currency", "feature_key", "title", "line_key", "details", "amount",
    "booked_at", "created_at",
)  # fmt: skip
ALLOCATION = ("id", "charge_id", "grant_id", "position", "amount", "is_repayment")


def facts(name, table, columns, why, *, also=""):
    old, new = (", ".join(f'{row}."{column}"' for column in columns) for row in ("OLD", "NEW"))
    changed = f"({old}) IS DISTINCT FROM ({new})"
    targets = ", ".join(f'"{column}"' for column in columns)
    if also:
        column, condition = also.split(":", 1)
        targets, changed = f'{targets}, "{column}"', f"{changed} OR {condition}"
    return FACTS.format(name=name, table=table, columns=targets, changed=changed, why=why)


TRIGGERS = (
    FOREVER.format(name="account", table="ledgeraccount", why="an account is for ever")
    + FOREVER.format(name="transaction", table="ledgertransaction", why="the ledger is only added to")
    + FOREVER.format(name="entry", table="ledgerentry", why="the ledger is only added to")
    + FOREVER.format(name="correction", table="creditcorrection", why="what was given back is kept for ever")
    + NEVER_DELETED.format(name="grant", table="creditgrant", why="grants are voided, never deleted")
    + NEVER_DELETED.format(name="charge", table="creditcharge", why="charges are corrected, never deleted")
    + NEVER_DELETED.format(name="allocation", table="creditallocation", why="allocations are unwound, never deleted")
    + facts(
        "grant", "creditgrant", GRANT, "what was granted never changes",
        # A person may be deleted; nobody else becomes the one who granted.
        also="created_by_id:NEW.created_by_id IS NOT NULL AND NEW.created_by_id IS DISTINCT FROM OLD.created_by_id",
    )
    + facts(
        "charge", "creditcharge", CHARGE, "what was charged never changes",
        also="is_final:OLD.is_final AND NOT NEW.is_final",
    )
    + facts("allocation", "creditallocation", ALLOCATION, "who paid never changes")
)  # fmt: skip

# The entries of a transaction arrive in one statement, after it, and are whole: as many as it says, numbered from 0,
# summing to zero in its one currency, on its customer's accounts or the business's, moving what it says. Checked once
# per statement, and always by index: plans made while the tables were small must not read large ones. Since positions
# are unique, nothing can be added to an old transaction. What is left for the commit: that there are entries at all.
BALANCED = """
CREATE FUNCTION credits_check_entries() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    wrong bigint;
BEGIN
    SELECT given.transaction_id INTO wrong
    FROM (
        SELECT added.transaction_id, count(*) AS count, sum(added.amount) AS sum, max(added.position) AS last,
            min(account.currency) AS lowest, max(account.currency) AS highest,
            min(account.customer_id) AS customer, max(account.customer_id) AS other,
            coalesce(sum(added.amount) FILTER (WHERE account.kind IN ('customer_credit', 'overdraft')), 0) AS moved
        FROM added LEFT JOIN credits_ledgeraccount account ON account.id = added.account_id
        GROUP BY added.transaction_id
    ) AS given
    LEFT JOIN credits_ledgertransaction booked ON booked.id = given.transaction_id
    WHERE booked.id IS NULL OR given.sum <> 0 OR given.count <> booked.entry_count OR given.last >= booked.entry_count
        OR given.lowest IS DISTINCT FROM booked.currency OR given.highest IS DISTINCT FROM booked.currency
        OR given.customer IS DISTINCT FROM booked.customer_id OR given.other IS DISTINCT FROM booked.customer_id
        OR given.moved <> booked.amount
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the entries of transaction % do not balance', wrong USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER credits_entry_balanced AFTER INSERT ON credits_ledgerentry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION credits_check_entries();

CREATE FUNCTION credits_check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM credits_ledgerentry WHERE transaction_id = NEW.id) THEN
        RAISE EXCEPTION 'transaction % has no entries', NEW.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER credits_transaction_balanced AFTER INSERT ON credits_ledgertransaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION credits_check_transaction();
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0001_initial")]

    operations = [migrations.RunSQL(KEEP + TRIGGERS + BALANCED)]
