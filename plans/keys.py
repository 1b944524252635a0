"""PURE: what the lines of every kind have in common – how prices, days and instants go into keys and explain data."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from core.language import gettext_noop
from core.periods import Period, Window, midnight
from plans.pricing import CardTerms, PlanTerms

# Kept with every line; people read it in their language.
ROUNDING = gettext_noop("half away from zero, once per line")
ROUNDING_OF_DAYS = gettext_noop("half away from zero, once per line, cumulative over the days of the period")


def explain_card(terms: PlanTerms, card: CardTerms) -> dict[str, Any]:
    """Which price of which plan version it is."""
    return {
        "plan": terms.key,
        "plan_name": terms.name,
        "price_version": terms.version,
        "rate_card": card.key,
        "rate_card_id": card.id,
        "model": card.model,
        "currency": terms.currency,
    }


def days(period: Period) -> str:
    """`2026-11-08/2026-12-08`, half-open."""
    return f"{period.start}/{period.end}"


@lru_cache(maxsize=4096)
def instants(window: Window) -> str:
    """Two instants, half-open. Written once per window: very many customers share one."""
    return f"{_instant(window.start)}/{_instant(window.end)}"


def _instant(at: datetime) -> str:
    """As short as it can be exact: 2026-12-17 where it is midnight, else to the second or the microsecond."""
    if at == midnight(at.date()):
        return at.date().isoformat()
    return at.replace(tzinfo=None).isoformat() + "Z"
