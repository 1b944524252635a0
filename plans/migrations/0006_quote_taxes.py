"""A quote keeps every tax row, what kept credits take off its total, and whether its first payment was given up."""

from django.db import migrations, models
from django.db.models import F, Q, Value

FILL = """
UPDATE plans_changequote AS quote
SET tax_rules = jsonb_build_array(rule.value),
    taxes = jsonb_build_array(rule.value || jsonb_build_object('base', quote.subtotal, 'tax', quote.tax))
FROM (
    SELECT id, jsonb_build_object(
        'label', tax_label, 'percent', trim_scale(tax_percent)::text,
        'category', CASE WHEN tax_percent > 0 THEN 'S' WHEN tax_label = '' THEN 'O' ELSE 'Z' END,
        'reason', '', 'reason_code', '', 'inclusive', false
    ) AS value
    FROM plans_changequote
) AS rule
WHERE rule.id = quote.id;

UPDATE plans_changequote AS quote
SET given_up_at = invoice.voided_at
FROM invoices_invoice AS invoice
WHERE invoice.id = quote.invoice_id AND invoice.status = 'void' AND quote.completed_at IS NULL;

SET CONSTRAINTS ALL IMMEDIATE;
"""

UNFILL = """
UPDATE plans_changequote
SET tax_label = coalesce(tax_rules -> 0 ->> 'label', ''),
    tax_percent = coalesce((tax_rules -> 0 ->> 'percent')::numeric, 0);

SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("plans", "0005_changes"),
        ("invoices", "0004_immutable_credit_notes"),
    ]

    operations = [
        migrations.AddField(
            model_name="changequote",
            name="tax_rules",
            field=models.JSONField(
                default=list,
                db_default=Value([], models.JSONField()),
                help_text="The customer's rates, as on the invoice",
            ),
        ),
        migrations.AddField(
            model_name="changequote",
            name="taxes",
            field=models.JSONField(
                default=list, db_default=Value([], models.JSONField()), help_text="One row per rate, as on the invoice"
            ),
        ),
        migrations.AddField(
            model_name="changequote",
            name="credit",
            field=models.BigIntegerField(
                default=0, db_default=0, help_text="What kept credit notes take off the total, minor units"
            ),
        ),
        migrations.AddField(
            model_name="changequote",
            name="given_up_at",
            field=models.DateTimeField(
                null=True,
                help_text="Its invoice was issued, but the plan will not begin: declined, or another has begun",
            ),
        ),
        migrations.AlterField(
            model_name="changequote", name="tax", field=models.BigIntegerField(help_text="Sum of the rows")
        ),
        migrations.AlterField(  # so that the removal below can be undone
            model_name="changequote",
            name="tax_label",
            field=models.CharField(max_length=40, blank=True, db_default=""),
        ),
        migrations.RunSQL(FILL, UNFILL),
        migrations.RemoveField(model_name="changequote", name="tax_label"),
        migrations.RemoveField(model_name="changequote", name="tax_percent"),
        migrations.AddConstraint(
            model_name="changequote",
            constraint=models.CheckConstraint(
                condition=Q(credit=0) | Q(credit__gt=0, credit__lte=F("total")), name="quote_credit_within_total"
            ),
        ),
        migrations.AddConstraint(
            model_name="changequote",
            constraint=models.CheckConstraint(
                condition=Q(given_up_at__isnull=True) | Q(completed_at__isnull=True, invoice__isnull=False),
                name="quote_given_up_was_billed",
            ),
        ),
    ]
