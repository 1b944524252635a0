"""Who is here, who is billed, and with which card. Only this room writes these tables."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Lower
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.utils.translation import gettext_lazy as _

from accounts.models_clock import ClockMove as ClockMove
from accounts.models_mail import MutedMail as MutedMail
from accounts.models_mail import OptionalMail as OptionalMail
from core.ids import public_id


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})


class User(AbstractUser):
    """A person, known by their e-mail address (stored in lower case)."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]
    known_memberships: "list[Membership] | None" = None

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case"),)

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class PaymentPolicy(models.TextChoices):
    """Whether a customer must keep a payment method. Decided by plans, pushed down here."""

    OPTIONAL = "optional", _("optional")
    REQUIRED = "required", _("required")
    MANAGED_BY_CONTRACT = "managed_by_contract", _("managed by contract")


class CustomerQuerySet(models.QuerySet["Customer"]):
    def settle_currency(self, currencies: Mapping[int, str]) -> None:
        """The first issued document decides the currency (by customer id); one that is decided stays."""
        for currency in sorted(set(currencies.values())):
            ids = [customer_id for customer_id, own in currencies.items() if own == currency]
            self.filter(pk__in=ids, currency="").update(currency=currency)


class Customer(models.Model):
    """Who is billed. The row is also the mutex of everything that moves this customer's money."""

    key = models.CharField(max_length=40, unique=True, default=partial(public_id, "cus"), editable=False)
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3, blank=True, help_text="Set by the first invoice; never changes after.")
    payment_policy = models.CharField(
        max_length=20,
        choices=PaymentPolicy,
        default=PaymentPolicy.OPTIONAL,
        help_text="Written by every verb of plans that changes the plan; check_books compares.",
    )
    clock_at = models.DateTimeField(
        null=True, blank=True, help_text="A sandbox customer's own present; moved by the test clock only."
    )
    parked_at = models.DateTimeField(null=True, blank=True, help_text="Set when a run failed for this customer.")
    parked_reason = models.TextField(blank=True)
    gateway_customer = models.CharField(
        max_length=80,
        blank=True,
        help_text="Processor and its id of the customer (stripe:cus_…); set by the first visit to its card page.",
    )
    # Of whoever is under a contract, whichever plan that is. With defaults of the database: code that does not know the
    # columns yet goes on writing rows.
    sales_contact_name = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="Read by accounts.sales.sales_contact."
    )
    sales_contact_email = models.EmailField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)
    users = models.ManyToManyField(User, through="Membership", related_name="customers")

    objects: ClassVar[CustomerQuerySet] = CustomerQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        permissions = (  # what staff may do; see accounts/roles.py
            ("manage_billing", "Can do everything in Metering & Billing"),
            ("read_billing", "Can look at everything in Metering & Billing"),
            ("export_billing", "Can export what they may look at"),
            ("support_customers", "Can send again, look as a customer does, and work on contact requests"),
            ("manage_catalog", "Can change and publish the catalogue"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(payment_policy__in=PaymentPolicy.values), name="customer_payment_policy_known"
            ),
            models.CheckConstraint(
                condition=Q(sales_contact_name="", sales_contact_email="")
                | ~Q(sales_contact_name="") & ~Q(sales_contact_email=""),
                name="customer_sales_contact_whole",
            ),
        )
        indexes = (  # of the list of staff
            models.Index(fields=("currency",), name="customer_currency"),
            models.Index(fields=("parked_at",), condition=Q(parked_at__isnull=False), name="customer_parked"),
        )

    def __str__(self) -> str:
        return self.name

    def present(self, at: datetime) -> datetime:
        """What the customer's own clock shows, where one is set; else `at`, everybody's present."""
        return self.clock_at or at


class Role(models.TextChoices):
    BILLING_ADMIN = "billing_admin", gettext_lazy("Billing admin")
    BILLING_VIEWER = "billing_viewer", gettext_lazy("Billing viewer")
    MEMBER = "member", gettext_lazy("Member")


class Membership(models.Model):
    """A person's role with one customer."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "customer"), name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        )

    def __str__(self) -> str:
        return f"{self.user} – {self.customer} ({self.get_role_display()})"


class Language(models.TextChoices):
    """Languages of documents and e-mails, each by its own name: those of settings.LANGUAGES, and one of documents."""

    EN = "en", "English"
    DE = "de", "Deutsch"
    FR = "fr", gettext_lazy("Français (documents; e-mails in English)")


class BillingProfile(models.Model):
    """The customer as a party on documents. Issued documents keep their own copy."""

    customer = models.OneToOneField(Customer, on_delete=models.CASCADE, related_name="billing_profile")
    legal_name = models.CharField("legal or company name", max_length=200, blank=True)
    line1 = models.CharField("address line 1", max_length=200, blank=True)
    line2 = models.CharField("address line 2", max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    region = models.CharField("state or region", max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 alpha-2")
    tax_id = models.CharField("tax ID (VAT, GST …)", max_length=40, blank=True)
    po_number = models.CharField("purchase order number", max_length=60, blank=True)
    recipients = models.JSONField(default=list, blank=True, help_text="E-mail addresses that get documents.")
    # With defaults of the database: code that does not know these columns yet goes on writing rows.
    buyer_reference = models.CharField(max_length=60, blank=True, default="", db_default="")
    language = models.CharField(
        "language of documents and e-mails",
        max_length=2,
        choices=Language,
        default=Language.EN,
        db_default=Language.EN,
    )
    attach_pdf = models.BooleanField("PDF attached to e-mails", default=True, db_default=True)
    attach_xml = models.BooleanField(
        "XML attached to e-mails", default=False, db_default=False, help_text="The data of invoices and credit notes."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(country__regex="^([A-Z]{2})?$"), name="billing_profile_country_code"),
            models.CheckConstraint(condition=Q(language__in=Language.values), name="billing_profile_language_known"),
        )

    def __str__(self) -> str:
        return self.legal_name or self.customer.name

    @property
    def is_complete(self) -> bool:
        """Whether a document can name this party."""
        return bool(self.legal_name and self.line1 and self.city and self.country)


class SubjectKind(models.TextChoices):
    CONSUMER = "consumer", _("Consumer")
    APPLICATION = "application", _("Application")
    SUBJECT = "subject", _("Subject")


class UsageSubject(models.Model):
    """What an event's `subject` names; it belongs to exactly one customer."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="usage_subjects")
    subject = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=20, choices=SubjectKind, default=SubjectKind.SUBJECT)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=SubjectKind.values), name="usage_subject_kind_known"),
        )

    def __str__(self) -> str:
        return self.subject


