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

CREATE FUNCTION plans_refuse_tier_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    card_ids bigint[] := CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW.rate_card_id]
        WHEN 'DELETE' THEN ARRAY[OLD.rate_card_id]
        ELSE ARRAY[OLD.rate_card_id, NEW.rate_card_id]
    END;
BEGIN
    IF EXISTS (
        SELECT FROM plans_ratecard AS card JOIN plans_plan AS plan ON plan.id = card.plan_id
        WHERE card.id = ANY(card_ids) AND plan.status <> 'draft'
    ) THEN
        RAISE EXCEPTION 'the tiers of a published plan cannot be added, changed or deleted'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;

CREATE TRIGGER plans_pricetier_immutable BEFORE INSERT OR UPDATE OR DELETE ON plans_pricetier
    FOR EACH ROW EXECUTE FUNCTION plans_refuse_tier_change();

-- Nor can all of them be taken away at once.
CREATE FUNCTION plans_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the price list cannot be emptied' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER plans_plan_no_truncate BEFORE TRUNCATE ON plans_plan FOR EACH STATEMENT EXECUTE FUNCTION plans_refuse_truncate();
CREATE TRIGGER plans_ratecard_no_truncate BEFORE TRUNCATE ON plans_ratecard FOR EACH STATEMENT EXECUTE FUNCTION plans_refuse_truncate();
CREATE TRIGGER plans_pricetier_no_truncate BEFORE TRUNCATE ON plans_pricetier FOR EACH STATEMENT EXECUTE FUNCTION plans_refuse_truncate();

-- A contract is one customer's.
CREATE FUNCTION plans_refuse_foreign_contract() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM plans_plan WHERE id = NEW.plan_id AND customer_id <> NEW.customer_id) THEN
        RAISE EXCEPTION 'plan % is the contract of another customer than %', NEW.plan_id, NEW.customer_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER plans_subscription_contract BEFORE INSERT OR UPDATE OF plan_id, customer_id ON plans_subscription
    FOR EACH ROW EXECUTE FUNCTION plans_refuse_foreign_contract();
"""


class Migration(migrations.Migration):
    dependencies = [("plans", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD)]
