"""The price list: plans in versions and the rate cards on them. Part of `plans.models`."""

from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Self, cast

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import PaymentPolicy
from core.money import to_major
from core.questions import built_once
from plans.models_credits import CreditExhaustion
from plans.models_overdue import OverdueConsequence
from plans.models_prices import PriceModel, tiers_of, tiers_subquery
from plans.pricing import CadenceName, CardTerms, Model, PlanTerms, Timing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from invoices.lines import Settlement


class PlanStatus(models.TextChoices):
    DRAFT = "draft", _("draft")
    PUBLISHED = "published", _("published")
    ARCHIVED = "archived", _("archived")


class SettlementMode(models.TextChoices):
    CREDIT_ONLY = "credit_only", _("Credits only")
    CREDIT_THEN_INVOICE = "credit_then_invoice", _("Credits then invoice")


class PlanQuerySet(models.QuerySet["Plan"]):
    def published(self) -> Self:
        """What can be subscribed to now, in the order of the tiles."""
        return self.filter(status=PlanStatus.PUBLISHED).order_by("position", "key")

    def open_to(self, customer_id: int | None) -> Self:
        """Those of the catalogue, and the contracts of this customer."""
        of_catalogue = Q(customer__isnull=True)
        return self.filter(of_catalogue | Q(customer=customer_id) if customer_id else of_catalogue)

    def with_cards(self) -> Self:
        """Two queries in all, however many plans: `terms()` then asks nothing."""
        return self.prefetch_related(cards_in_order())


