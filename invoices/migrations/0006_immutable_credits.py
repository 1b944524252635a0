"""Issued documents: what credit paid of their lines is frozen too, and sums to the document's. Statements never change."""

from django.db import migrations

GUARD_INVOICE = """
CREATE OR REPLACE FUNCTION invoices_guard_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'amount_paid', 'amount_credited', 'paid_at', 'voided_at', 'collect_at'];
    moves text[] := ARRAY['draft>open', 'draft>paid', 'draft>void', 'open>paid', 'open>uncollectible', 'open>void',
                          'uncollectible>paid', 'uncollectible>void'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' THEN
            RAISE EXCEPTION 'an invoice begins as a draft' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.id, OLD.public_id, OLD.customer_id, OLD.seller_id, OLD.currency)
        IS DISTINCT FROM (NEW.id, NEW.public_id, NEW.customer_id, NEW.seller_id, NEW.currency) THEN
        RAISE EXCEPTION 'invoice %%: whose it is never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'draft' AND (to_jsonb(NEW) - movable) IS DISTINCT FROM (to_jsonb(OLD) - movable) THEN
        RAISE EXCEPTION 'invoice %%: issued, and so frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status || '>' || NEW.status) = ANY (moves) THEN
        RAISE EXCEPTION 'invoice %%: %% never becomes %%', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = NEW.status AND OLD.status IN ('paid', 'void') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'invoice %%: %%, and so closed', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = 'draft' AND NEW.status IN ('open', 'paid') AND %(figures)s IS DISTINCT FROM (
        SELECT %(sums)s FROM invoices_invoiceline line WHERE line.invoice_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'invoice %%: its lines do not sum to its subtotal', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
NEW_GUARD = GUARD_INVOICE % {
    "figures": "ROW(NEW.subtotal + NEW.tax_included + NEW.credits, NEW.credits)",
    "sums": "ROW(coalesce(sum(line.amount), 0)::bigint, coalesce(sum(line.credits), 0)::bigint)",
}
OLD_GUARD = GUARD_INVOICE % {
    "figures": "NEW.subtotal + NEW.tax_included",
    "sums": "coalesce(sum(line.amount), 0)",
}

FORWARD = """
CREATE TRIGGER invoices_statement_keep BEFORE UPDATE OR DELETE ON invoices_creditstatement
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('statements are kept for ever');
CREATE TRIGGER invoices_statement_full BEFORE TRUNCATE ON invoices_creditstatement
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('statements are kept for ever');
"""
BACKWARD = """
DROP TRIGGER invoices_statement_keep ON invoices_creditstatement;
DROP TRIGGER invoices_statement_full ON invoices_creditstatement;
"""


class Migration(migrations.Migration):
    dependencies = [("invoices", "0005_credits")]

    operations = [migrations.RunSQL(NEW_GUARD + FORWARD, BACKWARD + OLD_GUARD)]
