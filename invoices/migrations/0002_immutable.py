"""What was issued, paid or given back stays as it was: the database itself refuses, also to the owner of the tables."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION invoices_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;

-- Invoices: never deleted; they begin as drafts; identity never changes; once issued only the state of payment does.

CREATE FUNCTION invoices_guard_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF OLD.status = 'draft' AND NEW.status IN ('open', 'paid') AND ROW(NEW.subtotal + NEW.tax_included + NEW.credits, NEW.credits) IS DISTINCT FROM (
        SELECT ROW(coalesce(sum(line.amount), 0)::bigint, coalesce(sum(line.credits), 0)::bigint) FROM invoices_invoiceline line WHERE line.invoice_id = NEW.id
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
    IF OLD.status NOT IN ('pending', 'needs_confirmation', 'unknown') AND NEW IS DISTINCT FROM OLD
        AND NOT (OLD.status IN ('declined', 'canceled') AND NEW.status IN ('succeeded', 'surplus')) THEN
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

-- … and are of what their credit note has left, or of a payment that came late and paid nothing.
CREATE FUNCTION invoices_guard_new_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.credit_note_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM invoices_invoice note
        WHERE note.id = NEW.credit_note_id AND note.kind = 'credit_note' AND note.status = 'open'
            AND note.customer_id = NEW.customer_id AND note.currency = NEW.currency
            AND abs(note.total) - note.amount_credited >= NEW.amount + (
                SELECT coalesce(sum(earlier.amount), 0) FROM invoices_refund earlier
                WHERE earlier.credit_note_id = note.id AND earlier.status <> 'failed'
            )
    ) THEN
        RAISE EXCEPTION 'a refund is of what its credit note has left' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.payment_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM invoices_payment payment
        WHERE payment.id = NEW.payment_id AND payment.payment_method_id IS NOT NULL
            AND payment.status = CASE WHEN NEW.credit_note_id IS NULL THEN 'surplus' ELSE 'succeeded' END
            AND payment.customer_id = NEW.customer_id AND payment.currency = NEW.currency
            AND payment.amount >= NEW.amount + (
                SELECT coalesce(sum(earlier.amount), 0) FROM invoices_refund earlier
                WHERE earlier.payment_id = payment.id AND earlier.status <> 'failed'
            )
    ) THEN
        RAISE EXCEPTION 'a card never gets more back than it paid' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_refund_new BEFORE INSERT ON invoices_refund
    FOR EACH ROW EXECUTE FUNCTION invoices_guard_new_refund();

-- Statements: rendered once.
CREATE TRIGGER invoices_statement_keep BEFORE UPDATE OR DELETE ON invoices_creditstatement
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('statements are kept for ever');
CREATE TRIGGER invoices_statement_full BEFORE TRUNCATE ON invoices_creditstatement
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('statements are kept for ever');

-- Events of the processor, disputes: what was said stays as it came.
CREATE FUNCTION invoices_guard_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'tries', 'retry_at', 'handled_at', 'subject', 'effect', 'last_error'];
BEGIN
    IF (to_jsonb(NEW) - movable) IS DISTINCT FROM (to_jsonb(OLD) - movable) THEN
        RAISE EXCEPTION 'event %: what the processor said stays as it came', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_event_guard BEFORE UPDATE ON invoices_gatewayevent
    FOR EACH ROW EXECUTE FUNCTION invoices_guard_event();

CREATE FUNCTION invoices_guard_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'reason', 'as_of', 'closed_at'];
BEGIN
    IF (to_jsonb(NEW) - movable) IS DISTINCT FROM (to_jsonb(OLD) - movable) OR NEW.as_of < OLD.as_of THEN
        RAISE EXCEPTION 'dispute %: which charge it is about never changes', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_dispute_guard BEFORE UPDATE ON invoices_dispute
    FOR EACH ROW EXECUTE FUNCTION invoices_guard_dispute();
CREATE TRIGGER invoices_dispute_keep BEFORE DELETE ON invoices_dispute
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('disputes are kept for ever');
CREATE TRIGGER invoices_dispute_full BEFORE TRUNCATE ON invoices_dispute
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse('disputes are kept for ever');

-- The person who bought may be deleted; nothing else of a sale changes.
CREATE FUNCTION invoices_guard_sale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'created_by_id') IS DISTINCT FROM (to_jsonb(OLD) - 'created_by_id')
        OR NEW.created_by_id IS NOT NULL AND NEW.created_by_id IS DISTINCT FROM OLD.created_by_id THEN
        RAISE EXCEPTION 'sale %: which invoice sold which credit never changes', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_sale_guard BEFORE UPDATE ON invoices_creditsale
    FOR EACH ROW EXECUTE FUNCTION invoices_guard_sale();
CREATE TRIGGER invoices_sale_keep BEFORE DELETE ON invoices_creditsale
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('sales are given up, never deleted');
CREATE TRIGGER invoices_top_up_keep BEFORE DELETE ON invoices_topuprule
    FOR EACH ROW EXECUTE FUNCTION invoices_refuse('rules are switched off, never deleted');
"""


class Migration(migrations.Migration):
    dependencies = [("invoices", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD)]
