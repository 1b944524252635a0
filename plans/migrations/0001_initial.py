import functools

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("accounts", "__first__"),
        ("invoices", "0001_initial"),
        ("usage", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "anchor_on",
                    models.DateField(help_text="Billing dates count from here; kept from paid plan to paid plan"),
                ),
                ("starts_at", models.DateTimeField()),
                (
                    "ends_at",
                    models.DateTimeField(blank=True, help_text="Set once, when another spell begins", null=True),
                ),
                (
                    "window_starts_at",
                    models.DateTimeField(
                        help_text="Usage before this is billed. Moves forward with each calculation, back when a draft is discarded."
                    ),
                ),
                (
                    "next_billing_on",
                    models.DateField(
                        blank=True,
                        help_text="The billing date whose charges are not yet calculated; null: never billed.",
                        null=True,
                    ),
                ),
                (
                    "calculate_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Three days before next_billing_on; null: nothing to calculate.",
                        null=True,
                    ),
                ),
                (
                    "follow_up_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Ended, and no paid plan came after: when late usage is looked for next, by the anchor's calendar.",
                        null=True,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("ends_at__isnull", True)), fields=["calculate_at"], name="subscription_due"
                    ),
                    models.Index(
                        condition=models.Q(("follow_up_at__isnull", False)),
                        fields=["follow_up_at"],
                        name="subscription_follow_up",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ends_at__isnull", True)),
                        fields=("customer",),
                        name="one_open_subscription",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_at__isnull", True), ("ends_at__gte", models.F("starts_at")), _connector="OR"
                        ),
                        name="subscription_ordered",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("calculate_at__isnull", True), ("next_billing_on__isnull", True)),
                            models.Q(("calculate_at__isnull", False), ("next_billing_on__isnull", False)),
                            _connector="OR",
                        ),
                        name="subscription_calendar_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(help_text="The same for all versions: free, plus", max_length=40)),
                ("version", models.PositiveIntegerField(default=1)),
                ("name", models.CharField(help_text="Without the product: Plus", max_length=60)),
                ("tagline", models.CharField(blank=True, max_length=200)),
                ("facts", models.JSONField(blank=True, default=list, help_text="Up to five short lines on the tile")),
                ("position", models.PositiveSmallIntegerField(default=0, help_text="Order of the tiles")),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "draft"), ("published", "published"), ("archived", "archived")],
                        default="draft",
                        max_length=20,
                    ),
                ),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("currency", models.CharField(max_length=3)),
                (
                    "settlement_mode",
                    models.CharField(
                        choices=[("credit_only", "Credits only"), ("credit_then_invoice", "Credits then invoice")],
                        default="credit_then_invoice",
                        max_length=20,
                    ),
                ),
                (
                    "when_credits_run_out",
                    models.CharField(
                        choices=[("negative", "Balance goes negative"), ("block", "Access is refused")],
                        db_default="negative",
                        default="negative",
                        help_text="Credits only. Usage that arrives settles in any case; refusing is what the access API answers.",
                        max_length=20,
                    ),
                ),
                (
                    "payment_policy",
                    models.CharField(
                        choices=[
                            ("optional", "optional"),
                            ("required", "required"),
                            ("managed_by_contract", "managed by contract"),
                        ],
                        default="optional",
                        max_length=20,
                    ),
                ),
                (
                    "overdue_consequence",
                    models.CharField(
                        choices=[
                            ("none", "Nothing: reminders only"),
                            ("downgrade", "The plan ends: the customer moves to the default plan"),
                            ("hold", "Access is refused until everything overdue is paid"),
                        ],
                        db_default="none",
                        default="none",
                        help_text="What follows when an invoice stays unpaid, at the earliest 7 days after a delivered final warning.",
                        max_length=20,
                    ),
                ),
                (
                    "self_serve",
                    models.BooleanField(default=True, help_text="Customers may change to and from it by themselves"),
                ),
                (
                    "is_default",
                    models.BooleanField(default=False, help_text="Opened at sign-up; what «Cancel Plan» moves to"),
                ),
                (
                    "payment_terms",
                    models.PositiveSmallIntegerField(
                        help_text="Days from the issue of an invoice until it is due; null: as the setting says",
                        null=True,
                    ),
                ),
                (
                    "contract_starts_on",
                    models.DateField(help_text="As agreed; the plan begins when it is subscribed", null=True),
                ),
                (
                    "contract_ends_on",
                    models.DateField(help_text="As agreed, the last day; nothing ends by itself", null=True),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        help_text="Whose contract this is: nobody else can be put on it. Null: of the catalogue",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key", "version"), name="plan_version_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "published")), fields=("key",), name="plan_one_published_version"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True), ("status", "published")),
                        fields=("is_default",),
                        name="plan_one_default",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["draft", "published", "archived"])), name="plan_status_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("settlement_mode__in", ["credit_only", "credit_then_invoice"])),
                        name="plan_settlement_mode_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("payment_policy__in", ["optional", "required", "managed_by_contract"])),
                        name="plan_payment_policy_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("when_credits_run_out__in", ["negative", "block"])),
                        name="plan_credit_exhaustion_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("overdue_consequence__in", ["none", "downgrade", "hold"])),
                        name="plan_consequence_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("overdue_consequence", "none"),
                            models.Q(
                                ("overdue_consequence", "hold"),
                                models.Q(("payment_policy", "managed_by_contract"), _negated=True),
                            ),
                            models.Q(
                                ("is_default", False),
                                ("overdue_consequence", "downgrade"),
                                models.Q(("payment_policy", "managed_by_contract"), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="plan_consequence_possible",
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            ("contract_starts_on__isnull", True),
                            ("contract_ends_on__isnull", True),
                            ("contract_starts_on__lte", models.F("contract_ends_on")),
                            _connector="OR",
                        ),
                        name="plan_contract_ordered",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("payment_terms__isnull", True),
                            models.Q(("payment_policy", "managed_by_contract"), ("payment_terms__lte", 365)),
                            _connector="OR",
                        ),
                        name="plan_payment_terms_by_contract",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RateCard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(help_text="Stable over versions: base-fee, api-requests", max_length=60)),
                ("name", models.CharField(help_text="As on the invoice: API requests", max_length=100)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "model",
                    models.CharField(
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
                (
                    "amount",
                    models.BigIntegerField(
                        blank=True, help_text="Flat fee per month or year, or once; minor units", null=True
                    ),
                ),
                (
                    "timing",
                    models.CharField(
                        choices=[("in_arrears", "in arrears"), ("in_advance", "in advance"), ("one_time", "one time")],
                        default="in_arrears",
                        help_text="Of a flat fee: after its period, before it, or once when the plan starts",
                        max_length=20,
                    ),
                ),
                (
                    "cadence",
                    models.CharField(
                        choices=[("monthly", "monthly"), ("yearly", "yearly")],
                        default="monthly",
                        help_text="Of a flat fee: the period it is for, counted from the anchor",
                        max_length=20,
                    ),
                ),
                (
                    "unit_amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=12,
                        help_text="Price per `per_units`, or of one package, major units",
                        max_digits=30,
                        null=True,
                    ),
                ),
                (
                    "per_units",
                    models.PositiveIntegerField(
                        default=1,
                        help_text="12.00 per 1,000,000: sub-cent prices stay readable. Of a package: how many are in it",
                    ),
                ),
                (
                    "free_units",
                    models.DecimalField(
                        decimal_places=12, default=0, help_text="Included in every usage window", max_digits=38
                    ),
                ),
                (
                    "discount_percent",
                    models.DecimalField(
                        decimal_places=4, default=0, help_text="Off the price of usage: 0 to 100", max_digits=7
                    ),
                ),
                (
                    "minimum_amount",
                    models.BigIntegerField(
                        blank=True,
                        help_text="Least charge of a usage window, minor units; posted when it closes",
                        null=True,
                    ),
                ),
                (
                    "maximum_amount",
                    models.BigIntegerField(
                        blank=True, help_text="Highest charge of a usage window, minor units", null=True
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="usage.feature",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rate_cards", to="plans.plan"
                    ),
                ),
            ],
            options={
                "ordering": ("plan", "position", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("plan", "key"), name="rate_card_once"),
                    models.UniqueConstraint(fields=("plan", "feature"), name="rate_card_feature_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("amount__gte", 0),
                                ("amount__isnull", False),
                                ("feature__isnull", True),
                                ("model", "flat"),
                            ),
                            models.Q(
                                ("feature__isnull", False),
                                ("model__in", ("unit", "package")),
                                ("unit_amount__gte", 0),
                                ("unit_amount__isnull", False),
                            ),
                            models.Q(
                                ("feature__isnull", False),
                                ("model__in", ("graduated", "volume", "free")),
                                ("unit_amount__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="rate_card_priced_as_its_model",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cadence__in", ["monthly", "yearly"]),
                            ("timing__in", ["in_arrears", "in_advance", "one_time"]),
                        ),
                        name="rate_card_timing_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("model", "flat"), models.Q(("timing", "one_time"), _negated=True)),
                            models.Q(("cadence", "monthly"), ("model", "flat")),
                            models.Q(("cadence", "monthly"), ("timing", "in_arrears")),
                            _connector="OR",
                        ),
                        name="rate_card_timing_fits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("free_units__gte", 0), ("per_units__gte", 1)), name="rate_card_units_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("discount_percent__range", (0, 100)),
                            models.Q(
                                models.Q(("model", "flat"), _negated=True),
                                models.Q(
                                    ("discount_percent", 0),
                                    ("maximum_amount__isnull", True),
                                    ("minimum_amount__isnull", True),
                                ),
                                _connector="OR",
                            ),
                            models.Q(("minimum_amount__isnull", True), ("minimum_amount__gte", 0), _connector="OR"),
                            models.Q(("maximum_amount__isnull", True), ("maximum_amount__gte", 0), _connector="OR"),
                            models.Q(
                                ("minimum_amount__isnull", True),
                                ("maximum_amount__isnull", True),
                                ("minimum_amount__lte", models.F("maximum_amount")),
                                _connector="OR",
                            ),
                        ),
                        name="rate_card_limits_valid",
                    ),
                ],
            },
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
                "ordering": ("rate_card", models.OrderBy(models.F("up_to"), nulls_last=True)),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("rate_card", "up_to"), name="price_tier_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("up_to__isnull", True), ("up_to__gt", 0), _connector="OR"),
                        name="price_tier_above_nothing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("flat_amount__gte", 0), ("unit_amount__gte", 0)),
                        name="price_tier_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SalesInquiry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reference",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("sal",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("email", models.EmailField(max_length=254, verbose_name="work e-mail")),
                ("company", models.CharField(max_length=200)),
                ("message", models.TextField(verbose_name="what do you need?")),
                ("volume", models.CharField(blank=True, max_length=200, verbose_name="expected monthly volume")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("new", "new"),
                            ("contacted", "contacted"),
                            ("qualified", "qualified"),
                            ("won", "won"),
                            ("lost", "lost"),
                        ],
                        default="new",
                        max_length=20,
                    ),
                ),
                (
                    "status_at",
                    models.DateTimeField(help_text="When the status changed last; empty: since it came in", null=True),
                ),
                ("next_step", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("next_on", models.DateField(help_text="The day of the next step", null=True)),
                (
                    "worked_key",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Of the form that wrote last: what the next one has seen",
                        max_length=40,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        help_text="Who of staff works on it",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "sales inquiries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ("new", "contacted", "qualified"))),
                        fields=["created_at"],
                        name="inquiry_open",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["new", "contacted", "qualified", "won", "lost"])),
                        name="inquiry_status_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageWatch",
            fields=[
                (
                    "subscription",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="watch",
                        serialize=False,
                        to="plans.subscription",
                    ),
                ),
                (
                    "settled_until",
                    models.DateTimeField(
                        help_text="Hours before this are settled; what comes of them now is late. Credits-only plans move it."
                    ),
                ),
                (
                    "seen_at",
                    models.DateTimeField(
                        help_text="Usage that had reached us by then is settled or an open charge; empty: not looked yet",
                        null=True,
                    ),
                ),
                (
                    "stated_until",
                    models.DateField(
                        help_text="Where the last monthly statement of a credits-only plan ended; empty: none yet",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="subscription",
            name="plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="subscriptions", to="plans.plan"
            ),
        ),
        migrations.CreateModel(
            name="RatedUsage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("window_starts_at", models.DateTimeField()),
                ("window_ends_at", models.DateTimeField()),
                (
                    "planned_ends_at",
                    models.DateTimeField(help_text="Where the window would have ended; later where it was cut"),
                ),
                (
                    "number",
                    models.PositiveIntegerField(
                        default=0, help_text="0: the window's own line; then its late ones, counted"
                    ),
                ),
                ("quantity", models.DecimalField(decimal_places=12, max_digits=38)),
                ("amount", models.BigIntegerField()),
                (
                    "invoice_key",
                    models.CharField(
                        help_text="The invoice that billed it; a discarded draft rewinds it", max_length=120
                    ),
                ),
                ("rated_at", models.DateTimeField()),
                (
                    "rate_card",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="plans.ratecard"
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rated_usage",
                        to="plans.subscription",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["subscription", "-rated_at"], name="rated_usage_last")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subscription", "rate_card", "window_starts_at", "number"), name="rated_usage_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ChangeQuote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("quo",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("subscribe", "subscribe"), ("change", "change"), ("cancel", "cancel")], max_length=20
                    ),
                ),
                (
                    "opens_id",
                    models.BigIntegerField(
                        help_text="Number kept for the spell it would open, so that its first lines have their keys already",
                        null=True,
                    ),
                ),
                ("effective_at", models.DateTimeField(help_text="The instant of the change if confirmed")),
                ("expires_at", models.DateTimeField()),
                ("currency", models.CharField(max_length=3)),
                ("lines", models.JSONField(default=list)),
                (
                    "discards",
                    models.JSONField(
                        default=list, help_text="Announced drafts that it takes the place of: key, billing date, total"
                    ),
                ),
                ("subtotal", models.BigIntegerField()),
                (
                    "tax_rules",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        help_text="The customer's rates, as on the invoice",
                    ),
                ),
                (
                    "taxes",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        help_text="One row per rate, as on the invoice",
                    ),
                ),
                ("tax", models.BigIntegerField(help_text="Sum of the rows")),
                ("total", models.BigIntegerField()),
                (
                    "credits",
                    models.BigIntegerField(db_default=0, default=0, help_text="Taken off the lines of the invoice"),
                ),
                ("credit_rows", models.JSONField(default=list, help_text="The same by grant: name, amount")),
                (
                    "to_credits",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="Charged to credit alone, on no invoice: lines of credits-only plans",
                    ),
                ),
                (
                    "credit",
                    models.BigIntegerField(
                        db_default=0, default=0, help_text="What kept credit notes take off the total, minor units"
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "accepted_at",
                    models.DateTimeField(help_text="Confirmed by a person; may still wait for a card", null=True),
                ),
                (
                    "completed_at",
                    models.DateTimeField(help_text="Carried out; a repeat gives the same result", null=True),
                ),
                (
                    "given_up_at",
                    models.DateTimeField(
                        help_text="Its invoice was issued, but the plan will not begin: declined, or another has begun",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        help_text="The closing invoice",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoices.invoice",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        help_text="The version it would open",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plans.plan",
                    ),
                ),
                (
                    "opened",
                    models.ForeignKey(
                        help_text="The spell it has opened",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plans.subscription",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        help_text="The spell it would end",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plans.subscription",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["subscribe", "change", "cancel"])), name="quote_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("credit", 0),
                            models.Q(("credit__gt", 0), ("credit__lte", models.F("total"))),
                            _connector="OR",
                        ),
                        name="quote_credit_within_total",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("given_up_at__isnull", True),
                            models.Q(("completed_at__isnull", True), ("invoice__isnull", False)),
                            _connector="OR",
                        ),
                        name="quote_given_up_was_billed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CarriedOutConsequence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(help_text="invoice:7:consequence:hold", max_length=120, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("none", "Nothing: reminders only"),
                            ("downgrade", "The plan ends: the customer moves to the default plan"),
                            ("hold", "Access is refused until everything overdue is paid"),
                        ],
                        max_length=20,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("released_at", models.DateTimeField(help_text="Of a hold: everything overdue was paid", null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        help_text="Its final invoice",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoices.invoice",
                    ),
                ),
                (
                    "overdue",
                    models.ForeignKey(
                        help_text="What was not paid",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoices.invoice",
                    ),
                ),
                (
                    "warning",
                    models.ForeignKey(
                        help_text="The delivered message that named it",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.notice",
                    ),
                ),
                (
                    "opened",
                    models.ForeignKey(
                        help_text="Of a downgrade",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plans.subscription",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        help_text="The spell it was carried out on",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plans.subscription",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("downgrade", "hold"))), name="consequence_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "downgrade"), ("opened__isnull", False), ("released_at", None)),
                            models.Q(("invoice", None), ("kind", "hold"), ("opened", None)),
                            _connector="OR",
                        ),
                        name="consequence_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("released_at__isnull", True), ("released_at__gte", models.F("at")), _connector="OR"
                        ),
                        name="consequence_ordered",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "hold"), ("released_at", None)),
                        fields=("customer",),
                        name="consequence_one_hold",
                    ),
                ],
            },
        ),
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
                    "plan",
                    models.ForeignKey(
                        help_text="The version they move to",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="migrations",
                        to="plans.plan",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("scheduled_at__isnull", True)),
                        fields=["created_at"],
                        name="subscription_migration_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("when__in", ["now", "period_end", "after_notice"])),
                        name="subscription_migration_when_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ScheduledChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "effective_at",
                    models.DateTimeField(help_text="The old plan ends and the new one begins at this instant"),
                ),
                (
                    "status",
                    models.CharField(
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
                ("reason", models.CharField(max_length=300)),
                (
                    "key",
                    models.CharField(
                        help_text="Of the form that was sent: sending it twice is once",
                        max_length=40,
                        null=True,
                        unique=True,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "settled_at",
                    models.DateTimeField(help_text="When it was carried out, superseded or withdrawn", null=True),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        help_text="The version it will open",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plans.plan",
                    ),
                ),
                (
                    "opened",
                    models.ForeignKey(
                        help_text="The spell it has opened",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plans.subscription",
                    ),
                ),
                (
                    "migration",
                    models.ForeignKey(
                        help_text="Of which it is one; null: decided for this customer alone",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changes",
                        to="plans.subscriptionmigration",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "scheduled")),
                        fields=["effective_at"],
                        name="scheduled_change_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "scheduled")), fields=("customer",), name="one_scheduled_change"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["scheduled", "done", "superseded", "withdrawn"])),
                        name="scheduled_change_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_at__isnull", True), ("status", "scheduled")),
                            models.Q(models.Q(("status", "scheduled"), _negated=True), ("settled_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="scheduled_change_settled_at",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.BigIntegerField(help_text="Per usage window, minor units; null: none", null=True)),
                (
                    "spend_percents",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        default=list,
                        help_text="Of the amount",
                        size=None,
                    ),
                ),
                ("projected", models.BooleanField(help_text="Tell when the projection is above the amount")),
                (
                    "included_percents",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        default=list,
                        help_text="Of included usage",
                        size=None,
                    ),
                ),
                ("changed_at", models.DateTimeField()),
                (
                    "looked_at",
                    models.DateTimeField(
                        help_text="Compared with usage last, by everybody's clock; null: never", null=True
                    ),
                ),
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__isnull", True), ("amount__gt", 0), _connector="OR"),
                        name="budget_amount_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("spend_percents__contained_by", [50, 80, 100]),
                            ("included_percents__contained_by", [50, 80, 100]),
                        ),
                        name="budget_percents_known",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="usagewatch",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.customer"
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("ends_at__isnull", True)), fields=["plan"], name="subscription_open_of_plan"
            ),
        ),
    ]
