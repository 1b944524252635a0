"""E20, the messages about budgets: the figures are those of the pages they lead to, frozen as text."""

from functools import partial
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode

from accounts import figures
from accounts.notices import NoticeDraft
from core import formats
from plans.budgets import share
from plans.models import Budget
from plans.selectors.spending import Spending
from plans.selectors.used import UsageRow

TEMPLATE = "usage_alert"


def spend_alert(budget: Budget, now: Spending, percent: int, to: list[str]) -> NoticeDraft:
    """This part of the amount is spent."""
    context = _context(budget, now, "spend") | {"percent": percent}
    return NoticeDraft(spend_key(budget, now, percent), budget.customer_id, TEMPLATE, to, context)


def projected_alert(budget: Budget, now: Spending, to: list[str]) -> NoticeDraft:
    """The projection is above the amount."""
    context = _context(budget, now, "projected")
    return NoticeDraft(f"{_spend(budget, now)}:projected", budget.customer_id, TEMPLATE, to, context)


def included_alert(budget: Budget, now: Spending, row: UsageRow, percent: int, to: list[str]) -> NoticeDraft:
    """This part of what the plan includes of a meter is used."""
    context = _context(budget, now, "included") | {
        "percent": percent,
        "name": row.name,
        "used": figures.text(lambda: f"{formats.quantity(row.quantity)} {row.unit_plural}"),
        "included": figures.text(partial(formats.quantity, row.included)),
        "url": f"{settings.PORTAL_URL}{reverse('billing_usage')}?{urlencode({'meter': row.feature_key})}",
    }
    return NoticeDraft(included_key(budget, now, row, percent), budget.customer_id, TEMPLATE, to, context)


def spend_key(budget: Budget, now: Spending, percent: int) -> str:
    """Of one amount in one usage window: who changes the amount is told about the new one."""
    return f"{_spend(budget, now)}:{percent}"


def included_key(budget: Budget, now: Spending, row: UsageRow, percent: int) -> str:
    return f"budget:{budget.pk}:included:{row.line_key}:{percent}"


def _spend(budget: Budget, now: Spending) -> str:
    return f"budget:{budget.pk}:spend:{budget.amount}:{now.window.start.isoformat()}"


def _context(budget: Budget, now: Spending, kind: str) -> dict[str, Any]:
    """The number, its age and the projected bill; whether it is paid with credits."""
    amount = budget.amount or 0
    return {
        "kind": kind,
        "customer": budget.customer.name,
        "window": figures.window(now.window),
        "spent": figures.money(now.so_far, now.currency),
        "amount": figures.money(amount, budget.currency) if amount else "",
        "share": share(now.so_far, amount) if amount else 0,
        "in_credits": now.in_credits,
        "projected": figures.money(now.projected, now.currency) if now.projected is not None else "",
        "billing_on": figures.day(now.billing_on) if now.billing_on else "",
        "as_of": figures.instant(now.as_of),
        "received_at": figures.instant(now.received_at) if now.received_at else "",
        "url": settings.PORTAL_URL + reverse("billing_overview"),
        "alerts_url": settings.PORTAL_URL + reverse("billing_notifications"),
    }
