"""Subscriptions as a table, for files that staff take away, and for the list of customers."""

from typing import Any

from django.db.models import QuerySet

from plans.models import Plan, Subscription

SUBSCRIPTION_COLUMNS = (
    *("customer__key", "customer__name", "plan__key", "plan__version", "plan__name", "plan__currency", "anchor_on"),
    *("starts_at", "ends_at", "next_billing_on", "calculate_at"),
)


def subscriptions_to_export(customer_id: int) -> QuerySet[Subscription]:
    """Every spell of a customer, the running one first."""
    return Subscription.objects.filter(customer_id=customer_id).order_by("-starts_at", "-pk")


def customers_on(plan_key: str) -> QuerySet[Any, Any]:
    """Ids of customers who are on a plan now, whichever its version, for a subquery."""
    return Subscription.objects.open().filter(plan__key=plan_key).order_by().values("customer")


def plan_names() -> list[tuple[str, str]]:
    """(key, name) of every plan that ever was for customers, by the name of its newest version. One query."""
    rows = Plan.objects.exclude(status="draft").order_by("key", "version").values_list("key", "name")
    return sorted(dict(rows).items(), key=lambda row: row[1])
