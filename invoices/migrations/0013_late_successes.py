"""A payment that was given up may still turn out to have succeeded – nothing else about it ever changes –, and a refund
without a credit note is of such a payment, where no document was paid with it. What an event said stays as it came."""

from django.db import migrations

GUARD_PAYMENT = """
CREATE OR REPLACE FUNCTION invoices_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'gateway_id', 'decline_code', 'settled_at', 'check_at', 'checks',
                            'receipt_number'];
BEGIN
    IF (to_jsonb(NEW) - movable) IS DISTINCT FROM (to_jsonb(OLD) - movable)
        OR (OLD.gateway_id <> '' AND NEW.gateway_id <> OLD.gateway_id) THEN
        RAISE EXCEPTION 'payment %%: what was asked for never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status NOT IN ('pending', 'needs_confirmation', 'unknown') AND NEW IS DISTINCT FROM OLD%(unless)s THEN
        RAISE EXCEPTION 'payment %%: %%, which is final', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
LATE = """
        AND NOT (OLD.status IN ('declined', 'canceled') AND NEW.status IN ('succeeded', 'surplus'))"""

GUARD_REFUND = """
CREATE OR REPLACE FUNCTION invoices_guard_new_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF %(unless)sNOT EXISTS (
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
        WHERE payment.id = NEW.payment_id AND payment.status = %(status)s AND payment.payment_method_id IS NOT NULL
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
"""
OF_EITHER = "CASE WHEN NEW.credit_note_id IS NULL THEN 'surplus' ELSE 'succeeded' END"

EVENTS = """
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
"""
BACKWARD = """
DROP TRIGGER invoices_event_guard ON invoices_gatewayevent;
DROP FUNCTION invoices_guard_event();
DROP TRIGGER invoices_dispute_guard ON invoices_dispute;
DROP TRIGGER invoices_dispute_keep ON invoices_dispute;
DROP TRIGGER invoices_dispute_full ON invoices_dispute;
DROP FUNCTION invoices_guard_dispute();
"""
NEW = GUARD_PAYMENT % {"unless": LATE} + GUARD_REFUND % {
    "unless": "NEW.credit_note_id IS NOT NULL AND ",
    "status": OF_EITHER,
}
OLD = GUARD_PAYMENT % {"unless": ""} + GUARD_REFUND % {"unless": "", "status": "'succeeded'"}


class Migration(migrations.Migration):
    dependencies = [("invoices", "0012_gateway_events")]

    operations = [migrations.RunSQL(NEW + EVENTS, BACKWARD + OLD)]
