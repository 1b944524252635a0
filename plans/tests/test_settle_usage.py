"""Each closed hour of a credits-only plan is charged to credit, whoever slept meanwhile."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Customer
from credits.grants import GrantDraft
from credits.models import CreditCharge, LedgerTransaction, OpenCharge
from credits.services.grant_credits import grant_credits
from invoices.models import Invoice
from plans.models import Plan, RateCard, RatedUsage, SettlementMode
from plans.selectors.settlement import due_to_settle
from plans.services.open_contract import open_contract
from plans.services.open_default_subscription import open_default_subscription
from plans.services.publish_plan import publish_plan
from plans.services.settle_usage import settle_usage
from plans.tests.conftest import send, tokens_card
from plans.tests.test_late_usage import send_late

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def credits_plan(
    at: datetime, *, key: str = "credits", cards: tuple[dict[str, Any], ...] | None = None, **more: Any
) -> Plan:
    """A published credits-only plan: tokens at 1.00 per 1,000, unless told otherwise."""
    plan = Plan.objects.create(
        key=key, name=key.capitalize(), currency="USD", settlement_mode=SettlementMode.CREDIT_ONLY, position=8, **more
    )
    for place, card in enumerate((tokens_card("1.00"),) if cards is None else cards):
        RateCard.objects.create(plan=plan, position=place, **card)
    publish_plan(plan=plan, at=at, actor=None)
    return Plan.objects.with_cards().get(pk=plan.pk)


def grant(customer: Customer, amount: int, at: datetime, *, key: str = "welcome", **more: Any) -> Any:
    draft = GrantDraft(
        key=key, customer_id=customer.pk, currency="USD", amount=amount, funding="promotional", name=key, **more
    )
    return grant_credits(grant=draft, at=at, actor=None)


def movements(customer: Customer) -> list[tuple[str, int, datetime]]:
    rows = LedgerTransaction.objects.filter(customer=customer).exclude(kind="recognized").order_by("sequence")
    return list(rows.values_list("kind", "amount", "booked_at"))


def consumed(customer: Customer) -> list[tuple[int, datetime]]:
    return [(amount, booked_at) for kind, amount, booked_at in movements(customer) if kind == "consumed"]


def open_charges(customer: Customer) -> list[int]:
    return list(OpenCharge.objects.filter(customer=customer).order_by("pk").values_list("amount", flat=True))


def sweep(at: datetime) -> list[int]:
    """What the minute's job does; whom it found."""
    due = due_to_settle(at)
    for row in due:
        settle_usage(customer_ids=[row.id], at=row.present)
    return [row.id for row in due]


@pytest.fixture
def spell(customer, catalogue, seller, at):
    """`customer` on a credits-only plan since 20 Oct 2026, 10:00, with 100.00."""
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    grant(customer, 10_000, at)
    return open_contract(customer_id=customer.pk, plan=credits_plan(at), at=at, actor=None)


def test_a_closed_hour_is_one_movement_booked_at_its_end(spell, customer, at):
    send(customer, at + 10 * MINUTE, tokens=2_000)
    send(customer, at + 20 * MINUTE, tokens=1_500)

    settle_usage(customer_ids=[customer.pk], at=at + 61 * MINUTE)

    assert consumed(customer) == [(-350, at + HOUR)]
    [charge] = CreditCharge.objects.all()
    assert charge.key == f"{charge.group}:2026-10-20T11:00:00Z"
    assert charge.group == f"subscription:{spell.pk}:usage:ai-tokens:2026-10-20T10:00:00Z/2026-11-17"
    assert (charge.feature_key, charge.title, charge.is_final) == ("ai-tokens", "AI tokens", True)
    assert charge.details["explain"]["quantity"].startswith("3500")
    assert not Invoice.objects.exists()


def test_the_running_hour_is_an_open_charge_until_it_has_closed(spell, customer, at):
    send(customer, at + 10 * MINUTE, tokens=2_000)
    settle_usage(customer_ids=[customer.pk], at=at + 16 * MINUTE)
    assert (consumed(customer), open_charges(customer)) == ([], [200])

    send(customer, at + 30 * MINUTE, tokens=1_000)
    settle_usage(customer_ids=[customer.pk], at=at + 36 * MINUTE)
    assert (consumed(customer), open_charges(customer)) == ([], [300])

    settle_usage(customer_ids=[customer.pk], at=at + HOUR)
    assert (consumed(customer), open_charges(customer)) == ([(-300, at + HOUR)], [])


def test_settling_again_changes_nothing(spell, customer, at):
    send(customer, at + 10 * MINUTE, tokens=2_000)
    assert settle_usage(customer_ids=[customer.pk], at=at + HOUR) == 1
    before = movements(customer)

    assert settle_usage(customer_ids=[customer.pk], at=at + HOUR) == 0
    assert settle_usage(customer_ids=[customer.pk], at=at + HOUR + MINUTE) == 0
    assert movements(customer) == before


