"""Prepaid value and its ledger. Only this room writes these tables.

Amounts are integers in minor units of the row's currency. Ledger transactions and entries are only ever added: database
triggers refuse anything else, also to the owner (migration `0002_immutable`). Everything else here is a projection of
them that makes reading quick; `check_books` computes it anew.
"""

from functools import partial

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from core.ids import public_id
from credits.models_proposals import GrantProposal as GrantProposal


class Funding(models.TextChoices):
    PROMOTIONAL = "promotional", gettext_lazy("Promotional / Free")
    INVOICED = "invoiced", gettext_lazy("Purchased")
    EXTERNAL = "external", gettext_lazy("Paid outside")
    ADJUSTMENT = "adjustment", gettext_lazy("Adjustment")


class CreditGrant(models.Model):
    """Credit given to a customer. What was granted never changes; what is left of it follows the ledger.

    `amount == repaid + pending + available + used + expired + voided + taken_back` at every commit.
    """

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "grt"), editable=False)
    key = models.CharField(max_length=200, unique=True, help_text="Idempotency key: granting twice gives the first")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(help_text="Minor units")
    funding = models.CharField(max_length=20, choices=Funding)
    unit_cost = models.DecimalField(
        max_digits=20, decimal_places=12, default=0, help_text="What one unit of credit costs; price = amount × this"
    )
    priority = models.PositiveSmallIntegerField(default=10, help_text="Draw-down order: the lowest number first")
    effective_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="From this instant on it is gone; empty: never")
    features = ArrayField(
        models.CharField(max_length=60), default=list, blank=True, help_text="Keys it may pay for; empty: everything"
    )
    name = models.CharField(max_length=100, help_text="As the customer sees it")
    reason = models.CharField(max_length=500, blank=True, help_text="Internal: why it was granted")
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")

    # Projections of the ledger, written by every verb that books on this grant.
    paid_at = models.DateTimeField(null=True, blank=True, help_text="Funded; until then nothing of it is on the ledger")
    released_at = models.DateTimeField(null=True, blank=True, help_text="When what did not repay became available")
    settled_at = models.DateTimeField(null=True, blank=True, help_text="Expired or voided: nothing becomes of it")
    pending = models.BigIntegerField(default=0, help_text="Not available yet: not paid, or not effective")
    available = models.BigIntegerField(default=0, help_text="On the ledger and not used")
    repaid = models.BigIntegerField(default=0, help_text="Went to overdraft when it was granted or released")
    used = models.BigIntegerField(default=0, help_text="Consumed, less what corrections returned")
    expired = models.BigIntegerField(default=0)
    voided = models.BigIntegerField(default=0)
    taken_back = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Its price was given back, or is never paid: not a part of the customer's credit",
    )
    warned_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How many days before its expiry the customer was told last"
    )

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(funding__in=Funding.values), name="credit_grant_funding_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_grant_amount_positive"),
            models.CheckConstraint(condition=Q(unit_cost__gte=0), name="credit_grant_unit_cost_not_negative"),
            models.CheckConstraint(condition=Q(priority__range=(1, 1000)), name="credit_grant_priority_valid"),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("effective_at")), name="credit_grant_ordered"
            ),
            models.CheckConstraint(
                condition=Q(
                    pending__gte=0, available__gte=0, repaid__gte=0, used__gte=0, expired__gte=0, voided__gte=0,
                    taken_back__gte=0,
                    amount=F("pending") + F("available") + F("repaid") + F("used") + F("expired") + F("voided")
                    + F("taken_back"),
                ),
                name="credit_grant_within_its_amount",
            ),
        )  # fmt: skip
        indexes = (
            models.Index(
                fields=("customer", "currency"),
                condition=Q(available__gt=0) | Q(pending__gt=0),
                name="credit_grant_open",
                include=("available", "pending", "effective_at", "expires_at", "paid_at"),
            ),
            models.Index(fields=("expires_at",), condition=Q(available__gt=0), name="credit_grant_expiring"),
            models.Index(
                fields=("effective_at",),
                condition=Q(pending__gt=0, paid_at__isnull=False),
                name="credit_grant_releasing",
            ),
            models.Index(fields=("customer", "-created_at"), name="credit_grant_of_customer"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id})"


class AccountKind(models.TextChoices):
    CREDIT = "customer_credit", "Customer credit"  # what the seller owes in service
    OVERDRAFT = "overdraft", "Overdraft"  # what the customer used beyond it; below zero
    ACCRUED = "accrued", "Accrued"  # used on a draft that is not issued yet
    EARNINGS = "earnings", "Earnings"
    BREAKAGE = "breakage", "Breakage"  # expired and voided
    FUNDING = "funding", "Funding boundary"  # where credit comes from


