"""A year of many customers, day by day: every document is to the cent what a plain recomputation says.

CUSTOMERS sets how many and SEED which year, e.g. `CUSTOMERS=200 ./portal test billing_portal/tests/test_year.py`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from itertools import count
from random import Random
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import BillingProfile, Customer, PaymentPolicy
from accounts.services.open_customer import open_customer
from billing_portal import billing_run
from billing_portal.demo_data import add_card
from billing_portal.tests.plain_ledger import PlainCustomer, PlainPlan, Price, Used
from core import clock
from invoices.models import Invoice, InvoiceLine, TaxRate
from invoices.services.submit_payment import submit_payment
from plans.models import ChangeQuote, Plan, PriceTier, QuoteKind, RateCard
from plans.services.bill_start import bill_start
from plans.services.cancel_subscription import cancel_subscription
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.publish_plan import publish_plan
from plans.services.schedule_change import schedule_change
from plans.services.settle_start import settle_start
from plans.services.subscribe import subscribe
from usage.models import Feature
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter
from usage.services.ingest_events import ingest_events

CUSTOMERS = int(os.environ.get("CUSTOMERS", "40"))
SEED = int(os.environ.get("SEED", "2028"))
START = datetime(2027, 9, 1, tzinfo=UTC)
DAYS = 366  # with 29 February 2028
RUN_AT = timedelta(hours=2)
METERS = {"requests": "count", "tokens": "sum", "peak": "max"}

BASIC = PlainPlan(
    "basic",
    "USD",
    4_900,
    (Price("requests", "unit", unit="0.35", free=4), Price("tokens", "unit", unit="0.0371", per=10, free=200)),
)
PRO = PlainPlan(
    "pro",
    "USD",
    12_900,
    (
        Price(
            "tokens",
            "graduated",
            tiers=((500, "0.013", 0), (2_000, "0.0071", 150), (None, "0.005", 0)),
            discount="12.5",
            maximum=1_400,
        ),
        Price("requests", "unit", unit="0.1", minimum=515),
        Price("peak", "unit", unit="0.0275"),
    ),
)
TEAM = PlainPlan("team", "USD", 7_901, (Price("tokens", "unit", unit="0.019", free=100),), in_advance=True)
YEN = PlainPlan(
    "yen",
    "JPY",
    3_333,
    (
        Price("tokens", "package", unit="7", per=100, free=150),
        Price("requests", "volume", tiers=((6, "11", 40), (None, "9.5", 0))),
    ),
)
YEN_PRO = PlainPlan(
    "yen-pro", "JPY", 9_801, (Price("tokens", "unit", unit="0.037", minimum=100), Price("peak", "unit", unit="0.4"))
)
PAID = {"USD": (BASIC, PRO, TEAM), "JPY": (YEN, YEN_PRO)}


@dataclass
class Player:
    """A customer in the books and in the plain ledger."""

    customer: Customer
    user: Any
    ledger: PlainCustomer
    paid: tuple[PlainPlan, ...]


@dataclass(frozen=True)
class Happening:
    """Something at an instant: an event that arrives, a change of plan, or the night's run."""

    at: datetime
    kind: str
    player: int = -1
    used: Used | None = None


@pytest.fixture
def features(db: None) -> dict[str, Feature]:
    found = {}
    for name, aggregation in METERS.items():
        path = "" if aggregation == "count" else "$.value"
        meter = define_meter(
            key=name, name=name, event_type=name, aggregation=aggregation, value_path=path, at=START, actor=None
        )
        found[name] = define_feature(key=name, name=name, meter=meter, at=START, actor=None)
    return found


@pytest.fixture
def catalogue(features: dict[str, Feature]) -> dict[str, Plan]:
    free = Plan.objects.create(key="free", name="Free", currency="USD", is_default=True)
    plans = {"free": publish_plan(plan=free, at=START, actor=None)}
    for plain in (*PAID["USD"], *PAID["JPY"]):
        plan = Plan.objects.create(
            key=plain.key, name=plain.key, currency=plain.currency, payment_policy=PaymentPolicy.REQUIRED
        )
        timing = "in_advance" if plain.in_advance else "in_arrears"
        RateCard.objects.create(plan=plan, key="fee", name="Fee", model="flat", amount=plain.fee, timing=timing)
        for price in plain.prices:
            _card(plan, price, features[price.feature])
        plans[plain.key] = publish_plan(plan=plan, at=START, actor=None)
    return plans


