"""What must be true of this room's rows beyond what the database itself refuses."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts.models import CardSetup, Customer, PaymentMethod
from core.books import Finding


def check() -> Iterator[Finding]:
    """Every broken rule of this room, one finding per offending row."""
    profileless = Customer.objects.filter(billing_profile__isnull=True)
    yield from _findings(profileless, "customer", "has a billing profile", "found none")
    subjectless = Customer.objects.filter(usage_subjects__isnull=True)
    yield from _findings(subjectless, "customer", "has a usage subject", "found none")
    yield from _findings(_without_default(), "customer", "cards have exactly one default", "found none")
    yield from _findings(_strayed(), "card_setup", "kept the card for its own customer", "found another's card")


def _findings(rows: "QuerySet[Any]", kind: str, rule: str, detail: str) -> Iterator[Finding]:
    for pk in rows.order_by("pk").values_list("pk", flat=True).iterator():
        yield Finding(rule=rule, subject=f"{kind}:{pk}", detail=detail)


def _without_default() -> "QuerySet[Customer]":
    """More than one default is refused by the database; none is not."""
    live = Q(payment_methods__deleted_at__isnull=True)
    return Customer.objects.alias(
        cards=Count("payment_methods", filter=live),
        defaults=Count("payment_methods", filter=live & Q(payment_methods__is_default=True)),
    ).filter(cards__gt=0, defaults=0)


def _strayed() -> "QuerySet[CardSetup]":
    own = PaymentMethod.objects.filter(pk=OuterRef("payment_method_id"), customer_id=OuterRef("customer_id"))
    return CardSetup.objects.filter(~Exists(own), payment_method__isnull=False)
