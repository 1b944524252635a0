"""Plans that are one customer's contract; migrations of subscriptions that can be watched; changes withdrawn."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

FORWARD = """
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

BACKWARD = """
DROP TRIGGER plans_subscription_contract ON plans_subscription;
DROP FUNCTION plans_refuse_foreign_contract();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_staff_roles"),
        ("plans", "0009_stated_until"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SubscriptionMigration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        help_text="Of the form that was sent: sending it twice is once", max_length=40, unique=True
                    ),
                ),
                ("from_versions", models.JSONField(help_text="Numbers of the versions they move from")),
                (
                    "when",
                    models.CharField(
                        choices=[
                            ("now", "Immediately"),
                            ("period_end", "At the end of each billing period"),
                            ("after_notice", "At the end of the billing period, at least 30 days ahead"),
                        ],
                        max_length=20,
                    ),
                ),
                ("expected", models.PositiveIntegerField(help_text="How many could move when it was decided")),
                ("reason", models.CharField(max_length=300)),
                ("created_at", models.DateTimeField()),
                (
                    "scheduled_at",
                    models.DateTimeField(
                        help_text="When a change was scheduled for the last one; null: not yet", null=True
                    ),
                ),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="scheduledchange",
            name="scheduled_change_status_known",
        ),
        migrations.AddField(
            model_name="plan",
            name="contract_ends_on",
            field=models.DateField(help_text="As agreed, the last day; nothing ends by itself", null=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="contract_starts_on",
            field=models.DateField(help_text="As agreed; the plan begins when it is subscribed", null=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="customer",
            field=models.ForeignKey(
                help_text="Whose contract this is: nobody else can be put on it. Null: of the catalogue",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.customer",
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="payment_terms",
            field=models.PositiveSmallIntegerField(
                help_text="Days from the issue of an invoice until it is due; null: as the setting says", null=True
            ),
        ),
        migrations.AddField(
            model_name="scheduledchange",
            name="key",
            field=models.CharField(
                help_text="Of the form that was sent: sending it twice is once", max_length=40, null=True, unique=True
            ),
        ),
        migrations.AlterField(
            model_name="scheduledchange",
            name="settled_at",
            field=models.DateTimeField(help_text="When it was carried out, superseded or withdrawn", null=True),
        ),
        migrations.AlterField(
            model_name="scheduledchange",
            name="status",
            field=models.CharField(
                choices=[
                    ("scheduled", "scheduled"),
                    ("done", "done"),
                    ("superseded", "superseded"),
                    ("withdrawn", "withdrawn"),
                ],
                default="scheduled",
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("contract_ends_on__isnull", True),
                        ("contract_starts_on__isnull", True),
                        ("customer__isnull", True),
                    ),
                    models.Q(
                        ("customer__isnull", False),
                        ("is_default", False),
                        ("payment_policy", "managed_by_contract"),
                        ("self_serve", False),
                    ),
                    _connector="OR",
                ),
                name="plan_contract_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("contract_starts_on__isnull", True),
                    ("contract_ends_on__isnull", True),
                    ("contract_starts_on__lte", models.F("contract_ends_on")),
                    _connector="OR",
                ),
                name="plan_contract_ordered",
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("payment_terms__isnull", True),
                    models.Q(("payment_policy", "managed_by_contract"), ("payment_terms__lte", 365)),
                    _connector="OR",
                ),
                name="plan_payment_terms_by_contract",
            ),
        ),
        migrations.AddField(
            model_name="subscriptionmigration",
            name="created_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="subscriptionmigration",
            name="plan",
            field=models.ForeignKey(
                help_text="The version they move to",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="migrations",
                to="plans.plan",
            ),
        ),
        migrations.AddField(
            model_name="scheduledchange",
            name="migration",
            field=models.ForeignKey(
                help_text="Of which it is one; null: decided for this customer alone",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="changes",
                to="plans.subscriptionmigration",
            ),
        ),
        migrations.AddConstraint(
            model_name="scheduledchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["scheduled", "done", "superseded", "withdrawn"])),
                name="scheduled_change_status_known",
            ),
        ),
        migrations.AddIndex(
            model_name="subscriptionmigration",
            index=models.Index(
                condition=models.Q(("scheduled_at__isnull", True)),
                fields=["created_at"],
                name="subscription_migration_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscriptionmigration",
            constraint=models.CheckConstraint(
                condition=models.Q(("when__in", ["now", "period_end", "after_notice"])),
                name="subscription_migration_when_known",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