class LedgerAccount(models.Model):
    """An account of a customer, or one of the business. It has no balance of its own, so nobody waits for its row."""

    kind = models.CharField(max_length=20, choices=AccountKind)
    customer = models.ForeignKey(
        "accounts.Customer", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("customer", "currency", "kind"), nulls_distinct=False, name="ledger_account_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("customer_credit", "overdraft", "accrued"), customer__isnull=False)
                | Q(kind__in=("earnings", "breakage", "funding"), customer__isnull=True),
                name="ledger_account_owned",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.currency} {self.customer_id or ''}".strip()


class CreditCharge(models.Model):
    """Something that credit pays for. Its key is unique for ever; corrections lower what is left of it."""

    key = models.CharField(max_length=250, unique=True)
    group = models.CharField(max_length=250, help_text="What a correction names: all charges of one usage window")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    feature_key = models.CharField(max_length=60, blank=True, help_text="Empty: unrestricted credit only")
    title = models.CharField(max_length=200)
    line_key = models.CharField(max_length=250, blank=True, help_text="Where it is explained")
    details = models.JSONField(default=dict, blank=True, help_text="The rated line, where no document has it")
    amount = models.BigIntegerField(help_text="Asked for, minor units")
    covered = models.BigIntegerField(default=0, help_text="Paid by grants, less what was returned")
    overdraft = models.BigIntegerField(default=0, help_text="On the overdraft and not repaid yet")
    returned = models.BigIntegerField(default=0, help_text="Given back by corrections")
    is_final = models.BooleanField(default=True, help_text="False while it stands on a draft: accrued, not earned")
    booked_at = models.DateTimeField(help_text="Which credit may pay is decided as of this instant")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(amount__gt=0, covered__gte=0, overdraft__gte=0, returned__gte=0)
                & Q(amount__gte=F("covered") + F("overdraft") + F("returned")),
                name="credit_charge_within_its_amount",
            ),
        )
        indexes = (
            models.Index(fields=("customer", "group"), name="credit_charge_of_group"),
            models.Index(
                fields=("customer", "currency", "booked_at", "id"),
                condition=Q(overdraft__gt=0),
                name="credit_charge_overdrawn",
            ),
        )

    def __str__(self) -> str:
        return self.key


class CreditAllocation(models.Model):
    """How much of a charge one grant pays – also later, by repaying its overdraft. Corrections unwind newest first."""

    charge = models.ForeignKey(CreditCharge, on_delete=models.PROTECT, related_name="allocations", db_index=False)
    grant = models.ForeignKey(CreditGrant, on_delete=models.PROTECT, related_name="+", db_index=False)
    position = models.PositiveIntegerField(help_text="In the order drawn, counted within the charge")
    amount = models.BigIntegerField(help_text="Drawn, minor units")
    returned = models.BigIntegerField(default=0)
    is_repayment = models.BooleanField(default=False, help_text="It repaid overdraft instead of being drawn")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("charge", "position"), name="credit_allocation_once"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, returned__gte=0, returned__lte=F("amount")),
                name="credit_allocation_within_its_amount",
            ),
        )
        indexes = (models.Index(fields=("grant",), name="credit_allocation_of_grant"),)

    def __str__(self) -> str:
        return f"{self.charge_id} from {self.grant_id}"


class OpenCharge(models.Model):
    """Rated but not settled yet: usage of the running hour and month, or a fee that is due later. Written by plans.

    It is not on the ledger, and lowers what is available now. `settles_at` says when it becomes a charge by itself, and
    nothing is taken before; without it whoever set it replaces or removes it.
    """

    key = models.CharField(max_length=250, unique=True)
    scope = models.CharField(max_length=150, blank=True, db_index=True, help_text="Whose rows are replaced together")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    feature_key = models.CharField(max_length=60, blank=True)
    amount = models.BigIntegerField()
    may_overdraw = models.BooleanField(help_text="Credits only; else an invoice takes what credit does not cover")
    settles_at = models.DateTimeField(null=True, blank=True)
    charge = models.JSONField(default=dict, blank=True, help_text="The ChargeDraft it becomes, where it settles itself")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(amount__gt=0), name="open_charge_positive"),)
        indexes = (
            models.Index(
                fields=("customer", "currency"), name="open_charge_of_customer", include=("amount", "feature_key")
            ),
            models.Index(fields=("settles_at",), condition=Q(settles_at__isnull=False), name="open_charge_settling"),
        )

    def __str__(self) -> str:
        return self.key


class CreditCorrection(models.Model):
    """A correction that was asked for, and what it gave back: asked again, it says the same."""

    key = models.CharField(max_length=250, unique=True)
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    group = models.CharField(max_length=250, help_text="The group or the charge that was corrected")
    amount = models.BigIntegerField(help_text="Given back: overdraft lowered, credit returned, open charges dropped")
    description = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount__gte=0), name="credit_correction_amount_not_negative"),
        )

    def __str__(self) -> str:
        return self.key


