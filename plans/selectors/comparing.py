"""What publishing a version changes: against the running one, in words and for customers that are on it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from accounts.models import Customer
from plans.examples import month_price
from plans.models import Plan, RateCard, Subscription
from plans.price_rules import broken_rules
from plans.versions import card_says, figures, plan_says
from usage.selectors import Span, all_features, quantities

if TYPE_CHECKING:
    from django.db.models import QuerySet

MONTH = timedelta(days=30)
LOOKED_AT = 200  # subscriptions among which the samples are chosen


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist; `is_note`: worth knowing, no obstacle."""

    text: str
    is_fulfilled: bool
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the versions say differently; empty where one of them does not have it."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What the last thirty days of a customer come to, before tax, minor units; `plan` is the version they are on."""

    customer: Customer
    plan: Plan
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything the confirm page of «Publish Plan» shows."""

    plan: Plan
    running: Plan | None
    subscriptions: int
    checks: tuple[Check, ...]
    differences: tuple[Difference, ...]
    samples: tuple[Sample, ...]

    @property
    def seen(self) -> str:
        """What the button confirms. The samples are no part of it: they move with every event."""
        return figures(self.plan, self.running)

    @property
    def can_publish(self) -> bool:
        return all(check.is_fulfilled or check.is_note for check in self.checks)


def comparison(plan: Plan, at: datetime) -> Comparison:
    """The draft (loaded `with_cards`) against the published version of the same key."""
    running = Plan.objects.published().with_cards().filter(key=plan.key).exclude(pk=plan.pk).first()
    on_running = Subscription.objects.open().filter(plan=running)
    return Comparison(
        plan=plan,
        running=running,
        subscriptions=on_running.count() if running else 0,
        checks=_checks(plan),
        differences=_differences(running, plan) if running else (),
        samples=samples({running.pk: running}, plan, at, on_running) if running else (),
    )


def _checks(plan: Plan) -> tuple[Check, ...]:
    terms = plan.terms()
    broken = [sentence for card in terms.cards for sentence in broken_rules(card)]
    priced = {card.feature_id for card in terms.metered}
    missing = [feature.name for feature in all_features() if feature.meter_id and feature.pk not in priced]
    unpriced = gettext("Not on this plan, so never charged: %(names)s") % {"names": ", ".join(missing)}
    return (
        Check(gettext("Currency is set: %(currency)s") % {"currency": plan.currency}, is_fulfilled=True),
        Check(gettext("There is at least one rate card"), bool(terms.cards), is_note=True),
        Check(gettext("Every metered feature is priced") if not missing else unpriced, not missing, is_note=True),
        *(Check(sentence, is_fulfilled=False) for sentence in broken),
        *([] if broken else [Check(gettext("Prices keep the rules; tiers do not overlap"), is_fulfilled=True)]),
    )


def _differences(before: Plan, after: Plan) -> tuple[Difference, ...]:
    old, new = plan_says(before), plan_says(after)
    facts = [Difference(new[name][0], old[name][1], new[name][1]) for name in new]
    was = {card.key: card for card in before.rate_cards.all()}
    now = {card.key: card for card in after.rate_cards.all()}
    keys = [*now, *(key for key in was if key not in now)]
    prices = [each for key in keys for each in _of_card(was.get(key), now.get(key), before.currency, after.currency)]
    return tuple(each for each in (*facts, *prices) if each.before != each.after)


def _of_card(before: RateCard | None, after: RateCard | None, currency_before: str, currency: str) -> list[Difference]:
    """A price under the card's name; what else is said of a card only where both versions have it."""
    old = card_says(before, currency_before) if before else {}
    new = card_says(after, currency) if after else {}
    card = (new or old)["name"][1]
    price = Difference(card, *(said["price"][1] if said else "" for said in (old, new)))
    others = [
        Difference(gettext("%(card)s, %(what)s") % {"card": card, "what": new[name][0]}, old[name][1], new[name][1])
        for name in new
        if old and name != "price"
    ]
    return [price, *others]


def samples(
    plans: Mapping[int, Plan], after: Plan, at: datetime, among: "QuerySet[Subscription]"
) -> tuple[Sample, ...]:
    """The least, the middle and the greatest of these subscriptions' customers, by what they pay now.

    `plans` by id, those of `among`, all loaded `with_cards`, as `after` is.
    """
    rows = among.select_related("customer").order_by("-pk")[:LOOKED_AT]
    used = usage_of_month([row.customer_id for row in rows], [*plans.values(), after], at)
    every = sorted(
        (
            Sample(
                row.customer,
                plans[row.plan_id],
                month_price(plans[row.plan_id].terms(), used[row.customer_id]),
                month_price(after.terms(), used[row.customer_id]),
            )
            for row in rows
        ),
        key=lambda sample: (sample.before, sample.customer.name),
    )
    places = sorted({0, len(every) // 2, len(every) - 1}) if every else []
    return tuple(every[place] for place in places)


def usage_of_month(customer_ids: Collection[int], plans: Iterable[Plan], at: datetime) -> dict[int, dict[int, Decimal]]:
    """What each customer used in the last thirty days, by feature of these plans; one query."""
    features = {feature for plan in plans for feature in plan.terms().feature_ids}
    spans = [Span(customer_id, feature, at - MONTH, at) for customer_id in customer_ids for feature in features]
    used: dict[int, dict[int, Decimal]] = {customer_id: {} for customer_id in customer_ids}
    for span, quantity in quantities(spans).items():
        used[span.customer_id][span.feature_id] = quantity
    return used
