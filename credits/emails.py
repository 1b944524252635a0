"""The messages of this room, one function each. Every figure is frozen when the message is made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import figures
from accounts.figures import Figure
from accounts.models import OptionalMail
from accounts.notices import NoticeDraft
from credits.models import CreditGrant
from credits.words import OWN


def granted(
    grant: CreditGrant, *, customer: str, before: int, after: int, features: Sequence[str], to: list[str]
) -> NoticeDraft:
    """E17: credits were added – balance before and after, expiry, restriction. `customer` and `features` are names."""
    money = _money(grant.currency)
    starts_later = grant.paid_at is None or grant.effective_at > grant.paid_at
    context = _context(customer) | {
        "name": named(grant.name),
        "amount": money(grant.amount),
        "repaid": money(grant.repaid) if grant.repaid else "",
        "before": money(before),
        "after": money(after),
        "available_from": figures.instant(grant.effective_at) if starts_later else "",
        "features": list(features),
        "expires": figures.instant(grant.expires_at) if grant.expires_at else "",
    }
    return NoticeDraft(
        f"grant:{grant.public_id}:granted",
        grant.customer_id,
        "credits_granted",
        to,
        context,
        optional=OptionalMail.CREDITS_GRANTED,
    )


def low(
    *,
    customer_id: int,
    customer: str,
    currency: str,
    available: int,
    level: str,
    lasts: int | None,
    then: str,
    at: datetime,
    to: list[str],
) -> NoticeDraft:
    """E18: little is left, nothing, or less. The instant `at` tells one fall from the next.

    `lasts`: full days at the present rate, None: not known. `then`: what happens without credit (`AtZero.what`, or
    nothing).
    """
    money = _money(currency)
    context = _context(customer) | {
        "level": level,
        "available": money(available),
        "owed": money(-available),
        "lasts": lasts is not None,
        "days": lasts or 0,
        "then": then,
        "help_email": settings.BILLING_EMAIL,
    }
    key = f"credits:{customer_id}:{currency}:{level}:{at:%Y%m%dT%H%M%S}"
    optional = "" if level == "negative" else OptionalMail.CREDITS_LOW
    return NoticeDraft(key, customer_id, "credits_low", to, context, optional=optional)


def expiring(grant: CreditGrant, *, customer: str, days: int, features: Sequence[str], to: list[str]) -> NoticeDraft:
    """E19: what is unused of a grant goes in `days` days."""
    context = _context(customer) | {
        "name": named(grant.name),
        "amount": _money(grant.currency)(grant.available),
        "expires": figures.instant(grant.expires_at) if grant.expires_at else "",
        "days": days,
        "features": list(features),
    }
    key = f"grant:{grant.public_id}:expires:{days}"
    return NoticeDraft(key, grant.customer_id, "credits_expiring", to, context, optional=OptionalMail.CREDITS_EXPIRING)


def _context(customer: str) -> dict[str, Any]:
    return {"customer": customer, "url": settings.PORTAL_URL + reverse("credits")}


def named(kept: str) -> Figure | str:
    """The name of a grant, for whoever reads it."""
    return figures.sentence(kept) if kept in OWN else kept


def _money(currency: str) -> Any:
    return lambda amount: figures.money(amount, currency)
