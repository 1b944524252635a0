"""A plan of tiers, packages and a minimum, from its price list to its invoices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from plans import books
from plans.explain import explain
from plans.models import Plan, QuoteKind, RateCard
from plans.selectors import running, upcoming_invoice
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.services.publish_plan import publish_plan
from plans.services.subscribe import subscribe
from plans.tests.conftest import add_card, cancel_quote, send

CALCULATED = datetime(2026, 11, 17, 1, 0, tzinfo=UTC)


@pytest.fixture
def team(free, customer, catalogue, at):
    """alice's customer on Team: graduated requests at least $5.00 a window, tokens in packages with a discount."""
    features = dict(catalogue.plus.rate_cards.exclude(feature=None).values_list("key", "feature_id"))
    plan = Plan.objects.create(key="team", name="Team", currency="USD", position=4, payment_policy="required")
    requests = RateCard.objects.create(
        plan=plan, key="requests", name="Requests", model="graduated", feature_id=features["api-requests"],
        position=1, free_units=2, minimum_amount=500,
    )  # fmt: skip
    for up_to, unit_amount, flat_amount in ((3, "0.50", 100), (None, "0.25", 0)):
        requests.tiers.create(up_to=up_to, unit_amount=unit_amount, flat_amount=flat_amount)
    RateCard.objects.create(
        plan=plan, key="tokens", name="Tokens", model="package", feature_id=features["ai-tokens"], position=2,
        unit_amount=Decimal(4), per_units=1_000, discount_percent=Decimal(25), maximum_amount=1_000,
    )  # fmt: skip
    publish_plan(plan=plan, at=at, actor=None)
    add_card(customer, at)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=plan, at=at, actor=None)
    return subscribe(quote=quote, at=at, actor=None).opened


def amounts(lines):
    return [(line.title, line.quantity, line.amount) for line in lines]


def test_it_bills_tiers_packages_and_the_minimum(team, customer, at):
    send(customer, at + timedelta(days=1), requests=7, tokens=1_500)

    before = upcoming_invoice(running(customer, CALCULATED - timedelta(days=2)))
    [invoice] = calculate_charges(subscription_ids=[team.pk], at=CALCULATED)

    lines = list(invoice.lines.all())
    assert amounts(before.counting) == [("Requests", 7, 300), ("Tokens", 1_500, 600)]
    assert amounts(lines) == [("Requests", 7, 300), ("Requests (minimum)", 1, 200), ("Tokens", 1_500, 600)]
    assert [line.detail for line in lines] == [
        "(7 − 2 included): $1.00 flat + 3 × $0.50 + 2 × $0.25 per request",
        "$5.00 minimum − $3.00 for usage",
        "1,500 in 2 × $4.00 per 1,000 tokens, less 25 %",
    ]
    assert [explain(line.explain).amount for line in lines] == [line.amount for line in lines]
    assert list(books.check()) == []


def test_its_closing_counts_only_the_days_of_the_window(team, customer, at):
    """20 Oct – 17 Nov is 28 days; until 3 Nov 14 of them: half of the free units, tiers, minimum and maximum."""
    send(customer, at + timedelta(days=1), requests=7, tokens=5_500)
    ends_at = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)

    quote = cancel_quote(customer, ends_at)
    invoice = cancel_subscription(quote=quote, at=ends_at, actor=None).invoice

    lines = list(invoice.lines.all())
    assert amounts(lines) == [("Requests", 7, 238), ("Requests (minimum)", 1, 12), ("Tokens", 5_500, 500)]
    assert lines[0].detail == "(7 − 1 included): $0.50 flat + 1.5 × $0.50 + 4.5 × $0.25 per request"
    assert lines[2].detail == "5,500 in 6 × $4.00 per 1,000 tokens, less 25 %, at most $5.00"
    assert [explain(line.explain).amount for line in lines] == [line.amount for line in lines]
    assert quote.total == invoice.total
    assert list(books.check()) == []


def test_late_usage_first_fills_the_minimum(team, customer, at):
    send(customer, at + timedelta(days=1), requests=7)
    calculate_charges(subscription_ids=[team.pk], at=CALCULATED)
    # 19 requests come to 6.00; 7 of them came to 3.00, and 2.00 up to the minimum were posted beside it
    send(customer, at + timedelta(days=2), requests=12, received=CALCULATED + timedelta(days=1))

    [invoice] = calculate_charges(subscription_ids=[team.pk], at=CALCULATED + timedelta(days=30))

    late = [line for line in invoice.lines.all() if ":late:" in line.key]
    assert amounts(late) == [("Requests (late usage)", 19, 100)]
    assert explain(late[0].explain).amount == 100
    assert list(books.check()) == []
