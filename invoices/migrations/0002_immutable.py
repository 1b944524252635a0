"""What was issued stays as it was issued: the database itself refuses, also to the owner of the tables."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION invoices_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;

-- Invoices: never deleted; they begin as drafts; identity never changes; once issued only the state of payment does.
CREATE FUNCTION invoices_guard_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'amount_paid', 'paid_at', 'voided_at', 'collect_at'];
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
        RAISE EXCEPTION 'invoice %: whose it is never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'draft' AND (to_jsonb(NEW) - movable) IS DISTINCT FROM (to_jsonb(OLD) - movable) THEN
        RAISE EXCEPTION 'invoice %: issued, and so frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status || '>' || NEW.status) = ANY (moves) THEN
        RAISE EXCEPTION 'invoice %: % never becomes %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = NEW.status AND OLD.status IN ('paid', 'void') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'invoice %: %, and so closed', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = 'draft' AND NEW.status IN ('open', 'paid') AND NEW.subtotal IS DISTINCT FROM (
        SELECT coalesce(sum(line.amount), 0) FROM invoices_invoiceline line WHERE line.invoice_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'invoice %: its lines do not sum to its subtotal', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_invoice_guard BEFORE INSERT OR UPDATE ON invoices_invoice
    FOR EACH ROW EXECUTE FUNCTION invoices_guard_invoice();
CREATE TRIGGER invoices_invoice_keep BEFORE DELETE ON invoices_invoice
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('invoices are voided, never deleted');

-- Lines: come and go with a draft only. Checked once per statement, so that a run's bulk insert stays cheap.
CREATE FUNCTION invoices_guard_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM touched JOIN invoices_invoice invoice ON invoice.id = touched.invoice_id
        WHERE invoice.status <> 'draft'
    ) THEN
        RAISE EXCEPTION '% of lines of an issued invoice is refused', TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER invoices_line_insert AFTER INSERT ON invoices_invoiceline REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_guard_lines();
CREATE TRIGGER invoices_line_update_from AFTER UPDATE ON invoices_invoiceline REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_guard_lines();
CREATE TRIGGER invoices_line_update_to AFTER UPDATE ON invoices_invoiceline REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_guard_lines();
CREATE TRIGGER invoices_line_delete AFTER DELETE ON invoices_invoiceline REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_guard_lines();

-- Payments: what was asked of the gateway never changes; an outcome is final.
CREATE FUNCTION invoices_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'gateway_id', 'decline_code', 'settled_at', 'check_at', 'checks',
                            'receipt_number'];
BEGIN
    IF (to_jsonb(NEW) - movable) IS DISTINCT FROM (to_jsonb(OLD) - movable)
        OR (OLD.gateway_id <> '' AND NEW.gateway_id <> OLD.gateway_id) THEN
        RAISE EXCEPTION 'payment %: what was asked for never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status NOT IN ('pending', 'needs_confirmation', 'unknown') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'payment %: %, which is final', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_payment_guard BEFORE UPDATE ON invoices_payment
    FOR EACH ROW EXECUTE FUNCTION invoices_guard_payment();
CREATE TRIGGER invoices_payment_keep BEFORE DELETE ON invoices_payment
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('payments are kept for ever');

-- Documents: rendered once.
CREATE TRIGGER invoices_document_keep BEFORE UPDATE OR DELETE ON invoices_document
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('documents are kept as they were rendered');

-- Sequences: only grow, and at commit every number passed must stand on a document. That is what gap-free means.
CREATE FUNCTION invoices_guard_sequence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.id, OLD.seller_id, OLD.series, OLD.year) IS DISTINCT FROM (NEW.id, NEW.seller_id, NEW.series, NEW.year)
        OR NEW.last < OLD.last THEN
        RAISE EXCEPTION 'sequence %: only grows', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_sequence_guard BEFORE UPDATE ON invoices_invoicesequence
    FOR EACH ROW EXECUTE FUNCTION invoices_guard_sequence();
CREATE TRIGGER invoices_sequence_keep BEFORE DELETE ON invoices_invoicesequence
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('a sequence goes on for ever');

CREATE FUNCTION invoices_check_no_gap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing text;
BEGIN
    SELECT given.number INTO missing
    FROM (
        SELECT NEW.series || '-' || NEW.year || '-' || lpad(n::text, greatest(6, length(n::text)), '0') AS number
        FROM generate_series(OLD.last + 1, NEW.last) AS n
    ) AS given
    WHERE NOT EXISTS (SELECT 1 FROM invoices_invoice WHERE invoices_invoice.number = given.number)
        AND NOT EXISTS (SELECT 1 FROM invoices_payment WHERE invoices_payment.receipt_number = given.number)
    LIMIT 1;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION '% was passed but stands on no document', missing USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER invoices_sequence_no_gap AFTER UPDATE ON invoices_invoicesequence
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoices_check_no_gap();

CREATE TRIGGER invoices_invoice_full BEFORE TRUNCATE ON invoices_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('documents are kept for ever');
CREATE TRIGGER invoices_line_full BEFORE TRUNCATE ON invoices_invoiceline
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('documents are kept for ever');
CREATE TRIGGER invoices_payment_full BEFORE TRUNCATE ON invoices_payment
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('payments are kept for ever');
CREATE TRIGGER invoices_document_full BEFORE TRUNCATE ON invoices_document
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('documents are kept for ever');
CREATE TRIGGER invoices_sequence_full BEFORE TRUNCATE ON invoices_invoicesequence
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('a sequence goes on for ever');
"""

TABLES = {
    "invoice": ("guard", "keep", "full"),
    "line": ("insert", "update_from", "update_to", "delete", "full"),
    "payment": ("guard", "keep", "full"),
    "document": ("keep", "full"),
    "sequence": ("guard", "keep", "no_gap", "full"),
}
FULL_NAMES = {"line": "invoiceline", "sequence": "invoicesequence"}
FUNCTIONS = ("check_no_gap", "guard_sequence", "guard_payment", "guard_lines", "guard_invoice", "refuse")
BACKWARD = "".join(
    f"DROP TRIGGER invoices_{table}_{name} ON invoices_{FULL_NAMES.get(table, table)};\n"
    for table, names in TABLES.items()
    for name in names
) + "".join(f"DROP FUNCTION invoices_{name}();\n" for name in FUNCTIONS)


class Migration(migrations.Migration):
    dependencies = [("invoices", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
