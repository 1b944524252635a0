"""Preview = bill, for any plans: fees of every timing and cadence, prices with minimums, changes and new versions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from accounts.models import PaymentPolicy
from accounts.services.update_billing_profile import update_billing_profile
from invoices.models import Invoice, TaxRate
from plans import books
from plans.models import Plan, RateCard, ScheduledChange, Subscription
from plans.selectors import current_subscription, due_for_calculation, running, upcoming_invoice
from plans.selectors.closing import closing
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.carry_out_changes import carry_out_changes
from plans.services.change_plan import change_plan
from plans.services.open_default_subscription import open_default_subscription
from plans.services.publish_plan import publish_plan
from plans.spells import keep_number
from plans.tests.conftest import add_card, cancel_quote, change_quote, migrate_to, send, tokens_card
from plans.tests.test_preview import FIRST, issue_announced, settle_up, subscribe_to

RECURRING = [(timing, cadence) for timing in ("in_arrears", "in_advance") for cadence in ("monthly", "yearly")]
FEE = st.tuples(st.integers(1, 60_000), st.sampled_from([*RECURRING, ("one_time", "monthly")]))
PRICE = st.fixed_dictionaries(
    {
        "unit_amount": st.integers(0, 10**6).map(lambda millionths: Decimal(millionths).scaleb(-6)),
        "free_units": st.integers(0, 5_000).map(Decimal),
        "minimum_amount": st.none() | st.integers(0, 3_000),
    }
)
TERMS = st.tuples(st.lists(FEE, min_size=1, max_size=3), PRICE)
MONTHLY = (
    [(2_297, ("in_arrears", "monthly"))],
    {"unit_amount": Decimal("0.000686"), "minimum_amount": None, "free_units": Decimal(241)},
)
WISHES = ("other", "other", "free", "migrate now", "migrate at period_end")
STEP = st.tuples(
    st.integers(0, 45 * 86_400),  # seconds since the step before
    st.lists(st.tuples(st.fractions(0, 1), st.integers(1, 10**7)), max_size=2),  # usage: when, how much
    st.sampled_from(WISHES),
)


def publish(key: str, version: int, currency: str, terms: tuple[Any, Any], at: datetime) -> Plan:
    fees, price = terms
    policy = PaymentPolicy.REQUIRED
    plan = Plan.objects.create(key=key, version=version, name=key, currency=currency, payment_policy=policy)
    for number, (amount, (timing, cadence)) in enumerate(fees):
        RateCard.objects.create(
            plan=plan,
            key=f"fee-{number}",
            name=f"Fee {number}",
            model="flat",
            amount=amount,
            timing=timing,
            cadence=cadence,
        )
    RateCard.objects.create(plan=plan, **tokens_card(**price))
    return publish_plan(plan=plan, at=at, actor=None)


def spell_of(customer: Any) -> Subscription:
    spell = current_subscription(customer.pk)
    assert spell is not None
    return spell


def assert_billed(invoice: Invoice | None, amounts: Sequence[int], total: int) -> None:
    """Nothing but lines of 0 makes no document."""
    if invoice is None:
        assert not any(amounts)
        assert total == 0
        return
    assert [line.amount for line in invoice.lines.all()] == list(amounts)
    assert invoice.total == total


def calculate_as_shown(customer: Any, now: datetime) -> None:
    """Every calculation that is due comes to what the upcoming invoice was."""
    while due := due_for_calculation(now):
        calculate_at = spell_of(customer).calculate_at
        assert calculate_at is not None
        shown = upcoming_invoice(running(customer, calculate_at))
        invoice = next(iter(calculate_charges(subscription_ids=[row.id for row in due], at=now)), None)
        if invoice:
            assert [line.amount for line in (*shown.owed, *shown.counting)] == [
                line.amount for line in invoice.lines.all()
            ]
            assert shown.totals.total == invoice.total
        issue_announced(customer, now)  # while it waits, it is the upcoming one, and not what is calculated next
    settle_up(customer, now)


def migrate(customer: Any, terms: Any, when: Any, now: datetime) -> datetime:
    """A new version of the customer's plan, and everybody moved to it; the closing invoice is the previewed one."""
    before = spell_of(customer)
    plan = publish(before.plan.key, before.plan.version + 1, before.plan.currency, terms, now)
    assert migrate_to(plan, when, now) == 1
    change = ScheduledChange.objects.latest("pk")
    now = max(now, change.effective_at + timedelta(hours=2) if when == "period_end" else now)
    calculate_as_shown(customer, now)
    before = Subscription.objects.as_ending().get(pk=before.pk)
    shown = closing(before, change.effective_at, to=plan, opens_id=keep_number())
    [change] = carry_out_changes(change_ids=[change.pk], at=now)
    assert change.opened is not None
    invoice = Invoice.objects.filter(key=f"subscription:{before.pk}:closing").first()
    assert_billed(invoice, [line.amount for line in shown.all_lines] if shown.is_owed else [], shown.totals.total)
    return now


def change(customer: Any, plan: Plan, now: datetime) -> None:
    """By themselves, as the page does it."""
    current = spell_of(customer).plan
    if plan.is_default:
        quote = cancel_quote(customer, now)
        done = cancel_subscription(quote=quote, at=now, actor=None)
    elif current.is_default:
        quote, done = subscribe_to(customer, plan, now)
    else:
        quote = change_quote(customer, plan, now)
        done = change_plan(quote=quote, at=now, actor=None)
    assert_billed(done.invoice, [row["amount"] for row in quote.lines] if done.invoice else [], quote.total)


@pytest.mark.django_db
@settings(
    max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@example(  # two calculations are due in the end
    one=MONTHLY, two=MONTHLY, next_version=MONTHLY, currency="KWD", country="FR", begins=0,
    steps=[(17 * 86_400, [], "other"), (0, [], "other")],
)  # fmt: skip
@given(
    one=TERMS,
    two=TERMS,
    next_version=TERMS,
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
    country=st.sampled_from(["FR", "US", "CH"]),
    begins=st.integers(0, 400 * 86_400),
    steps=st.lists(STEP, min_size=2, max_size=6),
)
def test_over_any_plans_and_versions_the_previewed_total_is_the_charged_total(
    customer, catalogue, seller, one, two, next_version, currency, country, begins, steps
):
    with transaction.atomic():
        TaxRate.objects.create(seller=seller, country="CH", label="MWST", percent=Decimal("8.1"), inclusive=True)
        now = FIRST + timedelta(seconds=begins)
        update_billing_profile(customer_id=customer.pk, values={"country": country}, at=now, actor=None)
        open_default_subscription(customer_id=customer.pk, at=now, actor=None)
        add_card(customer, now)
        keys = [publish(key, 1, currency, terms, now).key for key, terms in (("one", one), ("two", two))]
        born = now
        for gap, usage, wish in [(0, [], "other"), *steps]:
            now += timedelta(seconds=gap)
            for part, tokens in usage:
                send(customer, born + (now - born) * float(part), tokens=tokens, received=now)
            calculate_as_shown(customer, now)
            current = spell_of(customer).plan
            if wish.startswith("migrate") and not current.is_default:
                now = migrate(customer, next_version, wish.split()[-1], now)
            elif wish == "free" and not current.is_default:
                change(customer, catalogue.free, now)
            else:
                key = next(key for key in keys if key != current.key)
                change(customer, Plan.objects.published().with_cards().get(key=key), now)
        calculate_as_shown(customer, now + timedelta(days=40))
        assert list(books.check()) == []
        transaction.set_rollback(True)