class CreditBalance(models.Model):
    """One row per customer and currency, written under the customer's lock: what reading must not add up.

    `settled` is what the committed movements sum to; releases and expiries that are due and not booked yet are not in
    it.
    """

    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    settled = models.BigIntegerField(default=0)
    overdraft = models.BigIntegerField(default=0, help_text="Not repaid yet, as a positive amount")
    warned = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text="What was told: low, exhausted, negative; cleared when credit is there again",
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=("customer", "currency"), name="credit_balance_once"),)

    def __str__(self) -> str:
        return f"{self.customer_id} {self.currency}"


class CreditDebt(models.Model):
    """The overdraft of one feature, as a positive amount: reading must not add up charges that nobody repaid."""

    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    feature_key = models.CharField(max_length=60, blank=True)
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("customer", "currency", "feature_key"), name="credit_debt_once"),
        )

    def __str__(self) -> str:
        return f"{self.customer_id} {self.currency} {self.feature_key}".strip()


class ChainHead(models.Model):
    """Where a customer's chain of transactions ends: the next one continues here."""

    customer = models.OneToOneField("accounts.Customer", primary_key=True, on_delete=models.PROTECT, related_name="+")
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, help_text="SHA-256 of the newest transaction, hexadecimal")

    def __str__(self) -> str:
        return f"{self.customer_id} #{self.sequence}"


class TransactionKind(models.TextChoices):
    FUNDED = "funded", gettext_lazy("Funded")
    CONSUMED = "consumed", gettext_lazy("Consumed")
    EXPIRED = "expired", gettext_lazy("Expired")
    VOIDED = "voided", gettext_lazy("Voided")
    CORRECTION = "correction", gettext_lazy("Correction")
    ADJUSTMENT = "adjustment", gettext_lazy("Adjustment")
    RECOGNIZED = "recognized", "Recognized"  # accrued becomes earnings when a draft is issued; no movement


class LedgerTransaction(models.Model):
    """One operation on a customer's ledger; every kind but `recognized` is a movement that the customer sees.

    The chain runs over `sequence`. `hash` covers the other columns, the entries and `previous_hash` (credits/chain.py).
    """

    key = models.CharField(max_length=300, unique=True, help_text="The operation: done twice, it is this one")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    sequence = models.PositiveBigIntegerField(help_text="1, 2, 3 … per customer, in the order booked")
    kind = models.CharField(max_length=20, choices=TransactionKind)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(help_text="Signed: what it does to the customer's balance")
    grant = models.ForeignKey(CreditGrant, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    charge = models.ForeignKey(CreditCharge, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    feature_key = models.CharField(max_length=60, blank=True)
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    description = models.CharField(max_length=300)
    booked_at = models.DateTimeField(help_text="When it counts")
    created_at = models.DateTimeField(help_text="When it was written")
    entry_count = models.PositiveIntegerField()
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("customer", "sequence"), name="ledger_transaction_in_chain"),
            models.CheckConstraint(condition=Q(kind__in=TransactionKind.values), name="ledger_transaction_kind_known"),
            models.CheckConstraint(condition=Q(entry_count__gte=2), name="ledger_transaction_has_two_sides"),
            models.CheckConstraint(
                condition=Q(kind__in=("funded",), amount__gt=0)
                | Q(kind__in=("consumed", "expired", "voided"), amount__lt=0)
                | Q(kind="correction", amount__gt=0)
                | Q(kind="adjustment") & ~Q(amount=0)
                | Q(kind="recognized", amount=0),
                name="ledger_transaction_signed",
            ),
        )
        indexes = (
            models.Index(
                fields=("customer", "currency", "booked_at", "created_at", "id"),
                name="ledger_transaction_history",
                include=("amount",),
                condition=~Q(kind="recognized"),
            ),
            models.Index(fields=("grant",), name="ledger_transaction_of_grant", condition=Q(grant__isnull=False)),
            models.Index(fields=("charge",), name="ledger_transaction_of_charge", condition=Q(charge__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.customer_id} #{self.sequence} {self.kind}"


class LedgerEntry(models.Model):
    """One side of a transaction. The entries of a transaction sum to zero; the database checks it on commit.

    Credit to an account is positive, debit negative: granting 100 is funding −100, customer credit +100.
    """

    transaction = models.ForeignKey(LedgerTransaction, on_delete=models.PROTECT, related_name="entries", db_index=False)
    position = models.PositiveIntegerField()
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    amount = models.BigIntegerField()
    grant = models.ForeignKey(CreditGrant, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    charge = models.ForeignKey(CreditCharge, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("transaction", "position"), name="ledger_entry_once"),
            models.CheckConstraint(condition=~Q(amount=0), name="ledger_entry_not_zero"),
        )
        indexes = (models.Index(fields=("account",), name="ledger_entry_of_account"),)

    def __str__(self) -> str:
        return f"{self.transaction_id}.{self.position}"
