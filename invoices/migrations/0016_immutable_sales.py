"""Which invoice sold which grant stays as it was: the database itself refuses, also to the owner of the tables."""

from django.db import migrations

FORWARD = """
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
BACKWARD = """
DROP TRIGGER invoices_top_up_keep ON invoices_topuprule;
DROP TRIGGER invoices_sale_keep ON invoices_creditsale;
DROP TRIGGER invoices_sale_guard ON invoices_creditsale;
DROP FUNCTION invoices_guard_sale();
"""


class Migration(migrations.Migration):
    dependencies = [("invoices", "0015_selling")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
