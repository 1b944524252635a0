"""Two workers at once, killed workers, and random months: credit is charged once and to the cent."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.periods import Window
from credits.models import CreditCharge
from plans import books
from plans.charges import SpellFacts, UsageFacts
from plans.models import Plan, PriceTier, RateCard, RatedUsage, SettlementMode
from plans.selectors.upcoming import running_window
from plans.services.publish_plan import publish_plan
from plans.services.settle_usage import settle_usage
from plans.tests.conftest import send
from plans.tests.test_credits_only import subscribed
from plans.tests.test_settle_usage import HOUR, MINUTE, consumed, credits_plan, grant, movements
from usage.selectors import Span, quantities
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter
from usage.services.ingest_events import ingest_events


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_charge_once(customer, catalogue, seller, at):
    grant(customer, 10_000, at)
    subscribed(customer, credits_plan(at), at)
    for hour in range(5):
        send(customer, at + hour * HOUR, tokens=1_000)
    start = threading.Barrier(2)

    def work() -> None:
        start.wait()
        settle_usage(customer_ids=[customer.pk], at=at + 6 * HOUR)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [amount for amount, _ in consumed(customer)] == [-100] * 5
    assert list(books.check()) == []


@pytest.mark.django_db
def test_a_killed_worker_leaves_nothing_and_the_next_one_finishes(customer, catalogue, seller, at):
    grant(customer, 10_000, at)
    subscribed(customer, credits_plan(at), at)
    send(customer, at, tokens=1_000)
    before = movements(customer)
    with pytest.raises(KeyboardInterrupt):
        settle_and_die(customer, at + HOUR)

    assert movements(customer) == before
    assert settle_usage(customer_ids=[customer.pk], at=at + HOUR) == 1


@transaction.atomic
def settle_and_die(customer, at):
    settle_usage(customer_ids=[customer.pk], at=at)
    raise KeyboardInterrupt


AGGREGATIONS = ("sum", "count", "max", "avg", "latest", "unique_count")


def metered(at, aggregation, model):
    """A rate card over a meter of its own."""
    meter = define_meter(
        key=aggregation, name=aggregation, event_type=f"used.{aggregation}", aggregation=aggregation,
        value_path="" if aggregation == "count" else "$.value", at=at, actor=None,
    )  # fmt: skip
    feature = define_feature(key=aggregation, name=aggregation, meter=meter, at=at, actor=None)
    values = {"key": aggregation, "name": aggregation, "model": model, "feature_id": feature.pk}
    if model in ("unit", "package"):
        values |= {"unit_amount": Decimal("1.37"), "per_units": 3}
    return values | {"free_units": Decimal(4)}


def tiered(plan_at, cards):
    """A published credits-only plan whose tiered cards have two tiers."""
    plan = Plan.objects.create(key="many", name="Many", currency="USD", settlement_mode=SettlementMode.CREDIT_ONLY)
    for place, card in enumerate(cards):
        row = RateCard.objects.create(plan=plan, position=place, **card)
        if card["model"] in ("graduated", "volume"):
            PriceTier.objects.create(rate_card=row, up_to=20, unit_amount=Decimal("0.50"), flat_amount=100)
            PriceTier.objects.create(rate_card=row, unit_amount=Decimal("0.20"))
    publish_plan(plan=plan, at=plan_at, actor=None)
    return Plan.objects.with_cards().get(pk=plan.pk)


EVENTS = st.lists(
    st.tuples(st.integers(0, 71), st.integers(0, 40), st.integers(0, 80)), min_size=1, max_size=12
)  # used in which hour, how much, received how many hours later


@pytest.mark.django_db
@given(
    events=EVENTS,
    sweeps=st.sets(st.integers(1, 170), max_size=5),
    models=st.lists(st.sampled_from(["unit", "package", "graduated", "volume"]), min_size=6, max_size=6),
)
@example(events=[(49, 27, 0), (38, 18, 54), (0, 32, 19)], sweeps={1}, models=["unit"] * 6)  # late up, then down
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_sweeps_charge_what_the_window_costs_at_once(customer, catalogue, seller, at, events, sweeps, models):
    """Hour by hour, after a week, with what came late: the charges sum to the price of the whole window."""
    with transaction.atomic():
        cards = [metered(at, name, model) for name, model in zip(AGGREGATIONS, models, strict=True)]
        grant(customer, 1_000, at)
        spell = subscribed(customer, tiered(at, cards), at)
        pending = sorted(
            (at + timedelta(hours=hour + delay, minutes=30), number, at + timedelta(hours=hour), value)
            for number, (hour, value, delay) in enumerate(events)
        )
        for moment in (*(at + sweep * HOUR for sweep in sorted(sweeps)), at + 200 * HOUR):
            while pending and pending[0][0] <= moment:
                received, number, time, value = pending.pop(0)
                arrive(customer, number, time, value, received)
            settle_usage(customer_ids=[customer.pk], at=moment + MINUTE)

        once = price_at_once(spell, customer)
        charged = sum(charge.amount - charge.returned for charge in CreditCharge.objects.filter(customer=customer))
        assert charged == sum(once)
        marks = dict(RatedUsage.objects.values_list("rate_card_id", "amount"))
        assert [marks.get(card.id, 0) for card in spell.plan.terms().metered] == once
        assert list(books.check()) == []
        transaction.set_rollback(True)


def arrive(customer, number, time, value, received):
    base = {"specversion": "1.0", "source": "test", "subject": customer.key, "time": time.isoformat()}
    events = [
        {**base, "id": f"{name}{number}", "type": f"used.{name}", "data": {"value": value}} for name in AGGREGATIONS
    ]
    result = ingest_events(events=events, token_customer_id=None, at=received)
    assert not result.rejected, result.rejected


def price_at_once(spell, customer):
    """Every card over the whole window, rated once and never before."""
    window = running_window(spell, spell.starts_at)
    terms = spell.plan.terms()
    spans = [Span(customer.pk, feature, window.start, window.end) for feature in terms.feature_ids]
    used = {span.feature_id: quantity for span, quantity in quantities(spans).items()}
    usage = UsageFacts(Window(window.start, window.end), window, used, closed=False)
    facts = SpellFacts(spell.pk, customer.pk, terms, usage=(usage,))
    return [rated.amount for rated in facts.rated_usage]
