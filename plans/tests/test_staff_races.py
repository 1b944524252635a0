"""Two members of staff at the same moment: one plan, one draft, one rate card."""

from decimal import Decimal

import pytest

from plans.exceptions import PlanInvalidError, RateCardInvalidError
from plans.models import Plan, PlanStatus
from plans.services.copy_plan import copy_plan
from plans.services.save_plan import save_plan
from plans.services.save_rate_card import save_rate_card
from plans.tests.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

VALUES = {"key": "prepaid", "name": "Prepaid", "currency": "USD"}


def test_it_begins_a_plan_once(catalogue, at):
    results = at_once(*[lambda: save_plan(plan_id=None, values=VALUES, at=at, actor=None)] * 2)
    assert [type(result) for result in results if isinstance(result, Exception)] == [PlanInvalidError]
    assert Plan.objects.filter(key="prepaid").count() == 1


def test_it_copies_a_plan_to_one_draft(catalogue, at):
    first, second = at_once(*[lambda: copy_plan(plan_id=catalogue.plus.pk, at=at, actor=None)] * 2)
    assert first.pk == second.pk
    assert Plan.objects.filter(key="plus", status=PlanStatus.DRAFT).count() == 1


def test_it_prices_a_feature_once_whoever_saves(catalogue, at):
    draft = save_plan(plan_id=None, values=VALUES, at=at, actor=None)
    feature = catalogue.plus.rate_cards.get(key="ai-tokens").feature
    values = {"name": "Tokens", "model": "unit", "unit_amount": Decimal(1), "feature_id": feature.pk}

    def save(key):
        return save_rate_card(
            plan_id=draft.pk, card_id=None, values={**values, "key": key}, tiers=[], at=at, actor=None
        )

    results = at_once(lambda: save("one"), lambda: save("two"))
    assert [type(result) for result in results if isinstance(result, Exception)] == [RateCardInvalidError]
    assert draft.rate_cards.count() == 1