def _card(plan: Plan, price: Price, feature: Feature) -> None:
    has_unit = price.model in ("unit", "package")
    card = RateCard.objects.create(
        plan=plan,
        key=price.feature,
        name=price.feature,
        feature=feature,
        model=price.model,
        unit_amount=Decimal(price.unit) if has_unit else None,
        per_units=price.per,
        free_units=price.free,
        discount_percent=Decimal(price.discount),
        minimum_amount=price.minimum,
        maximum_amount=price.maximum,
    )
    for up_to, unit, flat in price.tiers:
        PriceTier.objects.create(rate_card=card, up_to=up_to, unit_amount=Decimal(unit), flat_amount=flat)


def happenings(random: Random) -> Iterator[Happening]:
    """Everything that happens in the year, in any order."""
    for day in range(DAYS + 45):
        yield Happening(START + timedelta(days=day) + RUN_AT, "run")
    for player in range(CUSTOMERS):
        numbers = count()
        for at in changes(random):
            yield Happening(at, "change", player)
            soon = at + timedelta(seconds=random.randrange(4 * 3_600))
            yield from usage(random, player, next(numbers), soon)
        for _ in range(random.randrange(20, 90)):
            anywhere = START + timedelta(seconds=random.randrange(DAYS * 86_400))
            yield from usage(random, player, next(numbers), anywhere)


def changes(random: Random) -> Iterator[datetime]:
    """A first one, often on the last days of a month, then more: anywhere, soon after, on the same day."""
    day = random.choice([28, 29, 30, random.randrange(60)])
    at = START + timedelta(days=day, seconds=random.randrange(86_400), microseconds=random.randrange(10**6))
    for _ in range(random.randrange(1, 8)):
        yield at
        gap = random.choice([timedelta(hours=3), timedelta(days=1), timedelta(days=27), timedelta(days=60)])
        at += gap + timedelta(seconds=random.randrange(int(2 * gap.total_seconds())))


def usage(random: Random, player: int, number: int, time: datetime) -> Iterator[Happening]:
    """One event, mostly on time, sometimes weeks late; sometimes corrected later."""
    feature = random.choice(list(METERS))
    time += timedelta(microseconds=random.choice([0, 1, 999_999]))
    if random.random() < 0.2:
        time = time.replace(hour=0, minute=0, second=0)
    value = Decimal(1) if feature == "requests" else Decimal(random.randrange(1, 400_000)) / 1_000
    received = time + random.choice([timedelta(0)] * 5 + [timedelta(hours=30), timedelta(days=random.randrange(60))])
    used = Used(f"e{number}", feature, time, value)
    yield Happening(received, "usage", player, used)
    if random.random() < 0.08:
        part = Decimal(1) if feature == "requests" else random.choice([Decimal(1), Decimal("0.25")])
        back = Used(f"c{number}", feature, time, -value * part, corrects=used.id)
        yield Happening(received + timedelta(days=random.randrange(1, 50)), "usage", player, back)


@pytest.fixture
def players(catalogue: dict[str, Plan], seller: Any, alice: Any) -> list[Player]:
    TaxRate.objects.filter(country="FR").update(percent=Decimal(20))
    found = []
    for number in range(CUSTOMERS):
        customer = open_customer(name=f"Customer {number}", user=alice, at=START, actor=None)
        in_france = number % 3 == 0
        BillingProfile.objects.filter(customer=customer).update(country="FR" if in_france else "US")
        open_default_subscription(customer_id=customer.pk, at=START, actor=None)
        add_card(customer, alice, "4242424242424242", START)
        paid = PAID["JPY" if number % 4 == 1 else "USD"]
        found.append(Player(customer, alice, PlainCustomer(20 if in_france else 0), paid))
    return found


def send(batch: list[Happening], players: list[Player], at: datetime) -> None:
    events = []
    for happening in batch:
        used, player = happening.used, players[happening.player]
        assert used is not None
        player.ledger.events.append(used)
        event: dict[str, Any] = {"specversion": "1.0", "id": used.id, "source": "year", "type": used.feature}
        event |= {"subject": player.customer.key, "time": used.time.isoformat(), "data": {"value": used.value}}
        events.append(event | ({"corrects": used.corrects} if used.corrects else {}))
    result = ingest_events(events=events, token_customer_id=None, at=at)
    assert result.accepted == len(batch), result.rejected


