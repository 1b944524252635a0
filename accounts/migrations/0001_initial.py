import functools

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("cus",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "currency",
                    models.CharField(
                        blank=True, help_text="Set by the first invoice; never changes after.", max_length=3
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
                        help_text="Written by every verb of plans that changes the plan; check_books compares.",
                        max_length=20,
                    ),
                ),
                (
                    "clock_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="A sandbox customer's own present; moved by the test clock only.",
                        null=True,
                    ),
                ),
                (
                    "parked_at",
                    models.DateTimeField(blank=True, help_text="Set when a run failed for this customer.", null=True),
                ),
                ("parked_reason", models.TextField(blank=True)),
                (
                    "gateway_customer",
                    models.CharField(
                        blank=True,
                        help_text="Processor and its id of the customer (stripe:cus_…); set by the first visit to its card page.",
                        max_length=80,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "permissions": (
                    ("manage_billing", "Can do everything in Metering & Billing"),
                    ("read_billing", "Can look at everything in Metering & Billing"),
                    ("export_billing", "Can export what they may look at"),
                    ("support_customers", "Can send again, look as a customer does, and work on contact requests"),
                    ("manage_catalog", "Can change and publish the catalogue"),
                ),
                "indexes": [
                    models.Index(fields=["currency"], name="customer_currency"),
                    models.Index(
                        condition=models.Q(("parked_at__isnull", False)), fields=["parked_at"], name="customer_parked"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("payment_policy__in", ["optional", "required", "managed_by_contract"])),
                        name="customer_payment_policy_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                ("email", models.EmailField(max_length=254, unique=True, verbose_name="e-mail")),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                        name="user_email_lower_case",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ClockMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(help_text="Of the form: a double submit moves once", max_length=40)),
                ("starts_at", models.DateTimeField(help_text="What the clock showed before")),
                ("until", models.DateTimeField(help_text="What it is to show")),
                ("wanted_at", models.DateTimeField()),
                (
                    "busy_until",
                    models.DateTimeField(
                        help_text="A worker is at it until then; later another one goes on", null=True
                    ),
                ),
                (
                    "stops",
                    models.PositiveIntegerField(
                        default=0, help_text="At how many instants the clock stood still on the way"
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True)),
                ("stopped", models.TextField(blank=True, help_text="Why it ended before `until`")),
                (
                    "actor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
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
                "indexes": [models.Index(fields=["customer", "-id"], name="clock_move_of_customer")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("until__gt", models.F("starts_at"))), name="clock_move_forward"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("stopped", ""), ("ended_at__isnull", False), _connector="OR"),
                        name="clock_move_stopped_over",
                    ),
                    models.UniqueConstraint(fields=("customer", "key"), name="clock_move_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("customer",),
                        name="clock_move_one_at_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BillingProfile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("legal_name", models.CharField(blank=True, max_length=200, verbose_name="legal or company name")),
                ("line1", models.CharField(blank=True, max_length=200, verbose_name="address line 1")),
                ("line2", models.CharField(blank=True, max_length=200, verbose_name="address line 2")),
                ("postal_code", models.CharField(blank=True, max_length=20)),
                ("city", models.CharField(blank=True, max_length=100)),
                ("region", models.CharField(blank=True, max_length=100, verbose_name="state or region")),
                ("country", models.CharField(blank=True, help_text="ISO 3166-1 alpha-2", max_length=2)),
                ("tax_id", models.CharField(blank=True, max_length=40, verbose_name="tax ID (VAT, GST …)")),
                ("po_number", models.CharField(blank=True, max_length=60, verbose_name="purchase order number")),
                (
                    "recipients",
                    models.JSONField(blank=True, default=list, help_text="E-mail addresses that get documents."),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("de", "Deutsch")],
                        db_default="en",
                        default="en",
                        max_length=2,
                        verbose_name="language of documents and e-mails",
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="billing_profile",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("country__regex", "^([A-Z]{2})?$")), name="billing_profile_country_code"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("language__in", ["en", "de"])), name="billing_profile_language_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("action", models.CharField(help_text="The verb: change_plan, make_default …", max_length=60)),
                (
                    "subject",
                    models.CharField(help_text="What it was done to: invoice:7, subscription:42 …", max_length=120),
                ),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("reason", models.TextField(blank=True)),
                (
                    "actor",
                    models.ForeignKey(
                        help_text="Null: the run.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_entries",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "indexes": [
                    models.Index(fields=["customer", "-at"], name="audit_by_customer"),
                    models.Index(fields=["action", "-id"], name="audit_by_action"),
                    models.Index(fields=["subject"], name="audit_by_subject"),
                    django.contrib.postgres.indexes.BrinIndex(fields=["at"], name="audit_by_day", pages_per_range=32),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                (
                    "prefix",
                    models.CharField(
                        help_text="The first characters, so that people can tell tokens apart.", max_length=12
                    ),
                ),
                ("digest", models.CharField(help_text="SHA-256 of the token, hexadecimal", max_length=64, unique=True)),
                ("created_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
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
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to="accounts.customer",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("billing_admin", "Billing admin"),
                            ("billing_viewer", "Billing viewer"),
                            ("member", "Member"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="accounts.customer"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "customer"), name="membership_once"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["billing_admin", "billing_viewer", "member"])),
                        name="membership_role_known",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="customer",
            name="users",
            field=models.ManyToManyField(
                related_name="customers", through="accounts.Membership", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.CreateModel(
            name="MutedMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("charges", "Charges are calculated, three days before they are billed"),
                            ("card_expiring", "The default card expires soon"),
                            ("credits_granted", "Credits were added"),
                            ("credits_low", "Credits are low or used up"),
                            ("credits_expiring", "Credits expire soon"),
                            ("credit_statement", "Monthly credit statement"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="muted_mail",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "kind"), name="muted_mail_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "charges",
                                    "card_expiring",
                                    "credits_granted",
                                    "credits_low",
                                    "credits_expiring",
                                    "credit_statement",
                                ],
                            )
                        ),
                        name="muted_mail_kind_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        help_text="Also its Message-ID, stable over repeats.", max_length=200, unique=True
                    ),
                ),
                (
                    "template",
                    models.CharField(help_text="emails/<template>.txt; its first line is the subject.", max_length=80),
                ),
                ("to", models.JSONField(help_text="List of e-mail addresses")),
                ("context", models.JSONField(default=dict, help_text="Frozen when the notice was made.")),
                (
                    "documents",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        help_text="Names of the PDFs that go with it",
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                (
                    "retry_at",
                    models.DateTimeField(blank=True, help_text="After a failed attempt: not before this.", null=True),
                ),
                ("last_error", models.TextField(blank=True)),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("created_at"), condition=models.Q(("sent_at__isnull", True)), name="notice_to_send"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentMethod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("pm",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                ("gateway", models.CharField(choices=[("sandbox", "Sandbox"), ("stripe", "Stripe")], max_length=20)),
                ("token", models.CharField(help_text="The gateway's reference; never a card number.", max_length=120)),
                (
                    "fingerprint",
                    models.CharField(blank=True, help_text="Same card, same value: finds duplicates.", max_length=80),
                ),
                ("brand", models.CharField(max_length=20)),
                ("last4", models.CharField(max_length=4)),
                ("exp_month", models.PositiveSmallIntegerField()),
                ("exp_year", models.PositiveSmallIntegerField()),
                ("is_default", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                (
                    "deleted_at",
                    models.DateTimeField(blank=True, help_text="Payments keep pointing at the row.", null=True),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payment_methods",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["last4"], name="payment_method_by_last4")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("deleted_at__isnull", True), ("is_default", True)),
                        fields=("customer",),
                        name="payment_method_one_default",
                    ),
                    models.UniqueConstraint(fields=("gateway", "token"), name="payment_method_token_once"),
                    models.CheckConstraint(
                        condition=models.Q(("exp_month__gte", 1), ("exp_month__lte", 12)),
                        name="payment_method_exp_month_valid",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("gateway__in", ["sandbox", "stripe"])), name="payment_method_gateway_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_default", False), ("deleted_at__isnull", True), _connector="OR"),
                        name="payment_method_default_is_live",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CardSetup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        default=functools.partial(core.ids.public_id, *("set",)),
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                ("gateway", models.CharField(choices=[("sandbox", "Sandbox"), ("stripe", "Stripe")], max_length=20)),
                ("gateway_id", models.CharField(max_length=120, unique=True)),
                (
                    "next_url",
                    models.CharField(
                        blank=True, help_text="Where to go back to; a path of this portal.", max_length=500
                    ),
                ),
                (
                    "make_default",
                    models.BooleanField(default=False, help_text="Asked for on the page; the first card always is."),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "user",
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.customer"
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
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("gateway__in", ["sandbox", "stripe"])), name="card_setup_gateway_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageSubject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.CharField(max_length=200, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("consumer", "Consumer"), ("application", "Application"), ("subject", "Subject")],
                        default="subject",
                        max_length=20,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="usage_subjects",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["consumer", "application", "subject"])),
                        name="usage_subject_kind_known",
                    )
                ],
            },
        ),
    ]
