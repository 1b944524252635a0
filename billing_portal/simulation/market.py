"""The plans of the simulated year, in plain words and in the books: fees and prices of every kind, four currencies.

Some get a second version in the middle of the year.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from accounts.models import PaymentPolicy
from billing_portal.simulation.plain_prices import Fee, PlainPlan, Price
from plans.models import Plan, PriceTier, RateCard
from plans.services.publish_plan import publish_plan
from usage.models import Feature
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter

METERS = {"requests": "count", "tokens": "sum", "peak": "max"}
YEAR = 12

PLANS = (
    PlainPlan(
        "basic",
        "USD",
        (Fee("fee", 4_900),),
        (Price("requests", "unit", unit="0.35", free=4), Price("tokens", "unit", unit="0.0371", per=10, free=200)),
    ),
    PlainPlan(
        "pro",
        "USD",
        (Fee("fee", 12_900), Fee("support", 30_011, months=YEAR)),
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
    ),
    PlainPlan(
        "team",
        "USD",
        (Fee("seats", 7_901, "in_advance"), Fee("setup", 2_500, "one_time")),
        (Price("tokens", "unit", unit="0.019", free=100),),
    ),
    PlainPlan(
        "solo",
        "EUR",
        (Fee("year", 58_801, "in_advance", months=YEAR),),
        (Price("tokens", "package", unit="0.45", per=50, free=20, minimum=311, maximum=799),),
    ),
    PlainPlan(
        "duo",
        "EUR",
        (Fee("fee", 2_999), Fee("suite", 99_999, months=YEAR)),
        (Price("requests", "volume", tiers=((5, "0.77", 120), (None, "0.5", 0)), maximum=600), Price("peak", "free")),
    ),
    PlainPlan(
        "trio",
        "EUR",
        (
            Fee("fee", 4_501, "in_advance"),
            Fee("year", 12_345, "in_advance", months=YEAR),
            Fee("setup", 999, "one_time"),
        ),
        (
            Price("requests", "graduated", tiers=((3, "0", 205), (None, "1.115", 0)), minimum=450, discount="3"),
            Price("tokens", "unit", unit="0.0019", per=3),
        ),
    ),
    PlainPlan(
        "yen",
        "JPY",
        (Fee("fee", 3_333),),
        (
            Price("tokens", "package", unit="7", per=100, free=150),
            Price("requests", "volume", tiers=((6, "11", 40), (None, "9.5", 0))),
        ),
    ),
    PlainPlan(
        "yen-pro",
        "JPY",
        (Fee("fee", 9_801, "in_advance"), Fee("support", 47_777, months=YEAR)),
        (Price("tokens", "unit", unit="0.037", minimum=100), Price("peak", "unit", unit="0.4")),
    ),
    PlainPlan(
        "dinar",
        "KWD",
        (Fee("fee", 9_755),),
        (
            Price("tokens", "graduated", tiers=((300, "0.00155", 15), (None, "0.0007", 1_001)), free=33),
            Price("peak", "volume", tiers=((100, "0.0033", 7), (None, "0.0021", 0)), minimum=222, maximum=701),
        ),
    ),
    PlainPlan(
        "dinar-year",
        "KWD",
        (Fee("year", 98_765, "in_advance", months=YEAR), Fee("setup", 1_001, "one_time")),
        (Price("requests", "package", unit="0.125", per=3, free=2, discount="7.25"),),
    ),
    PlainPlan("deal", "USD", (Fee("year", 500_000, "in_advance", months=YEAR),), (), by_contract=True),
    PlainPlan(
        "deal-plus",
        "USD",
        (Fee("fee", 41_711), Fee("year", 120_007, months=YEAR)),
        (Price("tokens", "unit", unit="0.0107", per=2), Price("requests", "unit", unit="0.02", minimum=9_900)),
        by_contract=True,
    ),
)


def next_version(plan: PlainPlan) -> PlainPlan:
    """Dearer by a ninth, and without its last price where it has several."""
    fees = tuple(replace(fee, amount=fee.amount * 10 // 9) for fee in plan.fees)
    return replace(plan, version=plan.version + 1, fees=fees, prices=plan.prices[: max(len(plan.prices) - 1, 1)])


class Market:
    """What can be subscribed to: by key the published version, in plain words and in the books."""

    def __init__(self, at: datetime) -> None:
        self.features = {name: _feature(name, aggregation, at) for name, aggregation in METERS.items()}
        self.plain: dict[str, PlainPlan] = {}
        self.rows: dict[str, Plan] = {}
        free = Plan.objects.create(key="free", name="Free", currency="USD", is_default=True)
        self.free = publish_plan(plan=free, at=at, actor=None)
        for plain in PLANS:
            self.publish(plain, at)

    def publish(self, plain: PlainPlan, at: datetime) -> None:
        policy = PaymentPolicy.MANAGED_BY_CONTRACT if plain.by_contract else PaymentPolicy.REQUIRED
        plan = Plan.objects.create(
            key=plain.key,
            version=plain.version,
            name=plain.key,
            currency=plain.currency,
            payment_policy=policy,
            self_serve=not plain.by_contract,
        )
        for fee in plain.fees:
            cadence = "yearly" if fee.months == YEAR else "monthly"
            RateCard.objects.create(
                plan=plan,
                key=fee.key,
                name=fee.key,
                model="flat",
                amount=fee.amount,
                timing=fee.timing,
                cadence=cadence,
            )
        for price in plain.prices:
            _card(plan, price, self.features[price.feature])
        self.plain[plain.key], self.rows[plain.key] = plain, publish_plan(plan=plan, at=at, actor=None)

    def row(self, plain: PlainPlan | None) -> Plan:
        """The published plan of that key; the free one for none."""
        return self.rows[plain.key] if plain else self.free


def _feature(name: str, aggregation: str, at: datetime) -> Feature:
    path = "" if aggregation == "count" else "$.value"
    meter = define_meter(
        key=name, name=name, event_type=name, aggregation=aggregation, value_path=path, at=at, actor=None
    )
    return define_feature(key=name, name=name, meter=meter, at=at, actor=None)


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
