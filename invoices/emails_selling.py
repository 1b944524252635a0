"""The messages about automatic top-up, one function each. Every figure is frozen when the message is made."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import figures
from accounts.models import PaymentMethod
from accounts.notices import NoticeDraft
from invoices.models_selling import OffBecause, TopUpRule


def top_up_changed(rule: TopUpRule, customer: str, card: PaymentMethod | None, to: list[str]) -> NoticeDraft:
    """Automatic top-up was switched on, changed or switched off; why, where the customer did not do it."""
    context = _context(rule, customer) | {
        "on": rule.is_on,
        "card": figures.card(card) if card else "",
        "failed": rule.off_because == OffBecause.FAILED,
        "by_staff": rule.off_because == OffBecause.STAFF,
    }
    terms = f"{rule.threshold}:{rule.amount}:{rule.ceiling}"
    key = f"top-up:{rule.public_id}:{rule.changed_at.isoformat()}:{rule.off_because or terms}"
    return NoticeDraft(key, rule.customer_id, "top_up_changed", to, context)


def top_up_at_ceiling(rule: TopUpRule, customer: str, spent: int, at: datetime, to: list[str]) -> NoticeDraft:
    """The month's ceiling is reached; once a month."""
    context = _context(rule, customer) | {
        "spent": figures.money(spent, rule.currency),
        "month": figures.month(at.date()),
        "again": figures.instant(rule.next_at),
    }
    return NoticeDraft(f"top-up:{rule.public_id}:ceiling:{at:%Y-%m}", rule.customer_id, "top_up_ceiling", to, context)


def _context(rule: TopUpRule, customer: str) -> dict[str, Any]:
    return {
        "customer": customer,
        "threshold": figures.money(rule.threshold, rule.currency),
        "amount": figures.money(rule.amount, rule.currency),
        "ceiling": figures.money(rule.ceiling, rule.currency),
        "url": settings.PORTAL_URL + reverse("credits_top_up"),
    }
