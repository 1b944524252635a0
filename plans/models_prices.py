"""The models of a price and its tiers: part of the price list (plans/models_catalogue.py)."""

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import F, OuterRef, Q
from django.db.models.functions import Cast, JSONObject
from django.utils.translation import gettext_lazy as _

from core.money import to_major
from plans.pricing import Tier

if TYPE_CHECKING:
    from plans.models_catalogue import RateCard


class PriceModel(models.TextChoices):
    FLAT = "flat", _("Flat fee")
    UNIT = "unit", _("Usage based")
    GRADUATED = "graduated", _("Graduated: each tier prices its own units")
    VOLUME = "volume", _("Volume: the tier reached prices all units")
    PACKAGE = "package", _("Package: whole packages")
    FREE = "free", _("Free")


class PriceTier(models.Model):
    """One step of a graduated or volume price; the last one is open."""

    rate_card = models.ForeignKey("plans.RateCard", on_delete=models.CASCADE, related_name="tiers")
    up_to = models.DecimalField(
        max_digits=38, decimal_places=12, null=True, blank=True, help_text="Up to and including; empty: the last tier"
    )
    unit_amount = models.DecimalField(
        max_digits=30, decimal_places=12, default=0, help_text="Price per the card's `per_units`, major units"
    )
    flat_amount = models.BigIntegerField(
        default=0, help_text="Once, when the tier is reached, minor units; that of the first tier always"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("rate_card", "up_to"), nulls_distinct=False, name="price_tier_once"),
            models.CheckConstraint(condition=Q(up_to__isnull=True) | Q(up_to__gt=0), name="price_tier_above_nothing"),
            models.CheckConstraint(condition=Q(unit_amount__gte=0, flat_amount__gte=0), name="price_tier_not_negative"),
        )
        ordering = ("rate_card", F("up_to").asc(nulls_last=True))

    def __str__(self) -> str:
        return "the rest" if self.up_to is None else f"up to {self.up_to.normalize():,f}"


def tiers_subquery() -> ArraySubquery:
    """The tiers of every card of a query, read with it. Decimals travel as text, so that they stay exact."""
    rows = PriceTier.objects.filter(rate_card=OuterRef("pk")).order_by(F("up_to").asc(nulls_last=True))
    values = JSONObject(
        up_to=Cast("up_to", models.TextField()),
        unit_amount=Cast("unit_amount", models.TextField()),
        flat_amount="flat_amount",
    )
    return ArraySubquery(rows.values(tier=Cast(values, models.TextField())))


def tiers_of(card: "RateCard", currency: str) -> tuple[Tier, ...]:
    """Its tiers in order, as plain values with major units; no query where they were read with the card."""
    read = card.__dict__.get("tier_values")
    if read is not None:
        rows = (json.loads(text) for text in read)
        return tuple(_tier(row["up_to"], row["unit_amount"], row["flat_amount"], currency) for row in rows)
    return tuple(_tier(tier.up_to, tier.unit_amount, tier.flat_amount, currency) for tier in card.tiers.all())


def _tier(up_to: Decimal | str | None, unit_amount: Decimal | str, flat_amount: int, currency: str) -> Tier:
    return Tier(
        up_to=None if up_to is None else Decimal(up_to),
        unit_amount=Decimal(unit_amount),
        flat_amount=to_major(flat_amount, currency),
    )
