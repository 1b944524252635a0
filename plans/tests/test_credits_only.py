"""A credits-only plan over its life: fees, months, changes of plan. Never an invoice of it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import PaymentPolicy
from core import formats
from core.clock import travel_to
from credits.models import CreditCharge, OpenCharge
from credits.selectors import balance
from invoices.models import Invoice
from plans import books
from plans.exceptions import PlanNotPublishableError
from plans.models import Plan, QuoteKind, RatedUsage, SettlementMode
from plans.pages import balance_after
from plans.selectors import current_subscription
from plans.selectors.upcoming import open_subscription, running_days
from plans.selectors.watermarks import looked_at
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.publish_plan import publish_plan
from plans.services.settle_usage import settle_usage
from plans.services.subscribe import subscribe
from plans.tests.conftest import add_card, cancel_quote, change_quote, go_plus, new_plan, send, tokens_card
from plans.tests.test_settle_usage import HOUR, MINUTE, consumed, credits_plan, grant, movements, open_charges

FEE = {"key": "base-fee", "name": "Monthly fee", "model": "flat", "amount": 3_000}
CALCULATED = datetime(2026, 11, 17, 1, tzinfo=UTC)
BILLED = datetime(2026, 11, 20, tzinfo=UTC)


def subscribed(customer, plan, at):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=plan, at=at, actor=None)
    return subscribe(quote=quote, at=at, actor=None).opened


def calculate(customer, at=CALCULATED):
    spell = current_subscription(customer.pk)
    return calculate_charges(subscription_ids=[spell.pk], at=at)


@pytest.fixture
def plan(catalogue, seller, at):
    """30.00 a month in arrears, tokens at 1.00 per 1,000 with a minimum of 5.00 a month."""
    return credits_plan(at, cards=(FEE, tokens_card("1.00", minimum_amount=500)))


@pytest.fixture
def spell(plan, customer, at):
    grant(customer, 10_000, at)
    return subscribed(customer, plan, at)


def test_it_begins_without_a_card_and_without_a_payment(spell, customer):
    assert spell.watch.settled_until == spell.starts_at
    customer.refresh_from_db()
    assert customer.payment_policy == PaymentPolicy.OPTIONAL


def test_the_month_ends_with_the_minimum_at_once_and_the_fee_on_its_billing_date(spell, customer, at):
    send(customer, at, tokens=1_000)
    settle_usage(customer_ids=[customer.pk], at=at + HOUR)

    assert calculate(customer) == []
    assert consumed(customer) == [(-100, at + HOUR), (-400, datetime(2026, 11, 17, tzinfo=UTC))]
    [waiting] = OpenCharge.objects.filter(customer=customer)
    assert (waiting.amount, waiting.settles_at) == (3_000, BILLED)
    assert calculate(customer) == []

    settle_usage(customer_ids=[customer.pk], at=BILLED + MINUTE)
    assert consumed(customer)[2:] == [(-3_000, BILLED)]
    assert open_charges(customer) == []
    assert not Invoice.objects.exists()
    assert list(books.check()) == []


def test_hours_before_a_billing_date_are_charged_before_its_fee(spell, customer, at):
    calculate(customer)
    send(customer, BILLED - 10 * MINUTE, tokens=1_000)
    send(customer, BILLED + 10 * MINUTE, tokens=2_000)

    settle_usage(customer_ids=[customer.pk], at=BILLED + 2 * HOUR)

    assert consumed(customer)[1:] == [(-100, BILLED), (-3_000, BILLED), (-200, BILLED + HOUR)]


def test_usage_after_the_calculation_belongs_to_the_next_window(spell, customer):
    start = datetime(2026, 11, 17, tzinfo=UTC)
    send(customer, start + 5 * MINUTE, tokens=1_000)
    settle_usage(customer_ids=[customer.pk], at=start + HOUR)
    assert consumed(customer) == [(-100, start + HOUR)]

    calculate(customer, start + HOUR + MINUTE)

    assert consumed(customer) == [(-100, start + HOUR), (-500, start)]
    groups = set(CreditCharge.objects.values_list("group", flat=True))
    assert len(groups) == 2
    assert list(books.check()) == []


def test_a_window_that_nobody_settled_is_settled_when_it_closes(spell, customer, at):
    for day in range(5):
        send(customer, at + timedelta(days=day), tokens=2_000)

    calculate(customer)

    assert [amount for amount, _ in consumed(customer)] == [-200] * 5
    assert RatedUsage.objects.get().amount == 1_000


def test_late_usage_of_a_closed_month_is_charged_without_its_minimum_again(spell, customer, at):
    send(customer, at, tokens=1_000)
    calculate(customer)
    settle_usage(customer_ids=[customer.pk], at=CALCULATED + MINUTE)
    send(customer, at + HOUR, tokens=7_000, received=CALCULATED + HOUR)

    settle_usage(customer_ids=[customer.pk], at=CALCULATED + HOUR + MINUTE)

    assert consumed(customer)[-1] == (-300, CALCULATED + HOUR)
    assert list(books.check()) == []


def test_leaving_charges_up_to_the_instant_and_keeps_the_balance(spell, customer, at):
    send(customer, at + 5 * MINUTE, tokens=1_000)
    end = at + timedelta(days=10, minutes=30)
    send(customer, end - 5 * MINUTE, tokens=2_000, received=end - MINUTE)
    settle_usage(customer_ids=[customer.pk], at=end - MINUTE)
    quote = cancel_quote(customer, end)
    assert (quote.total, quote.credits, quote.to_credits) == (0, 0, 968 + 200)  # 10 of 31 days, and 2,000 tokens
    shown = balance_after(quote)

    done = cancel_subscription(quote=quote, at=end + MINUTE, actor=None)

    assert done.invoice is None
    assert done.opened.plan.is_default
    assert consumed(customer) == [(-100, at + HOUR), (-200, end), (-968, end + MINUTE)]
    assert open_charges(customer) == []
    assert list(books.check()) == []
    after = movements(customer)
    assert shown == "$87.32" == formats.money(balance(customer.pk, "USD", end + MINUTE).settled, "USD")
    assert cancel_subscription(quote=quote, at=end + 2 * MINUTE, actor=None).completed_at == done.completed_at
    assert movements(customer) == after


def test_leaving_between_calculation_and_billing_date_withdraws_the_fee_and_prorates_it(spell, customer, at):
    calculate(customer)
    assert open_charges(customer) == [3_000]
    end = datetime(2026, 11, 18, 12, tzinfo=UTC)
    quote = cancel_quote(customer, end)
    assert quote.to_credits == 2_806 + 17  # 29 of 31 days, and the minimum of 1 of 30

    cancel_subscription(quote=quote, at=end, actor=None)

    assert open_charges(customer) == []
    assert [amount for amount, _ in consumed(customer)] == [-500, -17, -2_806]


def test_usage_that_arrives_after_leaving_is_charged_to_credit_all_the_same(spell, customer, at):
    end = at + timedelta(days=1)
    cancel_subscription(quote=cancel_quote(customer, end), at=end, actor=None)
    settle_usage(customer_ids=[customer.pk], at=end + HOUR)
    before = len(movements(customer))
    send(customer, at + HOUR, tokens=9_000, received=end + 2 * HOUR)

    settle_usage(customer_ids=[customer.pk], at=end + 2 * HOUR + MINUTE)

    assert movements(customer)[before:][0][:2] == ("consumed", -900 + 18)
    assert list(books.check()) == []


def test_from_credits_to_a_paid_plan_the_old_part_goes_to_credit_and_the_new_to_the_card(spell, customer, at):
    add_card(customer, at)
    end = at + timedelta(days=10)
    send(customer, end - 2 * HOUR, tokens=4_000)
    advance = new_plan("advance", fee=6_000, timing="in_advance", at=at)

    quote = change_quote(customer, advance, end)
    assert quote.to_credits == 400 + 968
    done = change_plan(quote=quote, at=end, actor=None)

    assert [line.amount for line in done.invoice.lines.all()] == [4_065]
    assert (quote.credits, quote.total) == (done.invoice.credits, done.invoice.total) == (4_065, 0)
    assert done.invoice.status == "paid"
    assert [amount for amount, _ in consumed(customer)] == [-400, -4_065, -968]


def test_from_a_paid_plan_to_credits_the_old_part_is_invoiced_and_the_new_goes_to_credit(
    customer, catalogue, seller, at
):
    go_plus(customer, catalogue, at)
    plan = credits_plan(at, cards=({**FEE, "timing": "in_advance"}, tokens_card("1.00")))
    end = at + timedelta(days=10)

    quote = change_quote(customer, plan, end)
    done = change_plan(quote=quote, at=end, actor=None)

    assert (quote.to_credits, quote.credits, quote.total) == (2_032, 0, done.invoice.total)
    assert {line.title for line in done.invoice.lines.all()} == {"Plus monthly fee"}
    assert consumed(customer) == [(-2_032, end)]
    assert CreditCharge.objects.get().overdraft == 2_032


def test_unused_days_charged_in_advance_go_back_to_credit(customer, catalogue, seller, at):
    plan = credits_plan(at, cards=({**FEE, "timing": "in_advance"}, tokens_card("1.00")))
    grant(customer, 10_000, at)
    subscribed(customer, plan, at)
    assert consumed(customer) == [(-3_000, at)]
    end = at + timedelta(days=10)

    quote = cancel_quote(customer, end)
    cancel_subscription(quote=quote, at=end, actor=None)

    assert quote.to_credits == -2_032
    assert [(kind, amount) for kind, amount, _ in movements(customer)][-1] == ("correction", 2_032)


def test_a_plan_that_nothing_but_credit_pays_needs_no_card(seller, catalogue, at):
    plan = Plan.objects.create(
        key="odd", name="Odd", currency="USD", settlement_mode=SettlementMode.CREDIT_ONLY,
        payment_policy=PaymentPolicy.REQUIRED,
    )  # fmt: skip
    with pytest.raises(PlanNotPublishableError) as refused:
        publish_plan(plan=plan, at=at, actor=None)
    assert refused.value.message == "Payment policy: a credits-only plan needs no card."


def test_its_page_knows_what_is_settled_of_the_month(spell, customer, at):
    send(customer, at, tokens=1_000)
    settle_usage(customer_ids=[customer.pk], at=at + HOUR)
    own = open_subscription(customer)

    facts = running_days(own, at + HOUR, known=looked_at(own)).facts

    assert list(facts.rated.values()) == [(1_000, 100)]
    assert facts == running_days(own, at + HOUR).facts


def test_cancel_plan_asks_at_most_15_questions_where_much_is_going_on(
    spell, customer, as_alice, at, django_assert_max_num_queries
):
    """A fee that waits for its billing date, closed hours, usage of the running hour and some that came late."""
    send(customer, at, tokens=1_000)
    calculate(customer)
    settle_usage(customer_ids=[customer.pk], at=CALCULATED + MINUTE)
    send(customer, at + HOUR, tokens=7_000, received=CALCULATED + HOUR)
    send(customer, CALCULATED + HOUR, tokens=2_000, received=CALCULATED + HOUR)
    send(customer, CALCULATED + 3 * HOUR, tokens=3_000, received=CALCULATED + 3 * HOUR)
    with travel_to(CALCULATED + 3 * HOUR + MINUTE), django_assert_max_num_queries(15):
        page = as_alice.get(reverse("plan_cancel")).text
    assert "Your balance after:" in page


def test_leaving_after_a_plan_with_invoices_asks_hardly_more(
    catalogue, customer, seller, as_alice, at, django_assert_max_num_queries
):
    """Usage of the plan before may still come, and its last invoice is unpaid."""
    go_plus(customer, catalogue, at)
    send(customer, at + HOUR, requests=50_000)
    grant(customer, 100, at)
    moved = at + timedelta(days=10)
    quote = change_quote(customer, credits_plan(at, self_serve=True), moved)
    change_plan(quote=quote, at=moved, actor=None)
    send(customer, moved + HOUR, tokens=1_000)
    settle_usage(customer_ids=[customer.pk], at=moved + 2 * HOUR)
    send(customer, moved + 2 * HOUR, tokens=1_000, received=moved + 2 * HOUR)
    with travel_to(moved + 2 * HOUR + MINUTE), django_assert_max_num_queries(15):
        page = as_alice.get(reverse("plan_cancel")).text
    assert "which is still due" in page
    assert "Your balance after:" in page


def test_leaving_bills_what_came_late_of_a_plan_with_invoices_before(catalogue, customer, seller, at):
    go_plus(customer, catalogue, at)
    grant(customer, 10, at, features=("api-requests",))  # pays nothing of it
    moved = at + timedelta(days=10)
    quote = change_quote(customer, credits_plan(at, self_serve=True), moved)
    change_plan(quote=quote, at=moved, actor=None)
    send(customer, at + HOUR, tokens=1_000_000, received=moved + HOUR)
    end = moved + 2 * HOUR
    settle_usage(customer_ids=[customer.pk], at=end)

    done = cancel_subscription(quote=cancel_quote(customer, end), at=end, actor=None)

    assert [(line.title, line.amount) for line in done.invoice.lines.all()] == [("AI tokens (late usage)", 200)]
    assert list(books.check()) == []
