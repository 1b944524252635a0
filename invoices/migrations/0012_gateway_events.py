"""What processors tell us by themselves, and payments that succeed after they were given up."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_staff_lists"),
        ("invoices", "0011_staff_lists"),
    ]

    operations = [
        migrations.CreateModel(
            name="Dispute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gateway", models.CharField(choices=[("sandbox", "Sandbox"), ("stripe", "Stripe")], max_length=20)),
                ("gateway_id", models.CharField(max_length=120)),
                ("amount", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "reason",
                    models.CharField(
                        blank=True, help_text="The processor's word: fraudulent, duplicate …", max_length=60
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        help_text="The processor's word: needs_response, under_review, won, lost", max_length=40
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                (
                    "as_of",
                    models.DateTimeField(
                        help_text="When the newest event about it was made; an older one changes nothing"
                    ),
                ),
                ("closed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="GatewayEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gateway", models.CharField(choices=[("sandbox", "Sandbox"), ("stripe", "Stripe")], max_length=20)),
                ("event_id", models.CharField(help_text="The processor's id of it", max_length=120)),
                ("type", models.CharField(help_text="payment_intent.succeeded …", max_length=80)),
                ("created_at", models.DateTimeField(help_text="By the processor's clock")),
                ("received_at", models.DateTimeField(help_text="When it came first; repeats change nothing")),
                (
                    "object_id",
                    models.CharField(
                        blank=True, help_text="Of the intent, refund, dispute or card page", max_length=120
                    ),
                ),
                ("intent_id", models.CharField(blank=True, max_length=120)),
                (
                    "key",
                    models.CharField(blank=True, help_text="Our idempotency key, where it names one", max_length=120),
                ),
                ("payload", models.JSONField(default=dict, help_text="Its object, without secrets")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("done", "done"),
                            ("ignored", "ignored"),
                            ("foreign", "not ours"),
                            ("failed", "failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("retry_at", models.DateTimeField(help_text="Waiting: to be handled from here", null=True)),
                ("handled_at", models.DateTimeField(null=True)),
                ("subject", models.CharField(blank=True, help_text="What it was about: payment:7", max_length=60)),
                ("effect", models.CharField(blank=True, help_text="What came of it, in words", max_length=200)),
                ("last_error", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="payment",
            name="payment_status_known",
        ),
        migrations.AlterField(
            model_name="payment",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "processing"),
                    ("succeeded", "succeeded"),
                    ("declined", "declined"),
                    ("needs_confirmation", "needs confirmation"),
                    ("unknown", "unknown"),
                    ("canceled", "canceled"),
                    ("surplus", "came too late"),
                ],
                default="pending",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="refund",
            name="credit_note",
            field=models.ForeignKey(
                help_text="Null: of a surplus",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunds",
                to="invoices.invoice",
            ),
        ),
        migrations.AlterField(
            model_name="refund",
            name="key",
            field=models.CharField(
                help_text="credit:9:refund:1, payment:7:refund:1: the idempotency key", max_length=120, unique=True
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["pending", "succeeded", "declined", "needs_confirmation", "unknown", "canceled", "surplus"],
                    )
                ),
                name="payment_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "surplus"), _negated=True),
                    models.Q(
                        ("payment_method__isnull", False),
                        ("receipt_number__isnull", True),
                        ("settled_at__isnull", False),
                        models.Q(("gateway_id", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="payment_surplus_is_a_cards",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("credit_note__isnull", False), ("payment__isnull", False), _connector="OR"),
                name="refund_is_of_something",
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="payment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="invoices.payment"
            ),
        ),
        migrations.AddIndex(
            model_name="gatewayevent",
            index=models.Index(
                condition=models.Q(("status", "waiting")), fields=["retry_at"], name="gateway_event_to_handle"
            ),
        ),
        migrations.AddIndex(
            model_name="gatewayevent",
            index=models.Index(
                condition=models.Q(("status", "done"), _negated=True),
                fields=["status", "-id"],
                name="gateway_event_not_done",
            ),
        ),
        migrations.AddIndex(
            model_name="gatewayevent",
            index=models.Index(fields=["type", "-id"], name="gateway_event_by_type"),
        ),
        migrations.AddIndex(
            model_name="gatewayevent",
            index=models.Index(
                condition=models.Q(("intent_id", ""), _negated=True),
                fields=["intent_id"],
                name="gateway_event_by_intent",
            ),
        ),
        migrations.AddIndex(
            model_name="gatewayevent",
            index=models.Index(
                condition=models.Q(("key", ""), _negated=True), fields=["key"], name="gateway_event_by_key"
            ),
        ),
        migrations.AddIndex(
            model_name="gatewayevent",
            index=models.Index(fields=["object_id"], name="gateway_event_by_object"),
        ),
        migrations.AddIndex(
            model_name="gatewayevent",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["received_at"], name="gateway_event_by_day", pages_per_range=32
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewayevent",
            constraint=models.UniqueConstraint(fields=("gateway", "event_id"), name="gateway_event_once"),
        ),
        migrations.AddConstraint(
            model_name="gatewayevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("gateway__in", ["sandbox", "stripe"])), name="gateway_event_gateway_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewayevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["waiting", "done", "ignored", "foreign", "failed"])),
                name="gateway_event_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewayevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("handled_at__isnull", True), ("retry_at__isnull", False), ("status", "waiting")),
                    models.Q(
                        models.Q(("status", "waiting"), _negated=True),
                        ("handled_at__isnull", False),
                        ("retry_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="gateway_event_waits_or_is_handled",
            ),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(condition=models.Q(("closed_at__isnull", True)), fields=["id"], name="dispute_open"),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.UniqueConstraint(fields=("gateway", "gateway_id"), name="dispute_once"),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("gateway__in", ["sandbox", "stripe"])), name="dispute_gateway_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="dispute_amount_positive"),
        ),
    ]
