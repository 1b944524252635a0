"""What the new columns say of documents made before them; and credit notes, once issued, stay as they were issued."""

from django.db import migrations

FILL = """
UPDATE invoices_taxrate SET category = CASE WHEN label = '' THEN 'O' ELSE 'Z' END WHERE percent = 0;

ALTER TABLE invoices_invoice DISABLE TRIGGER invoices_invoice_guard;
UPDATE invoices_invoice AS invoice
SET tax_rules = jsonb_build_array(rule.value),
    taxes = jsonb_build_array(rule.value || jsonb_build_object('base', invoice.subtotal, 'tax', invoice.tax))
FROM (
    SELECT id, jsonb_build_object(
        'label', tax_label, 'percent', trim_scale(tax_percent)::text,
        'category', CASE WHEN tax_percent > 0 THEN 'S' WHEN tax_label = '' THEN 'O' ELSE 'Z' END,
        'reason', '', 'reason_code', '', 'inclusive', false
    ) AS value
    FROM invoices_invoice
) AS rule
WHERE rule.id = invoice.id;
ALTER TABLE invoices_invoice ENABLE TRIGGER invoices_invoice_guard;

UPDATE accounts_customer AS customer
SET currency = first.currency
FROM (
    SELECT DISTINCT ON (customer_id) customer_id, currency FROM invoices_invoice
    WHERE number IS NOT NULL ORDER BY customer_id, finalized_at, id
) AS first
WHERE first.customer_id = customer.id AND customer.currency = '';
"""

GUARD_INVOICE = """
CREATE OR REPLACE FUNCTION invoices_guard_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'amount_paid', %(credited)s'paid_at', 'voided_at', 'collect_at'];
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
    IF OLD.status = 'draft' AND NEW.status IN ('open', 'paid') AND %(subtotal)s IS DISTINCT FROM (
        SELECT coalesce(sum(line.amount), 0) FROM invoices_invoiceline line WHERE line.invoice_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'invoice %%: its lines do not sum to its subtotal', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
NEW_GUARD = GUARD_INVOICE % {"credited": "'amount_credited', ", "subtotal": "NEW.subtotal + NEW.tax_included"}
OLD_GUARD = GUARD_INVOICE % {"credited": "", "subtotal": "NEW.subtotal"}

FORWARD = """
-- Applications: appended only; from a credit note to an invoice of the same customer and currency.
CREATE FUNCTION invoices_guard_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM invoices_invoice note JOIN invoices_invoice invoice USING (customer_id, currency)
        WHERE note.id = NEW.credit_note_id AND invoice.id = NEW.invoice_id
            AND note.kind = 'credit_note' AND invoice.kind = 'invoice'
            AND note.status <> 'draft' AND invoice.status <> 'draft'
    ) THEN
        RAISE EXCEPTION 'a credit note pays issued invoices of its customer and currency only'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_application_guard BEFORE INSERT ON invoices_creditapplication
    FOR EACH ROW EXECUTE FUNCTION invoices_guard_application();
CREATE TRIGGER invoices_application_keep BEFORE UPDATE OR DELETE ON invoices_creditapplication
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('what a credit note paid is kept for ever');
CREATE TRIGGER invoices_application_full BEFORE TRUNCATE ON invoices_creditapplication
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('what a credit note paid is kept for ever');

-- Refunds: what was asked of the gateway never changes; an outcome is final.
CREATE FUNCTION invoices_guard_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'failure_code', 'settled_at', 'check_at', 'checks'];
BEGIN
    IF (to_jsonb(NEW) - movable) IS DISTINCT FROM (to_jsonb(OLD) - movable) THEN
        RAISE EXCEPTION 'refund %: what was asked for never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status NOT IN ('pending', 'unknown') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'refund %: %, which is final', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_refund_guard BEFORE UPDATE ON invoices_refund
    FOR EACH ROW EXECUTE FUNCTION invoices_guard_refund();
CREATE TRIGGER invoices_refund_keep BEFORE DELETE ON invoices_refund
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('refunds are kept for ever');
CREATE TRIGGER invoices_refund_full BEFORE TRUNCATE ON invoices_refund
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('refunds are kept for ever');
"""

TABLES = {"creditapplication": "application", "refund": "refund"}
BACKWARD = (
    "".join(
        f"DROP TRIGGER invoices_{short}_{name} ON invoices_{table};\n"
        for table, short in TABLES.items()
        for name in ("guard", "keep", "full")
    )
    + "DROP FUNCTION invoices_guard_application();\nDROP FUNCTION invoices_guard_refund();\n"
)


class Migration(migrations.Migration):
    dependencies = [("invoices", "0003_taxes_and_credit_notes"), ("accounts", "0003_sandbox_refunds")]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(NEW_GUARD + FORWARD, BACKWARD + OLD_GUARD),
    ]
