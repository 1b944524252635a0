"""Published prices stay as they are."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditEntry, PaymentPolicy
from plans.exceptions import CancelFirstError, PlanNotPublishableError
from plans.models import Plan, PlanStatus, PriceTier, RateCard
from plans.pricing import Tier
from plans.seed import demo_catalogue
from plans.selectors import catalogue as shown
from plans.selectors import current_subscription
from plans.services.open_contract import open_contract
from plans.services.open_default_subscription import open_default_subscription
from plans.services.publish_plan import publish_plan


def draft(version=2, **values):
    plan = Plan.objects.create(**{"key": "plus", "version": version, "name": "Plus", "currency": "USD", **values})
    RateCard.objects.create(plan=plan, key="base-fee", name="Fee", model="flat", amount=5_900)
    return plan


def test_it_archives_the_version_before(catalogue, alice, at):
    plan = publish_plan(plan=draft(), at=at, actor=alice)

    catalogue.plus.refresh_from_db()
    assert (plan.status, catalogue.plus.status) == (PlanStatus.PUBLISHED, PlanStatus.ARCHIVED)
    assert plan.published_at == at
    entry = AuditEntry.objects.filter(action="publish_plan").latest("pk")
    assert (entry.actor, entry.before, entry.after) == (alice, {"published": [1]}, {"published": [2]})


def test_it_changes_nothing_the_second_time(catalogue, at):
    plan = publish_plan(plan=draft(), at=at, actor=None)
    entries = AuditEntry.objects.count()

    again = publish_plan(plan=plan, at=at + timedelta(days=1), actor=None)

    assert (again.published_at, AuditEntry.objects.count()) == (at, entries)


def test_it_refuses_an_unknown_currency(db, at):
    with pytest.raises(PlanNotPublishableError, match="unknown currency") as refusal:
        publish_plan(plan=draft(currency="XQQ"), at=at, actor=None)

    assert refusal.value.message == "Currency: “XQQ” is not an ISO 4217 code."


def test_it_refuses_an_archived_version(catalogue, at):
    publish_plan(plan=draft(), at=at, actor=None)
    catalogue.plus.refresh_from_db()

    with pytest.raises(PlanNotPublishableError, match="archived"):
        publish_plan(plan=catalogue.plus, at=at, actor=None)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE plans_plan SET name = 'Cheap' WHERE key = 'plus'",
        "UPDATE plans_plan SET status = 'draft' WHERE key = 'plus'",
        "UPDATE plans_plan SET status = 'archived', currency = 'EUR' WHERE key = 'plus'",
        "DELETE FROM plans_plan WHERE key = 'enterprise'",
        "UPDATE plans_ratecard SET amount = 1 WHERE key = 'base-fee'",
        "DELETE FROM plans_ratecard WHERE key = 'base-fee'",
        "INSERT INTO plans_ratecard (plan_id, key, name, position, model, amount, per_units, free_units)"
        " SELECT id, 'extra', 'Extra', 9, 'flat', 1, 1, 0 FROM plans_plan WHERE key = 'plus'",
    ],
)
def test_it_is_frozen_also_for_sql(catalogue, sql):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def tiered(plan, *tiers, **values):
    feature_id = catalogue_feature()
    card = RateCard.objects.create(
        **{"plan": plan, "key": "requests", "name": "API requests", "model": "graduated", "feature_id": feature_id}
        | values
    )
    for up_to, unit_amount, flat_amount in tiers:
        PriceTier.objects.create(rate_card=card, up_to=up_to, unit_amount=unit_amount, flat_amount=flat_amount)
    return card


def catalogue_feature():
    return RateCard.objects.filter(feature__isnull=False).values_list("feature_id", flat=True)[0]


def test_it_publishes_tiers_in_their_order(catalogue, at, django_assert_num_queries):
    plan = draft()
    tiered(plan, (None, "0.1", 0), ("5000.5", "0.2", 0), (1000, "0.3", 250))
    publish_plan(plan=plan, at=at, actor=None)

    with django_assert_num_queries(2):
        [_fee, card] = Plan.objects.with_cards().get(pk=plan.pk).terms().cards
    assert card.tiers == (
        Tier(Decimal(1000), Decimal("0.3"), Decimal("2.50")),
        Tier(Decimal("5000.5"), Decimal("0.2")),
        Tier(None, Decimal("0.1")),
    )
    assert RateCard.objects.get(pk=card.id).terms("USD") == card  # also where it was not read with its tiers


@pytest.mark.parametrize(
    ("values", "tiers", "message"),
    [
        ({}, [], "API requests, tiers: a graduated price needs at least one."),
        ({}, [(10, 1, 0), (20, 1, 0)], "API requests, tier 2: the last tier must be open, without an upper bound."),
        (
            {"model": "unit", "unit_amount": 1},
            [(None, 1, 0)],
            "API requests, tiers: only a graduated or volume price has them.",
        ),
    ],
)
def test_it_names_the_tier_that_breaks_a_rule(catalogue, at, values, tiers, message):
    plan = draft()
    tiered(plan, *tiers, **values)

    with pytest.raises(PlanNotPublishableError) as refusal:
        publish_plan(plan=plan, at=at, actor=None)

    plan.refresh_from_db()
    assert (refusal.value.message, plan.status) == (message, PlanStatus.DRAFT)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE plans_pricetier SET unit_amount = 9",
        "DELETE FROM plans_pricetier",
        "INSERT INTO plans_pricetier (rate_card_id, up_to, unit_amount, flat_amount)"
        " SELECT rate_card_id, 7, 1, 0 FROM plans_pricetier",
    ],
)
def test_its_tiers_are_frozen_with_it(catalogue, at, sql):
    plan = draft()
    tiered(plan, (None, 1, 0))
    publish_plan(plan=plan, at=at, actor=None)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    "values",
    [
        {"discount_percent": 101},
        {"discount_percent": -1},
        {"minimum_amount": -1},
        {"maximum_amount": -1},
        {"minimum_amount": 2, "maximum_amount": 1},
        {"unit_amount": 1},
        {"cadence": "yearly"},
        {"model": "flat", "amount": 1, "feature_id": None, "discount_percent": 1},
        {"model": "flat", "amount": 1, "feature_id": None, "minimum_amount": 1},
        {"model": "package"},
        {"model": "unit"},
        {"model": "flat", "feature_id": None},
        {"model": "free", "feature_id": None},
        {"model": "dynamic"},
    ],
)
def test_the_database_refuses_a_price_that_cannot_be(catalogue, values):
    plan = draft()

    with pytest.raises(IntegrityError), transaction.atomic():
        tiered(plan, **values)


@pytest.mark.parametrize("tiers", [[(None, 1, 0), (None, 2, 0)], [(0, 1, 0)], [(5, -1, 0)], [(5, 1, -1)]])
def test_the_database_refuses_a_tier_that_cannot_be(catalogue, tiers):
    plan = draft()

    with pytest.raises(IntegrityError), transaction.atomic():
        tiered(plan, *tiers)


def test_it_leaves_a_draft_free_to_change(catalogue):
    plan = draft()

    tiered(plan, (None, 1, 0)).tiers.update(unit_amount=2)
    RateCard.objects.filter(plan=plan, model="flat").update(amount=1)
    Plan.objects.filter(pk=plan.pk).update(name="Plus Two")
    plan.delete()

    assert not Plan.objects.filter(key="plus", version=2).exists()


def test_it_shows_the_published_versions_in_the_order_of_the_tiles(catalogue, django_assert_num_queries):
    draft()

    with django_assert_num_queries(2):
        assert [(plan.key, len(plan.rate_cards.all())) for plan in shown()] == [
            ("free", 1), ("plus", 3), ("enterprise", 0),
        ]  # fmt: skip


def test_it_seeds_the_demo_price_list_once(catalogue, at):
    assert demo_catalogue(at + timedelta(days=9)) == catalogue
    assert Plan.objects.count() == 3


def test_it_opens_the_default_plan_once(customer, catalogue, at):
    first = open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    again = open_default_subscription(customer_id=customer.pk, at=at + timedelta(days=1), actor=None)

    assert first == again
    assert (first.plan, first.next_billing_on) == (catalogue.free, None)
    assert AuditEntry.objects.filter(action="open_default_subscription").count() == 1


def test_it_puts_a_customer_under_contract(free, customer, catalogue, staff, at):
    spell = open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=staff)

    customer.refresh_from_db()
    assert customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT
    assert current_subscription(customer.pk) == spell
    assert open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=staff) == spell
    assert AuditEntry.objects.get(action="open_contract").actor == staff


def test_it_does_not_end_a_paid_plan_behind_the_customers_back(plus, customer, catalogue, at):
    with pytest.raises(CancelFirstError):
        open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=None)