def test_a_week_without_a_worker_is_settled_hour_by_hour_in_order(spell, customer, at):
    for day in range(7):
        send(customer, at + timedelta(days=day, hours=day), tokens=1_000 * (day + 1))

    settle_usage(customer_ids=[customer.pk], at=at + timedelta(days=7))

    assert consumed(customer) == [(-100 * (day + 1), at + timedelta(days=day, hours=day + 1)) for day in range(7)]
    assert RatedUsage.objects.count() == 1


def test_credit_of_then_pays_even_if_it_has_expired_by_now(spell, customer, at):
    grant(customer, 500, at, key="short", priority=1, expires_at=at + 2 * HOUR)
    send(customer, at + 10 * MINUTE, tokens=3_000)
    send(customer, at + 2 * HOUR, tokens=1_000)

    settle_usage(customer_ids=[customer.pk], at=at + timedelta(days=1))

    assert [(kind, amount) for kind, amount, _ in movements(customer)][2:] == [
        ("consumed", -300), ("expired", -200), ("consumed", -100),
    ]  # fmt: skip


def test_uncovered_usage_makes_the_balance_negative_and_never_an_invoice(spell, customer, at):
    send(customer, at, tokens=120_000)

    settle_usage(customer_ids=[customer.pk], at=at + HOUR)

    assert consumed(customer) == [(-10_000, at + HOUR), (-2_000, at + HOUR)]
    assert CreditCharge.objects.get().overdraft == 2_000
    assert not Invoice.objects.exists()


def test_late_usage_of_settled_hours_is_booked_at_the_newest_closed_hour(spell, customer, at):
    send(customer, at, tokens=1_000)
    settle_usage(customer_ids=[customer.pk], at=at + 5 * HOUR)
    send(customer, at + HOUR, tokens=4_000, received=at + 5 * HOUR + MINUTE)

    settle_usage(customer_ids=[customer.pk], at=at + 5 * HOUR + 2 * MINUTE)

    assert consumed(customer) == [(-100, at + HOUR), (-400, at + 5 * HOUR)]
    assert open_charges(customer) == []


def test_a_correction_of_settled_usage_gives_credit_back(spell, customer, at):
    send_late(customer, at + MINUTE, tokens=5_000, received=at + 2 * MINUTE, event_id="first")
    settle_usage(customer_ids=[customer.pk], at=at + 2 * HOUR)
    send_late(
        customer, at + MINUTE, tokens=-2_000, received=at + 2 * HOUR + MINUTE, event_id="second", corrects="first"
    )

    settle_usage(customer_ids=[customer.pk], at=at + 2 * HOUR + 2 * MINUTE)

    assert [(kind, amount) for kind, amount, _ in movements(customer)][-2:] == [("consumed", -500), ("correction", 200)]


def test_it_finds_who_has_usage_that_waits(spell, customer, other_customer, at):
    open_default_subscription(customer_id=other_customer.pk, at=at, actor=None)
    assert sweep(at + MINUTE) == [customer.pk]  # never looked at
    assert sweep(at + 2 * MINUTE) == []

    send(customer, at + 2 * MINUTE, tokens=1_000, received=at + 3 * MINUTE)
    assert sweep(at + 4 * MINUTE) == [customer.pk]
    assert open_charges(customer) == [100]
    assert sweep(at + 30 * MINUTE) == [customer.pk]  # a batch that had arrived by then may have been stored since
    assert sweep(at + 31 * MINUTE) == []

    assert sweep(at + HOUR) == [customer.pk]
    assert (consumed(customer), open_charges(customer)) == ([(-100, at + HOUR)], [])
    assert sweep(at + HOUR + MINUTE) == []


def test_a_customer_with_a_clock_of_its_own_is_settled_by_that_clock(spell, customer, at):
    Customer.objects.filter(pk=customer.pk).update(clock_at=at + 90 * MINUTE)
    send(customer, at + MINUTE, tokens=1_000, received=at + timedelta(days=200))

    sweep(at + timedelta(days=200))

    assert consumed(customer) == [(-100, at + HOUR)]


def test_queries_do_not_grow_with_customers(spell, customer, other_customer, at):
    send(customer, at, tokens=1_000)
    settle_usage(customer_ids=[customer.pk], at=at + 30 * MINUTE)
    with CaptureQueriesContext(connection) as one:
        settle_usage(customer_ids=[customer.pk], at=at + HOUR)
    open_default_subscription(customer_id=other_customer.pk, at=at, actor=None)
    grant(other_customer, 1_000, at, key="other")
    open_contract(customer_id=other_customer.pk, plan=spell.plan, at=at, actor=None)
    send(other_customer, at, tokens=1_000)
    settle_usage(customer_ids=[other_customer.pk], at=at + 30 * MINUTE)
    send(customer, at + HOUR, tokens=1_000)
    with CaptureQueriesContext(connection) as two:
        settle_usage(customer_ids=[customer.pk, other_customer.pk], at=at + 2 * HOUR)
    assert len(two) <= len(one) + 1
