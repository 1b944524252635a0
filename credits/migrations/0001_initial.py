import functools

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("accounts", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChainHead",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.customer",
                    ),
                ),
                ("sequence", models.PositiveBigIntegerField(default=0)),
                ("hash", models.CharField(help_text="SHA-256 of the newest transaction, hexadecimal", max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="CreditCharge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=250, unique=True)),
                (
                    "group",
                    models.CharField(
                        help_text="What a correction names: all charges of one usage window", max_length=250
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "feature_key",
                    models.CharField(blank=True, help_text="Empty: unrestricted credit only", max_length=60),
                ),
                ("title", models.CharField(max_length=200)),
                ("line_key", models.CharField(blank=True, help_text="Where it is explained", max_length=250)),
                (
                    "details",
                    models.JSONField(blank=True, default=dict, help_text="The rated line, where no document has it"),
                ),
                ("amount", models.BigIntegerField(help_text="Asked for, minor units")),
                ("covered", models.BigIntegerField(default=0, help_text="Paid by grants, less what was returned")),
                ("overdraft", models.BigIntegerField(default=0, help_text="On the overdraft and not repaid yet")),
                ("returned", models.BigIntegerField(default=0, help_text="Given back by corrections")),
                (
                    "is_final",
                    models.BooleanField(
                        default=True, help_text="False while it stands on a draft: accrued, not earned"
                    ),
                ),
                ("booked_at", models.DateTimeField(help_text="Which credit may pay is decided as of this instant")),
                ("created_at", models.DateTimeField()),
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
                    models.Index(fields=["customer", "group"], name="credit_charge_of_group"),
                    models.Index(
                        condition=models.Q(("overdraft__gt", 0)),
                        fields=["customer", "currency", "booked_at", "id"],
                        name="credit_charge_overdrawn",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount__gt", 0),
                            ("covered__gte", 0),
                            ("overdraft__gte", 0),
                            ("returned__gte", 0),
                            (
                                "amount__gte",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("covered"), "+", models.F("overdraft")
                                    ),
                                    "+",
                                    models.F("returned"),
                                ),
                            ),
                        ),
                        name="credit_charge_within_its_amount",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditCorrection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=250, unique=True)),
                ("group", models.CharField(help_text="The group or the charge that was corrected", max_length=250)),
                (
                    "amount",
                    models.BigIntegerField(
                        help_text="Given back: overdraft lowered, credit returned, open charges dropped"
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gte", 0)), name="credit_correction_amount_not_negative"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditDebt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                ("feature_key", models.CharField(blank=True, max_length=60)),
                ("amount", models.BigIntegerField(default=0)),
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
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "currency", "feature_key"), name="credit_debt_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditGrant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("grt",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="Idempotency key: granting twice gives the first", max_length=200, unique=True
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.BigIntegerField(help_text="Minor units")),
                (
                    "funding",
                    models.CharField(
                        choices=[
                            ("promotional", "Promotional / Free"),
                            ("invoiced", "Purchased"),
                            ("external", "Paid outside"),
                            ("adjustment", "Adjustment"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "unit_cost",
                    models.DecimalField(
                        decimal_places=12,
                        default=0,
                        help_text="What one unit of credit costs; price = amount × this",
                        max_digits=20,
                    ),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(default=10, help_text="Draw-down order: the lowest number first"),
                ),
                ("effective_at", models.DateTimeField()),
                (
                    "expires_at",
                    models.DateTimeField(
                        blank=True, help_text="From this instant on it is gone; empty: never", null=True
                    ),
                ),
                (
                    "features",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60),
                        blank=True,
                        default=list,
                        help_text="Keys it may pay for; empty: everything",
                        size=None,
                    ),
                ),
                ("name", models.CharField(help_text="As the customer sees it", max_length=100)),
                ("reason", models.CharField(blank=True, help_text="Internal: why it was granted", max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField()),
                (
                    "paid_at",
                    models.DateTimeField(
                        blank=True, help_text="Funded; until then nothing of it is on the ledger", null=True
                    ),
                ),
                (
                    "released_at",
                    models.DateTimeField(blank=True, help_text="When what did not repay became available", null=True),
                ),
                (
                    "settled_at",
                    models.DateTimeField(blank=True, help_text="Expired or voided: nothing becomes of it", null=True),
                ),
                (
                    "pending",
                    models.BigIntegerField(default=0, help_text="Not available yet: not paid, or not effective"),
                ),
                ("available", models.BigIntegerField(default=0, help_text="On the ledger and not used")),
                (
                    "repaid",
                    models.BigIntegerField(default=0, help_text="Went to overdraft when it was granted or released"),
                ),
                ("used", models.BigIntegerField(default=0, help_text="Consumed, less what corrections returned")),
                ("expired", models.BigIntegerField(default=0)),
                ("voided", models.BigIntegerField(default=0)),
                (
                    "taken_back",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="Its price was given back, or is never paid: not a part of the customer's credit",
                    ),
                ),
                (
                    "warned_days",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="How many days before its expiry the customer was told last", null=True
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
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("available__gt", 0), ("pending__gt", 0), _connector="OR"),
                        fields=["customer", "currency"],
                        include=("available", "pending", "effective_at", "expires_at", "paid_at"),
                        name="credit_grant_open",
                    ),
                    models.Index(
                        condition=models.Q(("available__gt", 0)), fields=["expires_at"], name="credit_grant_expiring"
                    ),
                    models.Index(
                        condition=models.Q(("paid_at__isnull", False), ("pending__gt", 0)),
                        fields=["effective_at"],
                        name="credit_grant_releasing",
                    ),
                    models.Index(fields=["customer", "-created_at"], name="credit_grant_of_customer"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("funding__in", ["promotional", "invoiced", "external", "adjustment"])),
                        name="credit_grant_funding_known",
                    ),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="credit_grant_amount_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("unit_cost__gte", 0)), name="credit_grant_unit_cost_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("priority__range", (1, 1000))), name="credit_grant_priority_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True), ("expires_at__gt", models.F("effective_at")), _connector="OR"
                        ),
                        name="credit_grant_ordered",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "amount",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.expressions.CombinedExpression(
                                                    django.db.models.expressions.CombinedExpression(
                                                        models.F("pending"), "+", models.F("available")
                                                    ),
                                                    "+",
                                                    models.F("repaid"),
                                                ),
                                                "+",
                                                models.F("used"),
                                            ),
                                            "+",
                                            models.F("expired"),
                                        ),
                                        "+",
                                        models.F("voided"),
                                    ),
                                    "+",
                                    models.F("taken_back"),
                                ),
                            ),
                            ("available__gte", 0),
                            ("expired__gte", 0),
                            ("pending__gte", 0),
                            ("repaid__gte", 0),
                            ("taken_back__gte", 0),
                            ("used__gte", 0),
                            ("voided__gte", 0),
                        ),
                        name="credit_grant_within_its_amount",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditAllocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField(help_text="In the order drawn, counted within the charge")),
                ("amount", models.BigIntegerField(help_text="Drawn, minor units")),
                ("returned", models.BigIntegerField(default=0)),
                (
                    "is_repayment",
                    models.BooleanField(default=False, help_text="It repaid overdraft instead of being drawn"),
                ),
                (
                    "charge",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="credits.creditcharge",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.creditgrant",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["grant"], name="credit_allocation_of_grant")],
                "constraints": [
                    models.UniqueConstraint(fields=("charge", "position"), name="credit_allocation_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount__gt", 0), ("returned__gte", 0), ("returned__lte", models.F("amount"))
                        ),
                        name="credit_allocation_within_its_amount",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GrantProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("grp",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                ("values", models.JSONField(help_text="What was filled in, as the form takes it")),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "granted",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.creditgrant",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LedgerAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("customer_credit", "Customer credit"),
                            ("overdraft", "Overdraft"),
                            ("accrued", "Accrued"),
                            ("earnings", "Earnings"),
                            ("breakage", "Breakage"),
                            ("funding", "Funding boundary"),
                        ],
                        max_length=20,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "currency", "kind"), name="ledger_account_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("customer__isnull", False), ("kind__in", ("customer_credit", "overdraft", "accrued"))
                            ),
                            models.Q(("customer__isnull", True), ("kind__in", ("earnings", "breakage", "funding"))),
                            _connector="OR",
                        ),
                        name="ledger_account_owned",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerTransaction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        help_text="The operation: done twice, it is this one", max_length=300, unique=True
                    ),
                ),
                ("sequence", models.PositiveBigIntegerField(help_text="1, 2, 3 … per customer, in the order booked")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("funded", "Funded"),
                            ("consumed", "Consumed"),
                            ("expired", "Expired"),
                            ("voided", "Voided"),
                            ("correction", "Correction"),
                            ("adjustment", "Adjustment"),
                            ("recognized", "Recognized"),
                        ],
                        max_length=20,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.BigIntegerField(help_text="Signed: what it does to the customer's balance")),
                ("feature_key", models.CharField(blank=True, max_length=60)),
                ("description", models.CharField(max_length=300)),
                ("booked_at", models.DateTimeField(help_text="When it counts")),
                ("created_at", models.DateTimeField(help_text="When it was written")),
                ("entry_count", models.PositiveIntegerField()),
                ("previous_hash", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64)),
                (
                    "charge",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.creditcharge",
                    ),
                ),
                (
                    "corrects",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.ledgertransaction",
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
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.creditgrant",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("kind", "recognized"), _negated=True),
                        fields=["customer", "currency", "booked_at", "created_at", "id"],
                        include=("amount",),
                        name="ledger_transaction_history",
                    ),
                    models.Index(
                        condition=models.Q(("grant__isnull", False)),
                        fields=["grant"],
                        name="ledger_transaction_of_grant",
                    ),
                    models.Index(
                        condition=models.Q(("charge__isnull", False)),
                        fields=["charge"],
                        name="ledger_transaction_of_charge",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "sequence"), name="ledger_transaction_in_chain"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                ["funded", "consumed", "expired", "voided", "correction", "adjustment", "recognized"],
                            )
                        ),
                        name="ledger_transaction_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("entry_count__gte", 2)), name="ledger_transaction_has_two_sides"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount__gt", 0), ("kind__in", ("funded",))),
                            models.Q(("amount__lt", 0), ("kind__in", ("consumed", "expired", "voided"))),
                            models.Q(("amount__gt", 0), ("kind", "correction")),
                            models.Q(("kind", "adjustment"), models.Q(("amount", 0), _negated=True)),
                            models.Q(("amount", 0), ("kind", "recognized")),
                            _connector="OR",
                        ),
                        name="ledger_transaction_signed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                ("amount", models.BigIntegerField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.ledgeraccount",
                    ),
                ),
                (
                    "charge",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.creditcharge",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.creditgrant",
                    ),
                ),
                (
                    "transaction",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="credits.ledgertransaction",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account"], name="ledger_entry_of_account")],
                "constraints": [
                    models.UniqueConstraint(fields=("transaction", "position"), name="ledger_entry_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount", 0), _negated=True), name="ledger_entry_not_zero"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OpenCharge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=250, unique=True)),
                (
                    "scope",
                    models.CharField(
                        blank=True, db_index=True, help_text="Whose rows are replaced together", max_length=150
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("feature_key", models.CharField(blank=True, max_length=60)),
                ("amount", models.BigIntegerField()),
                (
                    "may_overdraw",
                    models.BooleanField(help_text="Credits only; else an invoice takes what credit does not cover"),
                ),
                ("settles_at", models.DateTimeField(blank=True, null=True)),
                (
                    "charge",
                    models.JSONField(
                        blank=True, default=dict, help_text="The ChargeDraft it becomes, where it settles itself"
                    ),
                ),
                ("updated_at", models.DateTimeField()),
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
                    models.Index(
                        fields=["customer", "currency"],
                        include=("amount", "feature_key"),
                        name="open_charge_of_customer",
                    ),
                    models.Index(
                        condition=models.Q(("settles_at__isnull", False)),
                        fields=["settles_at"],
                        name="open_charge_settling",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="open_charge_positive")
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditBalance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                ("settled", models.BigIntegerField(default=0)),
                ("overdraft", models.BigIntegerField(default=0, help_text="Not repaid yet, as a positive amount")),
                (
                    "warned",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="What was told: low, exhausted, negative; cleared when credit is there again",
                        max_length=10,
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
                "constraints": [models.UniqueConstraint(fields=("customer", "currency"), name="credit_balance_once")],
            },
        ),
    ]