class ApiToken(models.Model):
    """A bearer token of the API: shown once, kept as a hash. Without a customer it is an operator's."""

    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, help_text="The first characters, so that people can tell tokens apart.")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token, hexadecimal")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class GatewayName(models.TextChoices):
    SANDBOX = "sandbox", _("Sandbox")
    STRIPE = "stripe", _("Stripe")


CARD = gettext_noop("%(brand)s ending %(last4)s")


class PaymentMethodQuerySet(models.QuerySet["PaymentMethod"]):
    def live(self) -> "PaymentMethodQuerySet":
        """Not deleted."""
        return self.filter(deleted_at__isnull=True)


class PaymentMethod(models.Model):
    """A card kept by the gateway; we hold its token and what people need to recognise it."""

    key = models.CharField(max_length=40, unique=True, default=partial(public_id, "pm"), editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="payment_methods")
    gateway = models.CharField(max_length=20, choices=GatewayName)
    token = models.CharField(max_length=120, help_text="The gateway's reference; never a card number.")
    fingerprint = models.CharField(max_length=80, blank=True, help_text="Same card, same value: finds duplicates.")
    brand = models.CharField(max_length=20)
    last4 = models.CharField(max_length=4)
    exp_month = models.PositiveSmallIntegerField()
    exp_year = models.PositiveSmallIntegerField()
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Payments keep pointing at the row.")

    objects = PaymentMethodQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("customer",),
                condition=Q(is_default=True, deleted_at__isnull=True),
                name="payment_method_one_default",
            ),
            models.UniqueConstraint(fields=("gateway", "token"), name="payment_method_token_once"),
            models.CheckConstraint(
                condition=Q(exp_month__gte=1, exp_month__lte=12), name="payment_method_exp_month_valid"
            ),
            models.CheckConstraint(condition=Q(gateway__in=GatewayName.values), name="payment_method_gateway_known"),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(deleted_at__isnull=True), name="payment_method_default_is_live"
            ),
        )
        indexes = (models.Index(fields=("last4",), name="payment_method_by_last4"),)

    def __str__(self) -> str:
        return gettext(CARD) % {"brand": self.brand, "last4": self.last4}

    def has_expired(self, on: date) -> bool:
        """A card is good until the last day of its month."""
        return (self.exp_year, self.exp_month) < (on.year, on.month)

    def expires_after(self) -> date:
        """That last day."""
        return date(self.exp_year, self.exp_month, monthrange(self.exp_year, self.exp_month)[1])


class CardSetup(models.Model):
    """One visit to the gateway's card page, from *Add a payment method* until the card is kept or refused."""

    key = models.CharField(max_length=40, unique=True, default=partial(public_id, "set"), editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    gateway = models.CharField(max_length=20, choices=GatewayName)
    gateway_id = models.CharField(max_length=120, unique=True)
    next_url = models.CharField(max_length=500, blank=True, help_text="Where to go back to; a path of this portal.")
    make_default = models.BooleanField(default=False, help_text="Asked for on the page; the first card always is.")
    payment_method = models.ForeignKey(PaymentMethod, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(gateway__in=GatewayName.values), name="card_setup_gateway_known"),
        )

    def __str__(self) -> str:
        return self.key


class AuditEntry(models.Model):
    """Who did what, when, and what it was before. Appended only."""

    at = models.DateTimeField()
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Null: the run.")
    customer = models.ForeignKey(
        Customer, null=True, on_delete=models.PROTECT, related_name="audit_entries", db_index=False
    )
    action = models.CharField(max_length=60, help_text="The verb: change_plan, make_default …")
    subject = models.CharField(max_length=120, help_text="What it was done to: invoice:7, subscription:42 …")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField(blank=True)

    class Meta:
        indexes = (
            models.Index(fields=("customer", "-at"), name="audit_by_customer"),
            models.Index(fields=("action", "-id"), name="audit_by_action"),
            models.Index(fields=("subject",), name="audit_by_subject"),
            BrinIndex(fields=("at",), name="audit_by_day", pages_per_range=32),
        )
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class Notice(models.Model):
    """The outbox: a message that must reach somebody. Created once by its key, delivered at least once."""

    key = models.CharField(max_length=200, unique=True, help_text="Also its Message-ID, stable over repeats.")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT, related_name="notices")
    template = models.CharField(max_length=80, help_text="emails/<template>.txt; its first line is the subject.")
    to = models.JSONField(help_text="List of e-mail addresses")
    context = models.JSONField(default=dict, help_text="Frozen when the notice was made.")
    # With a default of the database: code that does not know the column yet goes on writing rows.
    documents = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), help_text="Names of the PDFs that go with it"
    )
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True, help_text="After a failed attempt: not before this.")
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = (models.Index(F("created_at"), condition=Q(sent_at__isnull=True), name="notice_to_send"),)

    def __str__(self) -> str:
        return self.key
