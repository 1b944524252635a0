"""«Publish Plan» shows all that a version says differently, and publishes nothing else than it has shown."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from plans.models import Plan, PlanStatus, PriceTier, RateCard
from plans.selectors.comparing import comparison
from plans.services.copy_plan import copy_plan

WHICH = {
    "id",
    "key",
    "version",
    "status",
    "published_at",
    "customer",
}  # which version it is and whose, not what it says
SAYS = {
    "name": "Plus and more", "tagline": "Another", "facts": ["New"], "position": 99, "currency": "EUR",
    "settlement_mode": "credit_only", "when_credits_run_out": "block", "payment_policy": "managed_by_contract",
    "overdue_consequence": "hold", "self_serve": False, "is_default": True, "payment_terms": 60,
    "contract_starts_on": date(2026, 11, 1), "contract_ends_on": date(2027, 10, 31),
}  # fmt: skip
USAGE = {
    "name": "Renamed", "position": 99, "feature": None, "model": "package", "unit_amount": Decimal(7), "per_units": 3,
    "free_units": Decimal(5), "discount_percent": Decimal(10), "minimum_amount": 100, "maximum_amount": 200,
}  # fmt: skip
FEE = {"amount": 1, "timing": "in_advance", "cadence": "yearly"}
NO_TERM = {"id", "key", "plan", "tiers"}  # tiers: a table of their own


@pytest.fixture
def second(catalogue, at):
    """A version that says the same."""
    return copy_plan(plan_id=catalogue.plus.pk, at=at, actor=None)


def loaded(plan):
    return Plan.objects.with_cards().get(pk=plan.pk)


def address(plan):
    return reverse("admin:plans_plan_publish", args=[plan.pk])


def test_every_term_there_is_is_tried():
    assert {field.name for field in Plan._meta.concrete_fields} == WHICH | SAYS.keys()
    assert {field.name for field in RateCard._meta.get_fields()} == NO_TERM | USAGE.keys() | FEE.keys()


def test_two_versions_that_say_the_same_differ_in_nothing(second, at):
    assert comparison(loaded(second), at).differences == ()


@pytest.mark.parametrize("name", SAYS)
def test_every_term_that_differs_is_shown_and_confirmed(second, at, name):
    draft = loaded(second)
    before = comparison(draft, at)
    seen = before.seen
    setattr(draft, name, SAYS[name])
    after = comparison(draft, at)
    assert len(after.differences) >= 1
    assert after.seen != seen


@pytest.mark.parametrize(
    ("key", "name"), [*(("ai-tokens", name) for name in USAGE), *(("base-fee", name) for name in FEE)]
)
def test_every_term_of_a_rate_card_that_differs_is_shown_and_confirmed(second, at, key, name):
    draft = loaded(second)
    seen = comparison(draft, at).seen
    cards = {card.key: card for card in draft.rate_cards.all()}
    value = cards["api-requests"].feature if name == "feature" else (USAGE | FEE)[name]
    setattr(cards[key], name, value)
    draft._terms = None
    after = comparison(draft, at)
    assert len(after.differences) >= 1
    assert after.seen != seen


def test_a_tier_that_differs_is_confirmed(second, at):
    card = second.rate_cards.get(key="ai-tokens")
    RateCard.objects.filter(pk=card.pk).update(model="graduated", unit_amount=None)
    seen = []
    for price in (1, 2):
        card.tiers.all().delete()
        PriceTier.objects.create(rate_card=card, unit_amount=price)
        seen.append(comparison(loaded(second), at).seen)
    assert seen[0] != seen[1]


def test_it_publishes_only_what_it_has_shown(second, as_clerk):
    shown = as_clerk.get(address(second)).context["comparison"].seen
    second.rate_cards.filter(key="base-fee").update(amount=99_900)
    refused = as_clerk.post(address(second), {"seen": shown, "reason": "New prices"})
    assert refused.status_code == 409
    assert "Nothing was published." in refused.text
    assert "$999.00 per month" in refused.text
    assert 'value="New prices"' in refused.text
    assert as_clerk.post(address(second)).status_code == 409
    assert loaded(second).status == PlanStatus.DRAFT
    assert as_clerk.post(address(second), {"seen": refused.context["comparison"].seen}).status_code == 302
    assert loaded(second).status == PlanStatus.PUBLISHED
    assert AuditEntry.objects.filter(action="publish_plan").latest("pk").reason == ""
