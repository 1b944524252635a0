"""«Upgrade» → «Subscribe»."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.figures import written
from accounts.models import AuditEntry, Customer, Notice, PaymentPolicy
from invoices.models import Invoice
from invoices.services.finalize_invoices import finalize_invoices
from plans.exceptions import (
    AlreadySubscribedError,
    CancelFirstError,
    CardRequiredError,
    CurrencyMismatchError,
    ManagedByContractError,
    PastDueError,
    PlanNotFoundError,
    QuoteStaleError,
)
from plans.models import Plan, QuoteKind, RateCard, Subscription
from plans.selectors import current_subscription
from plans.services.accept_quote import CARD_DETOUR, accept_quote
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.services.open_contract import open_contract
from plans.services.publish_plan import publish_plan
from plans.services.subscribe import subscribe
from plans.tests.conftest import add_card, cancel_quote, go_plus

LATER = timedelta(minutes=2)


@pytest.fixture
def quote(free, customer, catalogue, at):
    """For Plus, shown two minutes before it is confirmed."""
    add_card(customer, at)
    return upgrade_quote(customer, catalogue.plus, at)


def confirm(quote, at, actor) -> Any:
    return subscribe(quote=quote, at=at, actor=actor)


def upgrade_quote(customer, plan, at):
    return make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=plan, at=at, actor=None)


def new_price_list(at):
    """Version 2 of Plus, 10.00 dearer."""
    plan = Plan.objects.create(
        key="plus", version=2, name="Plus", currency="USD", payment_policy=PaymentPolicy.REQUIRED, position=2
    )
    RateCard.objects.create(plan=plan, key="base-fee", name="Plus monthly fee", model="flat", amount=5_900)
    return publish_plan(plan=plan, at=at, actor=None)


def test_it_starts_the_plan_when_it_is_carried_out(quote, free, customer, catalogue, at):
    opened = confirm(quote, at + LATER, None).opened

    free.refresh_from_db()
    assert (opened.plan, opened.starts_at, free.ends_at) == (catalogue.plus, at + LATER, at + LATER)
    assert (opened.anchor_on, opened.next_billing_on) == (date(2026, 10, 20), date(2026, 11, 20))
    assert opened.calculate_at == datetime(2026, 11, 17, tzinfo=UTC)
    assert opened.window_starts_at == at + LATER


def test_it_charges_nothing_at_once(quote, at):
    done = confirm(quote, at + LATER, None)

    assert (done.total, done.invoice, Invoice.objects.count()) == (0, None, 0)


def test_it_pushes_the_payment_policy_down(quote, customer, at):
    confirm(quote, at + LATER, None)

    customer.refresh_from_db()
    assert customer.payment_policy == PaymentPolicy.REQUIRED


def test_it_gives_the_first_result_again(quote, customer, at):
    first = confirm(quote, at + LATER, None)

    again = confirm(quote, at + timedelta(days=1), None)

    assert again.opened == first.opened
    assert Subscription.objects.filter(customer=customer).count() == 2
    assert AuditEntry.objects.filter(action="subscribe").count() == 1


def test_it_writes_who_did_it_and_tells_the_recipients(quote, customer, alice, at):
    opened = confirm(quote, at + LATER, alice).opened

    entry = AuditEntry.objects.get(action="subscribe")
    assert (entry.actor, entry.customer, entry.subject) == (alice, customer, f"subscription:{opened.pk}")
    assert (entry.before["plan"], entry.after["plan"]) == ("free", "plus")
    notice = Notice.objects.get(template="plan_subscribed")
    assert notice.to == ["alice@example.com"]
    assert written(notice.context)["first_billing_date"] == "20 Nov 2026"
    assert {"name": "Plus monthly fee", "price": "$49.00 per month"} in written(notice.context)["prices"]


def test_it_needs_a_card(free, customer, catalogue, at):
    quote = upgrade_quote(customer, catalogue.plus, at)

    with pytest.raises(CardRequiredError):
        confirm(quote, at + LATER, None)

    assert current_subscription(customer.pk) == free


def test_it_waits_for_the_card_once_somebody_has_accepted(free, customer, catalogue, alice, at):
    quote = upgrade_quote(customer, catalogue.plus, at)
    accepted = accept_quote(quote=quote, at=at + LATER, actor=alice)
    add_card(customer, at)

    done = confirm(accepted, at + timedelta(minutes=50), alice)

    assert accepted.expires_at == at + LATER + CARD_DETOUR
    assert done.opened.starts_at == at + timedelta(minutes=50)
    assert AuditEntry.objects.get(action="accept_quote").actor == alice


def test_it_accepts_a_quote_once(quote, at):
    first = accept_quote(quote=quote, at=at + LATER, actor=None)
    again = accept_quote(quote=quote, at=at + 3 * LATER, actor=None)

    assert (again.accepted_at, again.expires_at) == (first.accepted_at, first.expires_at)


def test_it_refuses_prices_that_are_no_longer_in_the_list(quote, customer, catalogue, at):
    dearer = new_price_list(at)

    with pytest.raises(QuoteStaleError, match="price list") as refusal:
        confirm(quote, at + LATER, None)

    assert (refusal.value.before.plan, refusal.value.after.plan) == (catalogue.plus, dearer)
    assert current_subscription(customer.pk).plan == catalogue.free


def test_it_does_not_accept_prices_that_are_no_longer_in_the_list(quote, at):
    new_price_list(at)

    with pytest.raises(QuoteStaleError, match="price list"):
        accept_quote(quote=quote, at=at + LATER, actor=None)


def test_it_keeps_who_subscribed_before_on_the_old_price_list(quote, catalogue, customer, at):
    opened = confirm(quote, at + LATER, None).opened
    new_price_list(at + timedelta(days=1))

    [invoice] = calculate_charges(subscription_ids=[opened.pk], at=datetime(2026, 11, 17, 2, tzinfo=UTC))

    assert invoice.subtotal == 4_900


def test_it_refuses_an_expired_quote_with_a_fresh_one(quote, at):
    with pytest.raises(QuoteStaleError, match="held until") as refusal:
        confirm(quote, at + timedelta(minutes=15), None)

    assert refusal.value.after.expires_at == at + timedelta(minutes=30)


def test_it_refuses_who_is_on_the_plan_already(quote, customer, catalogue, at):
    other = upgrade_quote(customer, catalogue.plus, at)
    confirm(quote, at + LATER, None)

    with pytest.raises(AlreadySubscribedError):
        confirm(other, at + LATER, None)


def test_it_refuses_who_is_past_due(customer, catalogue, seller, at):
    plus = go_plus(customer, catalogue, at)
    [draft] = calculate_charges(subscription_ids=[plus.pk], at=datetime(2026, 11, 17, 2, tzinfo=UTC))
    finalize_invoices(invoice_ids=[draft.pk], at=datetime(2026, 11, 20, 1, tzinfo=UTC))
    later = datetime(2026, 12, 5, tzinfo=UTC)
    cancel_subscription(quote=cancel_quote(customer, later), at=later, actor=None)

    with pytest.raises(PastDueError):
        upgrade_quote(customer, catalogue.plus, later + LATER)


def test_it_refuses_under_a_contract(quote, customer, catalogue, at):
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=None)

    with pytest.raises(ManagedByContractError):
        confirm(quote, at + LATER, None)


@pytest.mark.parametrize("key", ["free", "enterprise"])
def test_it_offers_only_what_can_be_bought_by_a_click(free, customer, catalogue, at, key):
    with pytest.raises((PlanNotFoundError, AlreadySubscribedError)):
        upgrade_quote(customer, getattr(catalogue, key), at)


def test_it_refuses_another_paid_plan_before_the_first_is_cancelled(plus, customer, at):
    plan = Plan.objects.create(key="pro", name="Pro", currency="USD", position=4)
    RateCard.objects.create(plan=plan, key="base-fee", name="Pro monthly fee", model="flat", amount=9_900)
    publish_plan(plan=plan, at=at, actor=None)

    with pytest.raises(CancelFirstError):
        upgrade_quote(customer, plan, at + LATER)


def test_it_refuses_a_plan_in_another_currency(quote, customer, at):
    Customer.objects.filter(pk=customer.pk).update(currency="EUR")

    with pytest.raises(CurrencyMismatchError):
        confirm(quote, at + LATER, None)