class Plan(models.Model):
    """One version of a plan. Published versions are immutable; a change is a new version."""

    key = models.SlugField(max_length=40, help_text="The same for all versions: free, plus")
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=60, help_text="Without the product: Plus")
    tagline = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=list, blank=True, help_text="Up to five short lines on the tile")
    position = models.PositiveSmallIntegerField(default=0, help_text="Order of the tiles")
    status = models.CharField(max_length=20, choices=PlanStatus, default=PlanStatus.DRAFT)
    published_at = models.DateTimeField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    settlement_mode = models.CharField(
        max_length=20, choices=SettlementMode, default=SettlementMode.CREDIT_THEN_INVOICE
    )
    when_credits_run_out = models.CharField(
        max_length=20,
        choices=CreditExhaustion,
        default=CreditExhaustion.NEGATIVE,
        db_default=CreditExhaustion.NEGATIVE,
        help_text="Credits only. Usage that arrives settles in any case; refusing is what the access API answers.",
    )
    payment_policy = models.CharField(max_length=20, choices=PaymentPolicy, default=PaymentPolicy.OPTIONAL)
    overdue_consequence = models.CharField(
        max_length=20,
        choices=OverdueConsequence,
        default=OverdueConsequence.NONE,
        db_default=OverdueConsequence.NONE,
        help_text="What follows when an invoice stays unpaid, at the earliest 7 days after a delivered final warning.",
    )
    self_serve = models.BooleanField(default=True, help_text="Customers may change to and from it by themselves")
    is_default = models.BooleanField(default=False, help_text="Opened at sign-up; what «Cancel Plan» moves to")
    customer = models.ForeignKey(
        "accounts.Customer",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose contract this is: nobody else can be put on it. Null: of the catalogue",
    )
    payment_terms = models.PositiveSmallIntegerField(
        null=True, help_text="Days from the issue of an invoice until it is due; null: as the setting says"
    )
    contract_starts_on = models.DateField(null=True, help_text="As agreed; the plan begins when it is subscribed")
    contract_ends_on = models.DateField(null=True, help_text="As agreed, the last day; nothing ends by itself")

    objects = PlanQuerySet.as_manager()
    _terms: PlanTerms | None = None

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("key", "version"), name="plan_version_once"),
            models.UniqueConstraint(
                fields=("key",), condition=Q(status="published"), name="plan_one_published_version"
            ),
            models.UniqueConstraint(
                fields=("is_default",), condition=Q(status="published", is_default=True), name="plan_one_default"
            ),
            models.CheckConstraint(condition=Q(status__in=PlanStatus.values), name="plan_status_known"),
            models.CheckConstraint(
                condition=Q(settlement_mode__in=SettlementMode.values), name="plan_settlement_mode_known"
            ),
            models.CheckConstraint(
                condition=Q(payment_policy__in=PaymentPolicy.values), name="plan_payment_policy_known"
            ),
            models.CheckConstraint(
                condition=Q(when_credits_run_out__in=CreditExhaustion.values), name="plan_credit_exhaustion_known"
            ),
            models.CheckConstraint(
                condition=Q(overdue_consequence__in=OverdueConsequence.values), name="plan_consequence_known"
            ),
            models.CheckConstraint(
                condition=Q(overdue_consequence="none")
                | Q(overdue_consequence="hold") & ~Q(payment_policy="managed_by_contract")
                | Q(overdue_consequence="downgrade", is_default=False) & ~Q(payment_policy="managed_by_contract"),
                name="plan_consequence_possible",
            ),
            models.CheckConstraint(
                condition=Q(customer__isnull=True, contract_starts_on__isnull=True, contract_ends_on__isnull=True)
                | Q(customer__isnull=False, self_serve=False, is_default=False, payment_policy="managed_by_contract"),
                name="plan_contract_whole",
            ),
            models.CheckConstraint(
                condition=Q(contract_starts_on__isnull=True)
                | Q(contract_ends_on__isnull=True)
                | Q(contract_starts_on__lte=F("contract_ends_on")),
                name="plan_contract_ordered",
            ),
            models.CheckConstraint(
                condition=Q(payment_terms__isnull=True)
                | Q(payment_terms__lte=365, payment_policy="managed_by_contract"),
                name="plan_payment_terms_by_contract",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def blocks_at_zero(self) -> bool:
        """Whether access is refused once credits have run out; else the balance goes negative."""
        return self.when_credits_run_out == CreditExhaustion.BLOCK

    @property
    def title(self) -> str:
        """As people know it: `{Product} Plus`."""
        return f"{settings.PRODUCT_NAME} {self.name}"

    def terms(self) -> PlanTerms:
        """Its prices as plain values, for the pure modules; read once, unless it is a draft not loaded `with_cards`."""
        if self._terms is None:
            is_loaded = "rate_cards" in getattr(self, "_prefetched_objects_cache", {})
            terms = self._terms_with(self.rate_cards.all() if is_loaded else self.rate_cards.with_terms())
            if self.status == PlanStatus.DRAFT and not is_loaded:
                return terms
            self._terms = terms
        return self._terms

    def keep_terms(self, rows: "Iterable[RateCard]") -> Self:
        """Its cards were read `with_terms` by somebody else."""
        self._terms = self._terms_with(rows)
        return self

    def _terms_with(self, rows: "Iterable[RateCard]") -> PlanTerms:
        cards = tuple(card.terms(self.currency) for card in rows)
        settlement = cast("Settlement", str(self.settlement_mode))
        return PlanTerms(self.pk, self.key, self.name, self.version, self.currency, cards, settlement)


class FeeTiming(models.TextChoices):
    IN_ARREARS = "in_arrears", _("in arrears")
    IN_ADVANCE = "in_advance", _("in advance")
    ONE_TIME = "one_time", _("one time")


class FeeCadence(models.TextChoices):
    MONTHLY = "monthly", _("monthly")
    YEARLY = "yearly", _("yearly")


class RateCardQuerySet(models.QuerySet["RateCard"]):
    def with_terms(self) -> Self:
        """One query: `terms()` then asks nothing."""
        return self.select_related("feature__meter").annotate(tier_values=tiers_subquery())


class RateCard(models.Model):
    """The price of one thing in one plan version."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="rate_cards")
    key = models.SlugField(max_length=60, help_text="Stable over versions: base-fee, api-requests")
    name = models.CharField(max_length=100, help_text="As on the invoice: API requests")
    position = models.PositiveSmallIntegerField(default=0)
    feature = models.ForeignKey("usage.Feature", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    model = models.CharField(max_length=20, choices=PriceModel)
    amount = models.BigIntegerField(null=True, blank=True, help_text="Flat fee per month or year, or once; minor units")
    timing = models.CharField(
        max_length=20,
        choices=FeeTiming,
        default=FeeTiming.IN_ARREARS,
        help_text="Of a flat fee: after its period, before it, or once when the plan starts",
    )
    cadence = models.CharField(
        max_length=20,
        choices=FeeCadence,
        default=FeeCadence.MONTHLY,
        help_text="Of a flat fee: the period it is for, counted from the anchor",
    )
    unit_amount = models.DecimalField(
        max_digits=30,
        decimal_places=12,
        null=True,
        blank=True,
        help_text="Price per `per_units`, or of one package, major units",
    )
    per_units = models.PositiveIntegerField(
        default=1, help_text="12.00 per 1,000,000: sub-cent prices stay readable. Of a package: how many are in it"
    )
    free_units = models.DecimalField(
        max_digits=38, decimal_places=12, default=0, help_text="Included in every usage window"
    )
    discount_percent = models.DecimalField(
        max_digits=7, decimal_places=4, default=0, help_text="Off the price of usage: 0 to 100"
    )
    minimum_amount = models.BigIntegerField(
        null=True, blank=True, help_text="Least charge of a usage window, minor units; posted when it closes"
    )
    maximum_amount = models.BigIntegerField(
        null=True, blank=True, help_text="Highest charge of a usage window, minor units"
    )

    objects = RateCardQuerySet.as_manager()
    tier_values: list[str]

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("plan", "key"), name="rate_card_once"),
            models.UniqueConstraint(fields=("plan", "feature"), name="rate_card_feature_once"),
            models.CheckConstraint(
                condition=Q(model="flat", amount__isnull=False, amount__gte=0, feature__isnull=True)
                | Q(model__in=("unit", "package"), unit_amount__isnull=False, unit_amount__gte=0, feature__isnull=False)
                | Q(model__in=("graduated", "volume", "free"), unit_amount__isnull=True, feature__isnull=False),
                name="rate_card_priced_as_its_model",
            ),
            models.CheckConstraint(
                condition=Q(timing__in=FeeTiming.values, cadence__in=FeeCadence.values), name="rate_card_timing_known"
            ),
            models.CheckConstraint(
                condition=Q(model="flat") & ~Q(timing="one_time")
                | Q(model="flat", cadence="monthly")
                | Q(timing="in_arrears", cadence="monthly"),
                name="rate_card_timing_fits",
            ),
            models.CheckConstraint(condition=Q(per_units__gte=1, free_units__gte=0), name="rate_card_units_valid"),
            models.CheckConstraint(
                condition=Q(discount_percent__range=(0, 100))
                & (~Q(model="flat") | Q(discount_percent=0, minimum_amount__isnull=True, maximum_amount__isnull=True))
                & (Q(minimum_amount__isnull=True) | Q(minimum_amount__gte=0))
                & (Q(maximum_amount__isnull=True) | Q(maximum_amount__gte=0))
                & (
                    Q(minimum_amount__isnull=True)
                    | Q(maximum_amount__isnull=True)
                    | Q(minimum_amount__lte=F("maximum_amount"))
                ),
                name="rate_card_limits_valid",
            ),
        )
        ordering = ("plan", "position", "id")

    def __str__(self) -> str:
        return f"{self.plan}: {self.name}"

    def terms(self, currency: str) -> CardTerms:
        """The same as a plain value, for the pure modules; amounts of usage in major units of the currency."""
        feature = self.feature
        return CardTerms(
            id=self.pk,
            key=self.key,
            name=self.name,
            model=cast("Model", str(self.model)),
            amount=self.amount or 0,
            unit_amount=self.unit_amount or Decimal(0),
            per_units=self.per_units,
            free_units=self.free_units,
            feature_id=self.feature_id,
            feature_key=feature.key if feature else "",
            unit=feature.unit if feature else "",
            unit_plural=feature.unit_plural if feature else "",
            tiers=tiers_of(self, currency),
            discount_percent=self.discount_percent,
            minimum=None if self.minimum_amount is None else to_major(self.minimum_amount, currency),
            maximum=None if self.maximum_amount is None else to_major(self.maximum_amount, currency),
            timing=cast("Timing", str(self.timing)),
            cadence=cast("CadenceName", str(self.cadence)),
        )


def cards_in_order(lookup: str = "rate_cards") -> "models.Prefetch[str, RateCardQuerySet, str]":
    """To read the cards of plans in their order `with_terms`: one query, which is built once and copied."""
    return models.Prefetch(lookup, _cards_in_order())


def with_terms_read(plans: PlanQuerySet) -> list[Plan]:
    """Those of these plans that have prices, in the order of the tiles, their terms read. One query."""
    rows = _cards_in_order().filter(plan__in=plans).select_related("plan")
    found = groupby(rows.order_by("plan__position", "plan__key", "plan", "position", "pk"), key=attrgetter("plan"))
    return [plan.keep_terms(cards) for plan, cards in found]


@built_once
def _cards_in_order() -> RateCardQuerySet:
    return RateCard.objects.with_terms().order_by("position", "pk")
