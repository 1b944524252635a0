"""What a version of a plan says: in words, field by field, and in short."""

from dataclasses import astuple
from datetime import date

from django.utils.translation import gettext, ngettext

from core import formats
from core.seen import fingerprint
from plans.models import Plan, RateCard
from plans.words import card_price

Said = dict[str, tuple[str, str]]  # what it is called, and what is said, by field


def plan_says(plan: Plan) -> Said:
    """Everything but its prices, which version it is and whose."""
    return {
        "name": (gettext("Name"), plan.name),
        "tagline": (gettext("Tagline"), plan.tagline),
        "facts": (gettext("Facts"), "; ".join(plan.facts)),
        "position": (gettext("Place"), str(plan.position)),
        "currency": (gettext("Currency"), plan.currency),
        "settlement_mode": (gettext("Settlement mode"), plan.get_settlement_mode_display()),
        "when_credits_run_out": (gettext("When credits run out"), plan.get_when_credits_run_out_display()),
        "payment_policy": (gettext("Payment method"), plan.get_payment_policy_display()),
        "overdue_consequence": (gettext("When it is not paid"), plan.get_overdue_consequence_display()),
        "self_serve": (gettext("Self-service"), _yes(plan.self_serve)),
        "is_default": (gettext("Opened at sign-up"), _yes(plan.is_default)),
        "payment_terms": (gettext("Payment terms"), _days(plan.payment_terms)),
        "contract_starts_on": (gettext("Contract start"), _day(plan.contract_starts_on)),
        "contract_ends_on": (gettext("Contract end"), _day(plan.contract_ends_on)),
    }


def card_says(card: RateCard, currency: str) -> Said:
    """One rate card; `price` is everything that makes one up."""
    return {
        "name": (gettext("Name"), card.name),
        "feature": (gettext("Feature"), card.feature.name if card.feature else ""),
        "position": (gettext("Place"), str(card.position)),
        "model": (gettext("Pricing model"), card.get_model_display()),
        "price": (gettext("Price"), card_price(card.terms(currency), currency)),
    }


def figures(plan: Plan, running: Plan | None) -> str:
    """What «Publish Plan» shows of a draft (loaded `with_cards`) and the version it comes after, in short."""
    cards = [(card.position, astuple(card.terms(plan.currency))) for card in plan.rate_cards.all()]
    said = {field.attname: getattr(plan, field.attname) for field in plan._meta.concrete_fields}
    return fingerprint(said, cards, running.pk if running else None)


def _yes(value: bool) -> str:
    return gettext("Yes") if value else gettext("No")


def _day(day: date | None) -> str:
    return formats.day(day) if day else ""


def _days(days: int | None) -> str:
    return "" if days is None else ngettext("%(days)s day", "%(days)s days", days) % {"days": days}
