"""A published price never changes: subscriptions and issued lines point at it, so SQL refuses it to everybody."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION plans_refuse_plan_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'status' = to_jsonb(OLD) - 'status'
        AND (NEW.status = OLD.status OR (OLD.status = 'published' AND NEW.status = 'archived')) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'plan % v% is %: it cannot be changed or deleted', OLD.key, OLD.version, OLD.status
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER plans_plan_immutable BEFORE UPDATE OR DELETE ON plans_plan
    FOR EACH ROW EXECUTE FUNCTION plans_refuse_plan_change();

CREATE FUNCTION plans_refuse_card_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    plan_ids bigint[] := CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW.plan_id]
        WHEN 'DELETE' THEN ARRAY[OLD.plan_id]
        ELSE ARRAY[OLD.plan_id, NEW.plan_id]
    END;
BEGIN
    IF EXISTS (SELECT FROM plans_plan WHERE id = ANY(plan_ids) AND status <> 'draft') THEN
        RAISE EXCEPTION 'the rate cards of a published plan cannot be added, changed or deleted'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;

CREATE TRIGGER plans_ratecard_immutable BEFORE INSERT OR UPDATE OR DELETE ON plans_ratecard
    FOR EACH ROW EXECUTE FUNCTION plans_refuse_card_change();
"""

BACKWARD = """
DROP TRIGGER plans_ratecard_immutable ON plans_ratecard;
DROP FUNCTION plans_refuse_card_change();
DROP TRIGGER plans_plan_immutable ON plans_plan;
DROP FUNCTION plans_refuse_plan_change();
"""


class Migration(migrations.Migration):
    dependencies = [("plans", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
