"""Credit notes of chosen lines and of amounts, where their money goes, and what was paid out outside.

The database refuses a refund of more than its payment took or than its credit note has left.
"""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION invoices_guard_new_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
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
        WHERE payment.id = NEW.payment_id AND payment.status = 'succeeded' AND payment.payment_method_id IS NOT NULL
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
"""
BACKWARD = """
DROP TRIGGER invoices_refund_new ON invoices_refund;
DROP FUNCTION invoices_guard_new_refund();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_staff_roles"),
        ("invoices", "0006_immutable_credits"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="invoice",
            name="invoice_negative_is_credit_note",
        ),
        migrations.AddField(
            model_name="invoice",
            name="given_back",
            field=models.JSONField(
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="Credit note of one invoice: what was given back of it before (invoices/watermarks.py)",
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="goes_first_to",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.payment"
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="goes_to",
            field=models.CharField(
                choices=[
                    ("order", "open invoices, then the card that paid; the rest is kept"),
                    ("kept", "open invoices; the rest is kept for the next one"),
                    ("payment", "one payment first, then as ever"),
                ],
                db_default="order",
                default="order",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="method",
            field=models.CharField(
                blank=True,
                choices=[("bank_transfer", "bank transfer"), ("cheque", "cheque"), ("other", "another way")],
                db_default="",
                help_text="Outside: how",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="paid_on",
            field=models.DateField(help_text="Outside: the day it was transferred", null=True),
        ),
        migrations.AddField(
            model_name="refund",
            name="reference",
            field=models.CharField(blank=True, db_default="", help_text="Outside: the bank's", max_length=100),
        ),
        migrations.AlterField(
            model_name="refund",
            name="payment",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="invoices.payment"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "invoice"), ("total__gte", 0)),
                    models.Q(("kind", "credit_note"), ("total__lte", 0)),
                    _connector="OR",
                ),
                name="invoice_negative_is_credit_note",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("goes_first_to", None), ("goes_to__in", ("order", "kept"))),
                    models.Q(("goes_first_to__isnull", False), ("goes_to", "payment")),
                    _connector="OR",
                ),
                name="invoice_goes_to_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("method", ""), ("paid_on", None), ("payment__isnull", False), ("reference", "")),
                    models.Q(
                        ("method__in", ["bank_transfer", "cheque", "other"]),
                        ("paid_on__isnull", False),
                        ("payment", None),
                        ("status", "succeeded"),
                    ),
                    _connector="OR",
                ),
                name="refund_to_a_payment_or_outside",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