def change(player: Player, catalogue: dict[str, Plan], random: Random, at: datetime) -> str:
    """Cancel, subscribe again, or go from one paid plan to the other, now or – by staff – at the period's end."""
    plan = player.ledger.plan
    wanted = random.choice([other for other in (*player.paid, None) if other is not plan])
    if plan and wanted and random.random() < 0.4:
        schedule_change(
            customer_id=player.customer.pk, plan=catalogue[wanted.key], when="period_end", at=at, actor=None, reason="x"
        )
        player.ledger.schedule(wanted, at)
        return "schedule"
    values: dict[str, Any] = {"customer": player.customer, "at": at, "actor": player.user}
    if wanted is None:
        kind = QuoteKind.CANCEL
        cancel_subscription(quote=make_quote(kind=kind, **values), at=at, actor=player.user)
    elif plan is not None:
        kind = QuoteKind.CHANGE
        change_plan(quote=make_quote(kind=kind, plan=catalogue[wanted.key], **values), at=at, actor=player.user)
    else:
        kind = QuoteKind.SUBSCRIBE
        begin(make_quote(kind=kind, plan=catalogue[wanted.key], **values), wanted, at, player.user)
    player.ledger.change(wanted, at)
    return str(kind)


def begin(quote: ChangeQuote, plan: PlainPlan, at: datetime, user: Any) -> None:
    """A plan with fees in advance begins when the first of them is paid."""
    if not plan.in_advance:
        subscribe(quote=quote, at=at, actor=user)
        return
    payment = bill_start(quote=quote, at=at, actor=user)
    submit_payment(payment_id=payment.pk, at=at)
    assert settle_start(quote=quote, at=at, actor=user).opened is not None


def run(at: datetime) -> None:
    """The night's run, without the paper and the letters."""
    report = billing_run.RunReport(at=at.isoformat())
    billing_run.bill_due(at=at, report=report, progress=lambda step, done: None)
    billing_run.collect_due(at=at, report=report)
    assert report.parked == []


def play(players: list[Player], catalogue: dict[str, Plan], random: Random) -> Counter[str]:
    done: Counter[str] = Counter()
    arrived: list[Happening] = []
    for happening in sorted(happenings(random), key=lambda one: (one.at, one.kind != "usage", one.player)):
        if happening.kind == "usage":
            arrived.append(happening)
            continue
        with clock.travel_to(happening.at):
            if arrived:
                send(arrived, players, happening.at - timedelta(microseconds=1))
                arrived = []
            if happening.kind == "run":
                run(happening.at)
                for player in players:
                    player.ledger.run(happening.at.date())
            else:
                done[change(players[happening.player], catalogue, random, happening.at)] += 1
                billing_run.collect_due(at=happening.at, report=billing_run.RunReport(at=""))
    return done


@pytest.mark.django_db
def test_a_year_costs_what_a_plain_recomputation_says(players, catalogue):
    done = play(players, catalogue, Random(SEED))  # noqa: S311
    documents: Counter[str] = Counter()
    for number, player in enumerate(players):
        invoices = Invoice.objects.filter(customer=player.customer, number__isnull=False).order_by("pk")
        found = sorted((one.billing_on, one.subtotal, one.tax) for one in invoices)
        assert found == sorted(player.ledger.issued), f"customer {number}, {player.paid[0].currency}"
        assert {one.currency for one in invoices} <= {player.paid[0].currency}
        documents.update(one.kind for one in invoices)
    if CUSTOMERS >= 40:  # few may well do without some of it
        assert set(done) == {"subscribe", "change", "schedule", "cancel"}
        assert documents["invoice"] >= 4 * CUSTOMERS
        assert documents["credit_note"] > 0
        for part in (":late:", ":minimum:", ":usage:", ":fee:"):
            assert InvoiceLine.objects.filter(key__contains=part, amount__gt=0).exists(), part
        for part in (":late:", ":unused:"):
            assert InvoiceLine.objects.filter(key__contains=part, amount__lt=0).exists(), part
        assert Invoice.objects.filter(status="void", key__contains=":discarded:").exists()
        assert Invoice.objects.filter(number__isnull=False, key__contains=":late:").exists()
    output = StringIO()
    call_command("check_books", stdout=output)
    assert output.getvalue() == "The books agree.\n"
