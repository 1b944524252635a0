"""The months of credits-only plans are stated one after the other, whoever slept."""

from datetime import UTC, date, datetime, timedelta

from billing_portal.billing_run import run_billing
from invoices.models import CreditStatement, Invoice
from plans.selectors.stating import due_to_state
from plans.services.cancel_subscription import cancel_subscription
from plans.services.settle_usage import settle_usage
from plans.services.state_credits import state_credits
from plans.tests.conftest import cancel_quote, send, tokens_card
from plans.tests.test_credits_only import FEE, subscribed
from plans.tests.test_settle_usage import HOUR, credits_plan, grant


def statements():
    return list(
        CreditStatement.objects.order_by("period_end").values_list("period_start", "period_end", "opening", "closing")
    )


def test_a_month_is_stated_once_its_hours_are_settled(customer, catalogue, seller, at):
    grant(customer, 10_000, at)
    spell = subscribed(customer, credits_plan(at), at)
    send(customer, at, tokens=5_000)
    end = datetime(2026, 11, 20, tzinfo=UTC)
    assert due_to_state(end) == []

    settle_usage(customer_ids=[customer.pk], at=end)
    assert [row.id for row in due_to_state(end)] == [spell.pk]
    assert due_to_state(end - HOUR) == []

    assert state_credits(subscription_ids=[spell.pk], at=end) == [spell.pk]
    assert state_credits(subscription_ids=[spell.pk], at=end) == []
    assert statements() == [(date(2026, 10, 20), date(2026, 11, 20), 0, 9_500)]


def test_months_of_downtime_are_settled_charged_and_stated_in_order(customer, catalogue, seller, at):
    grant(customer, 20_000, at)
    subscribed(customer, credits_plan(at, cards=(FEE, tokens_card("1.00"))), at)
    for month in range(3):
        send(customer, at + timedelta(days=30 * month + 1), tokens=1_000)

    run_billing(at=datetime(2027, 1, 25, 12, tzinfo=UTC))

    assert statements() == [
        (date(2026, 10, 20), date(2026, 11, 20), 0, 19_900),
        (date(2026, 11, 20), date(2026, 12, 20), 19_900, 16_800),
        (date(2026, 12, 20), date(2027, 1, 20), 16_800, 13_700),
    ]
    assert not Invoice.objects.exists()
    run_billing(at=datetime(2027, 1, 25, 13, tzinfo=UTC))
    assert len(statements()) == 3


def test_the_month_in_which_a_plan_is_left_is_stated_and_none_after_it(customer, catalogue, seller, at):
    grant(customer, 10_000, at)
    subscribed(customer, credits_plan(at), at)
    send(customer, at, tokens=5_000)
    end = at + timedelta(days=3)
    cancel_subscription(quote=cancel_quote(customer, end), at=end, actor=None)

    run_billing(at=datetime(2027, 1, 25, 12, tzinfo=UTC))

    assert statements() == [(date(2026, 10, 20), date(2026, 11, 20), 0, 9_500)]
