import functools

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.math
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("accounts", "__first__"),
        ("credits", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Archive",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("arc",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="Of the form that asked: sent twice, it is made once", max_length=120, unique=True
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("selection", models.CharField(help_text="How the documents were chosen, in words", max_length=300)),
                ("purpose", models.CharField(blank=True, help_text="What for", max_length=300)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("building", "being made"),
                            ("ready", "ready"),
                            ("failed", "failed"),
                            ("expired", "deleted"),
                        ],
                        default="building",
                        max_length=20,
                    ),
                ),
                (
                    "year",
                    models.PositiveSmallIntegerField(
                        help_text="Of a customer's documents; null: they were chosen", null=True
                    ),
                ),
                ("total", models.PositiveIntegerField(help_text="Files that may be in it")),
                (
                    "done",
                    models.PositiveIntegerField(
                        default=0, help_text="Files that are written, or known not to be there"
                    ),
                ),
                (
                    "missing",
                    models.PositiveIntegerField(default=0, help_text="Of them could not be made; the index says why"),
                ),
                ("parts_written", models.PositiveIntegerField(default=0)),
                ("size", models.PositiveBigIntegerField(default=0, help_text="Bytes of the parts")),
                (
                    "build_at",
                    models.DateTimeField(
                        help_text="The worker takes the next part from here; null: nothing left", null=True
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, help_text="At the next part")),
                ("ready_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(help_text="From here the content is deleted", null=True)),
                (
                    "tell_at",
                    models.DateTimeField(
                        help_text="Of a year: from here who asked is told by mail; null: not yet, told, or they have it",
                        null=True,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        help_text="Whose; null: staff's",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "ZIP of documents",
                "verbose_name_plural": "ZIPs of documents",
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "building")), fields=["build_at"], name="archive_to_build"
                    ),
                    models.Index(
                        condition=models.Q(("status", "ready")), fields=["expires_at"], name="archive_to_delete"
                    ),
                    models.Index(
                        condition=models.Q(("tell_at__isnull", False)), fields=["tell_at"], name="archive_to_tell"
                    ),
                    models.Index(
                        condition=models.Q(("year__isnull", False)), fields=["customer", "year"], name="archive_of_year"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["building", "ready", "failed", "expired"])),
                        name="archive_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("done__lte", models.F("total"))), name="archive_done_within_total"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("build_at__isnull", False), ("status", "building")),
                            models.Q(models.Q(("status", "building"), _negated=True), ("build_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="archive_building_is_due",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "ready"), _negated=True), ("expires_at__isnull", False), _connector="OR"
                        ),
                        name="archive_ready_expires",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("tell_at__isnull", True), ("year__isnull", True)),
                            models.Q(("customer__isnull", False), ("tell_at__isnull", True), ("year__isnull", False)),
                            models.Q(
                                ("customer__isnull", False),
                                ("status__in", ("ready", "failed")),
                                ("year__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="archive_year_is_a_customers",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "building")),
                        fields=("customer", "year"),
                        name="archive_year_built_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ArchivePart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(help_text="Counted from 0")),
                ("content", models.BinaryField()),
                (
                    "archive",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="parts", to="invoices.archive"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("archive", "number"), name="archive_part_once")],
            },
        ),
        migrations.CreateModel(
            name="CreditStatement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("stm",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("period_start", models.DateField(help_text="Billing period, half-open")),
                ("period_end", models.DateField()),
                (
                    "opening",
                    models.BigIntegerField(help_text="Minor units; below zero where the balance was overdrawn"),
                ),
                ("closing", models.BigIntegerField(help_text="opening + the movements covered")),
                (
                    "first_sequence",
                    models.PositiveBigIntegerField(help_text="Of the movements covered; null: none moved", null=True),
                ),
                (
                    "last_sequence",
                    models.PositiveBigIntegerField(help_text="Where the ledger was when the statement was made"),
                ),
                ("ledger_head", models.CharField(help_text="The ledger's hash there", max_length=64)),
                (
                    "customer_party",
                    models.JSONField(default=dict, help_text="Copy of the billing profile when it was made"),
                ),
                ("seller_party", models.JSONField(default=dict, help_text="Copy of the seller when it was made")),
                ("created_at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "previous",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="next",
                        to="invoices.creditstatement",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "currency", "period_end"), name="credit_statement_once_per_period"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("period_end__gt", models.F("period_start"))),
                        name="credit_statement_period_ordered",
                    ),
                ],
            },
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
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "waiting")), fields=["retry_at"], name="gateway_event_to_handle"
                    ),
                    models.Index(
                        condition=models.Q(("status", "done"), _negated=True),
                        fields=["status", "-id"],
                        name="gateway_event_not_done",
                    ),
                    models.Index(fields=["type", "-id"], name="gateway_event_by_type"),
                    models.Index(
                        condition=models.Q(("intent_id", ""), _negated=True),
                        fields=["intent_id"],
                        name="gateway_event_by_intent",
                    ),
                    models.Index(
                        condition=models.Q(("key", ""), _negated=True), fields=["key"], name="gateway_event_by_key"
                    ),
                    models.Index(fields=["object_id"], name="gateway_event_by_object"),
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["received_at"], name="gateway_event_by_day", pages_per_range=32
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("gateway", "event_id"), name="gateway_event_once"),
                    models.CheckConstraint(
                        condition=models.Q(("gateway__in", ["sandbox", "stripe"])), name="gateway_event_gateway_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["waiting", "done", "ignored", "foreign", "failed"])),
                        name="gateway_event_status_known",
                    ),
                    models.CheckConstraint(
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
                ],
            },
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("inv",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="What it bills: subscription:42:2026-12-20; a discarded draft frees it.",
                        max_length=120,
                        unique=True,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("invoice", "invoice"), ("credit_note", "credit note")],
                        db_default="invoice",
                        default="invoice",
                        max_length=20,
                    ),
                ),
                (
                    "corrects",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        help_text="Credit note: numbers of the invoices whose lines it gives back",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("open", "open"),
                            ("paid", "paid"),
                            ("uncollectible", "uncollectible"),
                            ("void", "void"),
                        ],
                        default="draft",
                        max_length=20,
                    ),
                ),
                (
                    "number",
                    models.CharField(help_text="Given when finalized, gap-free", max_length=30, null=True, unique=True),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "collection",
                    models.CharField(
                        choices=[("automatic", "charge the default card"), ("send_invoice", "send the invoice")],
                        default="automatic",
                        max_length=20,
                    ),
                ),
                (
                    "payment_terms",
                    models.PositiveSmallIntegerField(
                        help_text="Days from the issue until it is due, where nothing is charged; null: PAYMENT_TERMS",
                        null=True,
                    ),
                ),
                ("billing_on", models.DateField(help_text="The billing date: finalized on or after this day")),
                ("period_start", models.DateField(help_text="Billing period, half-open")),
                ("period_end", models.DateField()),
                ("calculated_at", models.DateTimeField(help_text="When lines, tax and total were fixed")),
                (
                    "announced_at",
                    models.DateTimeField(help_text="When the customer was told amount, date and card", null=True),
                ),
                ("finalized_at", models.DateTimeField(null=True)),
                ("issued_on", models.DateField(null=True)),
                ("due_on", models.DateField(null=True)),
                (
                    "collect_at",
                    models.DateTimeField(
                        help_text="Automatic collection is due from here; null when there is nothing to try by itself.",
                        null=True,
                    ),
                ),
                ("paid_at", models.DateTimeField(null=True)),
                ("voided_at", models.DateTimeField(null=True)),
                (
                    "credits",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="What credit pays, less what goes back to it: the sum of the lines'",
                    ),
                ),
                (
                    "credit_rows",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        help_text="Per grant that pays: name, grant, amount",
                    ),
                ),
                (
                    "subtotal",
                    models.BigIntegerField(
                        help_text="Net: the lines without credits and without the tax included in them"
                    ),
                ),
                ("tax_label", models.CharField(blank=True, help_text="Of the customer's first rate", max_length=40)),
                ("tax_percent", models.DecimalField(decimal_places=4, default=0, max_digits=7)),
                (
                    "tax_rules",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        help_text="The customer's rates when calculated; lines with rates of their own keep them",
                    ),
                ),
                (
                    "taxes",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        help_text="One row per rate: label, percent, category, reason, base, tax",
                    ),
                ),
                (
                    "tax_included",
                    models.BigIntegerField(db_default=0, default=0, help_text="The part of `tax` that is in the lines"),
                ),
                ("tax", models.BigIntegerField(help_text="Sum of the rows")),
                ("total", models.BigIntegerField(help_text="subtotal + tax")),
                (
                    "amount_paid",
                    models.BigIntegerField(
                        default=0,
                        help_text="Succeeded payments; on a credit note: succeeded refunds. Kept by the verbs that record them",
                    ),
                ),
                (
                    "amount_credited",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="Credit notes applied to it; on a credit note: what it was applied to",
                    ),
                ),
                (
                    "given_back",
                    models.JSONField(
                        db_default=models.Value({}, models.JSONField()),
                        default=dict,
                        help_text="Credit note of one invoice: what was given back of it before (invoices/watermarks.py)",
                    ),
                ),
                (
                    "goes_to",
                    models.CharField(
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
                ("seller_party", models.JSONField(default=dict, help_text="Copy of the seller when finalized")),
                (
                    "customer_party",
                    models.JSONField(default=dict, help_text="Copy of the billing profile when finalized"),
                ),
                (
                    "ledger_sequence",
                    models.PositiveBigIntegerField(help_text="Where the credit ledger was when finalized", null=True),
                ),
                (
                    "ledger_head",
                    models.CharField(blank=True, db_default="", default="", help_text="Its hash there", max_length=64),
                ),
                ("ledger_balance", models.BigIntegerField(help_text="Settled credit when finalized", null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["customer", "-billing_on"], name="invoice_by_customer"),
                    models.Index(
                        condition=models.Q(("status", "draft")), fields=["billing_on"], name="invoice_to_finalize"
                    ),
                    models.Index(
                        condition=models.Q(("collect_at__isnull", False), ("status", "open")),
                        fields=["collect_at"],
                        name="invoice_to_collect",
                    ),
                    models.Index(fields=["-billing_on", "-id"], name="invoice_newest"),
                    models.Index(
                        condition=models.Q(("status", "paid"), _negated=True),
                        fields=["status", "-billing_on", "-id"],
                        name="invoice_not_paid",
                    ),
                    models.Index(
                        condition=models.Q(("kind", "invoice"), ("status", "open")),
                        fields=["due_on"],
                        include=("customer",),
                        name="invoice_open_due",
                    ),
                    models.Index(
                        condition=models.Q(("kind", "credit_note")),
                        fields=["-billing_on", "-id"],
                        name="invoice_credit_notes",
                    ),
                    models.Index(condition=models.Q(("status", "open")), fields=["id"], name="invoice_open"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["draft", "open", "paid", "uncollectible", "void"])),
                        name="invoice_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("collection__in", ["automatic", "send_invoice"])),
                        name="invoice_collection_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "total",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("subtotal"), "+", models.F("tax")
                                ),
                            )
                        ),
                        name="invoice_total_is_sum",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["invoice", "credit_note"])), name="invoice_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "invoice"), ("total__gte", 0)),
                            models.Q(("kind", "credit_note"), ("total__lte", 0)),
                            _connector="OR",
                        ),
                        name="invoice_negative_is_credit_note",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_paid__gte", 0)), name="invoice_amount_paid_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_credited__gte", 0)), name="invoice_amount_credited_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ("draft", "void")),
                            models.Q(("finalized_at__isnull", False), ("number__isnull", False)),
                            _connector="OR",
                        ),
                        name="invoice_finalized_has_number",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "draft"), _negated=True), ("number__isnull", True), _connector="OR"
                        ),
                        name="invoice_draft_has_no_number",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "paid"), _negated=True),
                            (
                                "amount_paid",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.functions.math.Abs(models.F("total")),
                                    "-",
                                    models.F("amount_credited"),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="invoice_paid_means_paid",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "invoice"),
                            (
                                "amount_paid__lte",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.functions.math.Abs(models.F("total")),
                                    "-",
                                    models.F("amount_credited"),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="invoice_credit_used_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("period_end__gte", models.F("period_start"))), name="invoice_period_ordered"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditApplication",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(help_text="credit:9:invoice:7:1", max_length=120, unique=True)),
                ("amount", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "credit_note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="applications", to="invoices.invoice"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_applications",
                        to="invoices.invoice",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="credit_application_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("credit_note", models.F("invoice")), _negated=True),
                        name="credit_application_to_another",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CorrectionRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("cor",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="Of the form that asked: sent twice, it asks once", max_length=120, unique=True
                    ),
                ),
                ("wrong", models.TextField(help_text="What is wrong, as the customer says it")),
                ("asked_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "open"), ("corrected", "corrected"), ("declined", "not corrected")],
                        default="open",
                        max_length=20,
                    ),
                ),
                ("answer", models.TextField(blank=True, help_text="What staff say to the customer")),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.invoice"
                    ),
                ),
            ],
            options={
                "verbose_name": "correction",
                "indexes": [
                    models.Index(condition=models.Q(("status", "open")), fields=["id"], name="correction_to_answer")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["open", "corrected", "declined"])),
                        name="correction_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("wrong", ""), _negated=True), name="correction_says_what_is_wrong"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer", ""), ("answered_at", None), ("status", "open")),
                            models.Q(
                                models.Q(("status", "open"), _negated=True),
                                models.Q(("answer", ""), _negated=True),
                                ("answered_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="correction_answered_or_open",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "open")), fields=("invoice",), name="correction_open_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=160, unique=True)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "kind",
                    models.CharField(
                        choices=[("fee", "fee"), ("usage", "usage"), ("credits", "credits sold")], max_length=10
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("title", models.CharField(help_text="Specific: API requests, Plus monthly fee", max_length=200)),
                (
                    "detail",
                    models.CharField(
                        blank=True, help_text="The calculation in words: $49.00 × 11 of 30 days", max_length=300
                    ),
                ),
                ("starts_at", models.DateTimeField(help_text="What it is for, half-open")),
                ("ends_at", models.DateTimeField()),
                ("feature_key", models.CharField(blank=True, max_length=60)),
                ("quantity", models.DecimalField(decimal_places=12, max_digits=38)),
                (
                    "unit_amount",
                    models.DecimalField(
                        decimal_places=12,
                        help_text="Price per `per_units`, major units; null for fees",
                        max_digits=30,
                        null=True,
                    ),
                ),
                ("per_units", models.PositiveIntegerField(default=1)),
                ("amount", models.BigIntegerField()),
                (
                    "credits",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="What credit pays of it; below zero: what goes back to credit",
                    ),
                ),
                ("explain", models.JSONField(default=dict, help_text="Everything needed to derive the amount again")),
                (
                    "corrects",
                    models.CharField(
                        blank=True, db_default="", help_text="Key of the line it gives back (part of)", max_length=160
                    ),
                ),
                (
                    "tax_rules",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        help_text="Rates of its own, as the line it corrects had; empty: the document's",
                    ),
                ),
                (
                    "added_at",
                    models.DateTimeField(
                        help_text="When it was added without a document; a discarded draft gives it back", null=True
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="invoices.invoice",
                    ),
                ),
            ],
            options={
                "ordering": ("invoice", "position", "id"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("invoice__isnull", True)), fields=["customer"], name="line_pending"
                    ),
                    models.Index(
                        condition=models.Q(("corrects", ""), _negated=True), fields=["corrects"], name="line_correcting"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["fee", "usage", "credits"])), name="line_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount__gte", 0), ("credits__gte", 0), ("credits__lte", models.F("amount"))),
                            models.Q(("amount__lt", 0), ("credits__gte", models.F("amount")), ("credits__lte", 0)),
                            _connector="OR",
                        ),
                        name="line_credits_within_amount",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OverdueStory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("began_at", models.DateTimeField(help_text="The first message")),
                ("ended_at", models.DateTimeField(help_text="Nothing was overdue any more", null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "overdue stories",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("customer",), name="overdue_story_one_open"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_at__isnull", True), ("ended_at__gte", models.F("began_at")), _connector="OR"
                        ),
                        name="overdue_story_ordered",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("pay",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "key",
                    models.CharField(help_text="invoice:7:payment:1, the idempotency key", max_length=120, unique=True),
                ),
                ("gateway", models.CharField(help_text="sandbox, stripe, outside", max_length=20)),
                (
                    "gateway_id",
                    models.CharField(blank=True, help_text="Committed before the charge is confirmed", max_length=120),
                ),
                ("amount", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "status",
                    models.CharField(
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
                ("decline_code", models.CharField(blank=True, max_length=40)),
                ("automatic", models.BooleanField(help_text="Started by the run, not by a person")),
                ("created_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                ("check_at", models.DateTimeField(help_text="Unresolved: ask the gateway again from here", null=True)),
                ("checks", models.PositiveSmallIntegerField(default=0)),
                (
                    "receipt_number",
                    models.CharField(help_text="Given when it succeeded", max_length=30, null=True, unique=True),
                ),
                (
                    "method",
                    models.CharField(
                        blank=True,
                        choices=[("bank_transfer", "bank transfer"), ("cheque", "cheque"), ("other", "another way")],
                        db_default="",
                        default="",
                        help_text="From outside: how",
                        max_length=20,
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="From outside: as on the bank statement",
                        max_length=100,
                    ),
                ),
                ("received_on", models.DateField(help_text="From outside: the day the money came", null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payments", to="invoices.invoice"
                    ),
                ),
                (
                    "payment_method",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.paymentmethod",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ("pending", "needs_confirmation", "unknown"))),
                        fields=["check_at"],
                        name="payment_to_resolve",
                    ),
                    models.Index(
                        condition=models.Q(("status", "succeeded"), _negated=True),
                        fields=["status", "-id"],
                        name="payment_not_succeeded",
                    ),
                    models.Index(
                        condition=models.Q(("gateway_id", ""), _negated=True),
                        fields=["gateway_id"],
                        name="payment_by_gateway_id",
                    ),
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["created_at"], name="payment_by_day", pages_per_range=32
                    ),
                    models.Index(
                        condition=models.Q(("status", "declined")), fields=["invoice", "id"], name="payment_declined"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ("pending", "needs_confirmation", "unknown"))),
                        fields=("invoice",),
                        name="payment_one_unresolved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "pending",
                                    "succeeded",
                                    "declined",
                                    "needs_confirmation",
                                    "unknown",
                                    "canceled",
                                    "surplus",
                                ],
                            )
                        ),
                        name="payment_status_known",
                    ),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="payment_amount_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "succeeded"), _negated=True),
                            ("receipt_number__isnull", False),
                            _connector="OR",
                        ),
                        name="payment_succeeded_has_receipt",
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(("method__in", ("", "bank_transfer", "cheque", "other"))),
                        name="payment_method_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("gateway", "outside"),
                                ("payment_method__isnull", True),
                                ("received_on__isnull", False),
                                models.Q(("method", ""), _negated=True),
                            ),
                            models.Q(
                                models.Q(("gateway", "outside"), _negated=True),
                                ("method", ""),
                                ("received_on__isnull", True),
                                ("reference", ""),
                            ),
                            _connector="OR",
                        ),
                        name="payment_outside_says_how",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="invoice",
            name="goes_first_to",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.payment"
            ),
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("invoice", "invoice"), ("receipt", "receipt"), ("statement", "credit statement")],
                        max_length=20,
                    ),
                ),
                ("filename", models.CharField(max_length=80, unique=True)),
                ("content", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField()),
                (
                    "statement",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="document",
                        to="invoices.creditstatement",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="invoices.invoice",
                    ),
                ),
                (
                    "payment",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipt",
                        to="invoices.payment",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["invoice", "receipt", "statement"])),
                        name="document_kind_known",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "invoice")), fields=("invoice",), name="document_invoice_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind__in", ("invoice", "statement")), ("payment__isnull", True)),
                            models.Q(("kind", "receipt"), ("payment__isnull", False)),
                            _connector="OR",
                        ),
                        name="document_receipt_has_payment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("invoice__isnull", True), ("kind", "statement"), ("statement__isnull", False)),
                            models.Q(
                                ("invoice__isnull", False),
                                ("kind__in", ("invoice", "receipt")),
                                ("statement__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="document_is_of_one_thing",
                    ),
                ],
            },
        ),
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
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="invoices.payment"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("closed_at__isnull", True)), fields=["id"], name="dispute_open")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("gateway", "gateway_id"), name="dispute_once"),
                    models.CheckConstraint(
                        condition=models.Q(("gateway__in", ["sandbox", "stripe"])), name="dispute_gateway_known"
                    ),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="dispute_amount_positive"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ArchiveEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "position",
                    models.PositiveIntegerField(help_text="Counted from 0: the order in the ZIP and its index"),
                ),
                ("is_data", models.BooleanField(db_default=False, default=False)),
                ("on", models.DateField(help_text="The document's date; its year is the folder")),
                (
                    "file",
                    models.CharField(
                        blank=True, help_text="Path in the ZIP; empty where it is missing", max_length=100
                    ),
                ),
                ("sha256", models.CharField(blank=True, max_length=64)),
                (
                    "crc",
                    models.BigIntegerField(
                        help_text="What the ZIP's directory needs: checksum, bytes, and where", null=True
                    ),
                ),
                ("size", models.PositiveBigIntegerField(null=True)),
                ("offset", models.PositiveBigIntegerField(null=True)),
                ("missing", models.CharField(blank=True, help_text="Why it could not be made", max_length=200)),
                (
                    "archive",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="invoices.archive"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.invoice"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.payment"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("archive", "position"), name="archive_entry_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("crc__isnull", True), ("file", ""), ("offset__isnull", True), ("size__isnull", True)
                            ),
                            models.Q(
                                ("crc__isnull", False),
                                ("missing", ""),
                                ("offset__isnull", False),
                                ("size__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="archive_entry_written_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_data", False), ("payment__isnull", True), _connector="OR"),
                        name="archive_data_is_an_invoices",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("ref",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="credit:9:refund:1, payment:7:refund:1: the idempotency key",
                        max_length=120,
                        unique=True,
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        blank=True,
                        choices=[("bank_transfer", "bank transfer"), ("cheque", "cheque"), ("other", "another way")],
                        db_default="",
                        help_text="Outside: how",
                        max_length=20,
                    ),
                ),
                (
                    "reference",
                    models.CharField(blank=True, db_default="", help_text="Outside: the bank's", max_length=100),
                ),
                ("paid_on", models.DateField(help_text="Outside: the day it was transferred", null=True)),
                ("amount", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "processing"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("unknown", "unknown"),
                        ],
                        default="pending",
                        max_length=20,
                    ),
                ),
                ("failure_code", models.CharField(blank=True, max_length=40)),
                ("created_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                (
                    "check_at",
                    models.DateTimeField(help_text="Unresolved: go to the gateway (again) from here", null=True),
                ),
                ("checks", models.PositiveSmallIntegerField(default=0)),
                (
                    "credit_note",
                    models.ForeignKey(
                        help_text="Null: of a surplus",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="invoices.invoice",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="invoices.payment",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ("pending", "unknown"))),
                        fields=["check_at"],
                        name="refund_to_resolve",
                    ),
                    models.Index(condition=models.Q(("status", "failed")), fields=["id"], name="refund_failed"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "succeeded", "failed", "unknown"])),
                        name="refund_status_known",
                    ),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="refund_amount_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ("pending", "unknown")), ("settled_at__isnull", False), _connector="OR"
                        ),
                        name="refund_outcome_has_instant",
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(("credit_note__isnull", False), ("payment__isnull", False), _connector="OR"),
                        name="refund_is_of_something",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Seller",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=40, unique=True)),
                ("legal_name", models.CharField(max_length=200)),
                ("line1", models.CharField(max_length=200)),
                ("line2", models.CharField(blank=True, max_length=200)),
                ("postal_code", models.CharField(blank=True, max_length=20)),
                ("city", models.CharField(max_length=100)),
                ("country", models.CharField(max_length=2)),
                ("tax_id", models.CharField(blank=True, max_length=40)),
                (
                    "registration",
                    models.CharField(blank=True, help_text="Register, number, capital – as law asks", max_length=200),
                ),
                ("email", models.EmailField(max_length=254)),
                ("iban", models.CharField(blank=True, max_length=40)),
                (
                    "number_prefix",
                    models.CharField(
                        blank=True,
                        help_text="Before INV and RCP, so that two sellers never share a number",
                        max_length=10,
                        unique=True,
                    ),
                ),
                (
                    "accent",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Of titles and sums on PDFs: #1f4b99. Else black",
                        max_length=7,
                        verbose_name="colour",
                    ),
                ),
                (
                    "logo",
                    models.TextField(
                        blank=True, db_default="", default="", help_text="A data: address, of the head of PDFs"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("accent__regex", "^(#[0-9a-f]{6})?$")), name="seller_accent_is_a_colour"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("logo", ""), ("logo__startswith", "data:image/"), _connector="OR"),
                        name="seller_logo_is_an_image",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceSequence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("series", models.CharField(help_text="INV, RCP – with the seller's prefix", max_length=20)),
                ("year", models.PositiveSmallIntegerField()),
                ("last", models.PositiveIntegerField(default=0)),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.seller"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("seller", "series", "year"), name="invoice_sequence_once")
                ],
            },
        ),
        migrations.AddField(
            model_name="invoice",
            name="seller",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.seller"
            ),
        ),
        migrations.CreateModel(
            name="TaxRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("country", models.CharField(blank=True, max_length=2)),
                ("label", models.CharField(help_text="As printed: VAT, Sales tax", max_length=40)),
                ("percent", models.DecimalField(decimal_places=4, max_digits=7)),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("S", "standard rate"),
                            ("Z", "zero-rated"),
                            ("E", "exempt"),
                            ("AE", "reverse charge"),
                            ("G", "export"),
                            ("O", "outside scope"),
                        ],
                        db_default="S",
                        default="S",
                        max_length=2,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Why nothing is charged, as printed on documents",
                        max_length=200,
                    ),
                ),
                (
                    "reason_code",
                    models.CharField(blank=True, db_default="", help_text="VATEX code, if there is one", max_length=40),
                ),
                (
                    "inclusive",
                    models.BooleanField(db_default=False, default=False, help_text="Prices contain this tax already"),
                ),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tax_rates", to="invoices.seller"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("seller", "country", "label"), name="tax_rate_once"),
                    models.CheckConstraint(
                        condition=models.Q(("percent__gte", 0), ("percent__lt", 100)), name="tax_rate_percent_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("category__in", ["S", "Z", "E", "AE", "G", "O"])),
                        name="tax_rate_category_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("category", "S"), ("percent", 0), _connector="OR"),
                        name="tax_rate_only_standard_is_charged",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("category", "E"), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="tax_rate_exempt_has_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TopUpRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("tur",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("is_on", models.BooleanField()),
                (
                    "off_because",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("customer", "switched off"),
                            ("staff", "switched off by our staff"),
                            ("failed", "a payment failed"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("threshold", models.BigIntegerField(help_text="Buys when less is available now, minor units")),
                ("amount", models.BigIntegerField(help_text="Credit that it buys at a time, minor units")),
                (
                    "ceiling",
                    models.BigIntegerField(
                        help_text="What it may charge per UTC calendar month, tax included, minor units"
                    ),
                ),
                (
                    "next_at",
                    models.DateTimeField(
                        help_text="Buys nothing before: the cool-down, or the next month at the ceiling"
                    ),
                ),
                (
                    "bought",
                    models.PositiveIntegerField(default=0, help_text="How often it has bought; numbers the keys"),
                ),
                ("consented_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                (
                    "consented_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("is_on", True)), fields=["next_at"], name="top_up_rule_on")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "currency"), name="top_up_rule_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("ceiling__gt", 0), ("threshold__gte", 0)),
                        name="top_up_rule_amounts_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("is_on", True), ("off_because", "")),
                            models.Q(("is_on", False), ("off_because__in", ["customer", "staff", "failed"])),
                            _connector="OR",
                        ),
                        name="top_up_rule_off_says_why",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditSale",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        help_text="Also of its grant, its invoice and its line", max_length=120, unique=True
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("customer", "bought by the customer"),
                            ("staff", "invoiced by staff"),
                            ("top_up", "automatic top-up"),
                        ],
                        max_length=10,
                    ),
                ),
                ("ceiling", models.BigIntegerField(help_text="Of its rule, when it was bought", null=True)),
                (
                    "expires_at",
                    models.DateTimeField(help_text="Not paid by then, it is given up; null: never", null=True),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
                (
                    "grant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="credits.creditgrant"
                    ),
                ),
                (
                    "invoice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoices.invoice"
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoices.topuprule",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["customer", "-id"], name="credit_sale_of_customer"),
                    models.Index(
                        condition=models.Q(("rule__isnull", False)),
                        fields=["rule", "created_at"],
                        name="credit_sale_of_rule",
                    ),
                    models.Index(
                        condition=models.Q(("expires_at__isnull", False)),
                        fields=["expires_at"],
                        name="credit_sale_expiring",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("origin__in", ["customer", "staff", "top_up"])),
                        name="credit_sale_origin_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ceiling__isnull", False), ("origin", "top_up"), ("rule__isnull", False)),
                            models.Q(
                                models.Q(("origin", "top_up"), _negated=True),
                                ("ceiling__isnull", True),
                                ("rule__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="credit_sale_top_up_has_rule",
                    ),
                ],
            },
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
    ]
