"""Graduated, volume, package and free prices, discounts, minimum and maximum; what stands already is as it was."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

TIERS_FORWARD = """
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
"""

TIERS_BACKWARD = """
DROP TRIGGER plans_pricetier_immutable ON plans_pricetier;
DROP FUNCTION plans_refuse_tier_change();
"""


class Migration(migrations.Migration):
    dependencies = [("plans", "0002_immutable")]

    operations = [
        migrations.AlterField(
            model_name="ratecard",
            name="model",
            field=models.CharField(
                choices=[
                    ("flat", "Flat fee"),
                    ("unit", "Usage based"),
                    ("graduated", "Graduated: each tier prices its own units"),
                    ("volume", "Volume: the tier reached prices all units"),
                    ("package", "Package: whole packages"),
                    ("free", "Free"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="ratecard",
            name="unit_amount",
            field=models.DecimalField(
                blank=True,
                decimal_places=12,
                help_text="Price per `per_units`, or of one package, major units",
                max_digits=30,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="ratecard",
            name="per_units",
            field=models.PositiveIntegerField(
                default=1,
                help_text="12.00 per 1,000,000: sub-cent prices stay readable. Of a package: how many are in it",
            ),
        ),
        migrations.AddField(
            model_name="ratecard",
            name="discount_percent",
            field=models.DecimalField(
                decimal_places=4, default=0, help_text="Off the price of usage: 0 to 100", max_digits=7
            ),
        ),
        migrations.AddField(
            model_name="ratecard",
            name="minimum_amount",
            field=models.BigIntegerField(
                blank=True,
                help_text="Least charge of a usage window, minor units; posted when it closes",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="ratecard",
            name="maximum_amount",
            field=models.BigIntegerField(
                blank=True, help_text="Highest charge of a usage window, minor units", null=True
            ),
        ),
        migrations.RemoveConstraint(model_name="ratecard", name="rate_card_priced_as_its_model"),
        migrations.AddConstraint(
            model_name="ratecard",
            constraint=models.CheckConstraint(
                condition=Q(model="flat", amount__isnull=False, amount__gte=0, feature__isnull=True)
                | Q(model__in=("unit", "package"), unit_amount__isnull=False, unit_amount__gte=0, feature__isnull=False)
                | Q(model__in=("graduated", "volume", "free"), unit_amount__isnull=True, feature__isnull=False),
                name="rate_card_priced_as_its_model",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratecard",
            constraint=models.CheckConstraint(
                condition=Q(discount_percent__range=(0, 100))
                & (~Q(model="flat") | Q(discount_percent=0, minimum_amount__isnull=True, maximum_amount__isnull=True))
                & (Q(minimum_amount__isnull=True) | Q(minimum_amount__gte=0))
                & (Q(maximum_amount__isnull=True) | Q(maximum_amount__gte=0))
                & (
                    Q(minimum_amount__isnull=True)
                    | Q(maximum_amount__isnull=True)
                    | Q(minimum_amount__lte=F("maximum_amount"))
                ),
                name="rate_card_limits_valid",
            ),
        ),
        migrations.CreateModel(
            name="PriceTier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "up_to",
                    models.DecimalField(
                        blank=True,
                        decimal_places=12,
                        help_text="Up to and including; empty: the last tier",
                        max_digits=38,
                        null=True,
                    ),
                ),
                (
                    "unit_amount",
                    models.DecimalField(
                        decimal_places=12,
                        default=0,
                        help_text="Price per the card's `per_units`, major units",
                        max_digits=30,
                    ),
                ),
                (
                    "flat_amount",
                    models.BigIntegerField(
                        default=0,
                        help_text="Once, when the tier is reached, minor units; that of the first tier always",
                    ),
                ),
                (
                    "rate_card",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tiers", to="plans.ratecard"
                    ),
                ),
            ],
            options={
                "ordering": ("rate_card", F("up_to").asc(nulls_last=True)),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("rate_card", "up_to"), nulls_distinct=False, name="price_tier_once"
                    ),
                    models.CheckConstraint(
                        condition=Q(up_to__isnull=True) | Q(up_to__gt=0), name="price_tier_above_nothing"
                    ),
                    models.CheckConstraint(
                        condition=Q(unit_amount__gte=0, flat_amount__gte=0), name="price_tier_not_negative"
                    ),
                ],
            },
        ),
        migrations.RunSQL(TIERS_FORWARD, TIERS_BACKWARD),
    ]
