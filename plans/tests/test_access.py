"""May a feature be used now? Two quick reads where credit pays, three where included units count."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from credits.charges import OpenDraft
from credits.services.set_open_charges import set_open_charges
from plans.models import CreditExhaustion, Plan, RateCard, SettlementMode
from plans.selectors.access import Access, access_of
from plans.services.publish_plan import publish_plan
from plans.services.settle_usage import settle_usage
from plans.tests.conftest import add_card, go_plus, new_plan, send, tokens_card
from plans.tests.test_credits_only import subscribed
from plans.tests.test_settle_usage import MINUTE, credits_plan, grant


def test_without_a_plan_there_is_no_access(customer, at):
    assert access_of(customer.pk, "ai-tokens", at) == Access(False, "no_subscription")


def test_a_feature_that_is_not_on_the_plan_cannot_be_used(free, customer, at):
    assert access_of(customer.pk, "ai-tokens", at) == Access(False, "not_in_plan")


def test_free_answers_what_is_included_and_used(free, customer, at, django_assert_num_queries):
    send(customer, at, requests=3)
    with django_assert_num_queries(3):
        answer = access_of(customer.pk, "api-requests", at + timedelta(hours=1))
    assert answer == Access(True, "included_quantity_left", "USD", included=Decimal(5_000), used=Decimal(3))


def test_what_is_included_for_nothing_can_be_used_up(customer, catalogue, seller, at):
    plan = new_plan("small", fee=0, at=at, cards=[tokens_card("0", free_units=Decimal(100))])
    add_card(customer, at)
    subscribed(customer, plan, at)
    send(customer, at, tokens=100)

    answer = access_of(customer.pk, "ai-tokens", at + timedelta(hours=1))
    assert (answer.has_access, answer.reason) == (False, "included_quantity_used_up")


def test_what_is_billed_beyond_the_included_units_may_be_used(customer, catalogue, seller, at):
    go_plus(customer, catalogue, at)
    answer = access_of(customer.pk, "ai-tokens", at)
    assert (answer.has_access, answer.reason, answer.available) == (True, "ok", None)


def test_a_credits_only_plan_answers_what_is_available_for_the_feature_now(
    customer, catalogue, seller, at, django_assert_num_queries
):
    grant(customer, 1_000, at)
    grant(customer, 500, at, key="others", features=("api-requests",))
    subscribed(customer, credits_plan(at), at)
    send(customer, at, tokens=2_000, received=at + MINUTE)
    settle_usage(customer_ids=[customer.pk], at=at + 2 * MINUTE)

    with django_assert_num_queries(2):
        answer = access_of(customer.pk, "ai-tokens", at + 2 * MINUTE)
    assert answer == Access(True, "credit_available", "USD", 800)


def plan_that(policy, at):
    """Credits only, with this policy for when they run out."""
    plan = Plan.objects.create(
        key="only", name="Only", currency="USD", settlement_mode=SettlementMode.CREDIT_ONLY, when_credits_run_out=policy
    )
    RateCard.objects.create(plan=plan, **tokens_card("1.00"))
    publish_plan(plan=plan, at=at, actor=None)
    return Plan.objects.with_cards().get(pk=plan.pk)


@pytest.mark.parametrize(
    ("policy", "has_access", "reason"),
    [(CreditExhaustion.NEGATIVE, True, "overdraft_allowed"), (CreditExhaustion.BLOCK, False, "no_credit_left")],
)
def test_at_zero_the_plan_says_whether_it_goes_on(customer, catalogue, seller, at, policy, has_access, reason):
    grant(customer, 100, at)
    subscribed(customer, plan_that(policy, at), at)
    assert access_of(customer.pk, "ai-tokens", at).has_access

    send(customer, at, tokens=1_000, received=at + MINUTE)
    settle_usage(customer_ids=[customer.pk], at=at + 2 * MINUTE)
    answer = access_of(customer.pk, "ai-tokens", at + 2 * MINUTE)
    assert (answer.has_access, answer.reason, answer.available) == (has_access, reason, 0)

    send(customer, at + 3 * MINUTE, tokens=500, received=at + 4 * MINUTE)  # what arrives settles all the same
    settle_usage(customer_ids=[customer.pk], at=at + timedelta(hours=1))
    assert access_of(customer.pk, "ai-tokens", at + timedelta(hours=1)).available == -50


def test_shared_credit_that_another_feature_used_this_hour_is_gone_for_all(customer, catalogue, seller, at):
    grant(customer, 1_000, at)
    subscribed(customer, plan_that(CreditExhaustion.BLOCK, at), at)
    used = OpenDraft(
        key="other:1", customer_id=customer.pk, currency="USD", feature_key="api-requests", amount=1_000,
        may_overdraw=True,
    )  # fmt: skip
    set_open_charges(scopes={"other:": [used]}, at=at)
    assert access_of(customer.pk, "ai-tokens", at) == Access(False, "no_credit_left", "USD", 0)


def test_the_policy_of_a_published_plan_cannot_be_changed(catalogue, seller, at):

    plan = credits_plan(at)
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.filter(pk=plan.pk).update(when_credits_run_out=CreditExhaustion.BLOCK)
