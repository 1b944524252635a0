"""Fees in advance, yearly and once, from signing up to the end: the verbs, with the database."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.gateways.base import Outcome
from core.periods import calculation_instant
from invoices.models import Invoice
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.record_payment import record_payment
from plans.models import Plan, QuoteKind, RateCard
from plans.services.bill_start import bill_start
from plans.services.calculate_charges import calculate_charges
from plans.services.make_quote import make_quote
from plans.services.settle_start import settle_start
from plans.tests.conftest import add_card, new_plan

YEARLY = {"model": "flat", "cadence": "yearly"}
CARDS = (
    {"key": "support", "name": "Support", "amount": 58_800, "timing": "in_advance", **YEARLY},
    {"key": "audit", "name": "Audit", "amount": 12_000, **YEARLY},
    {"key": "setup", "name": "Setup", "model": "flat", "amount": 9_900, "timing": "one_time"},
)


@pytest.fixture
def business(free, customer, at):
    """`customer` on a plan with every kind of fee since 20 Oct 2026; nothing of it calculated yet."""
    add_card(customer, at)
    plan = new_plan("business", fee=4_900, timing="in_advance", at=at, cards=CARDS)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=plan, at=at, actor=None)
    payment = bill_start(quote=quote, at=at, actor=None)
    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at)
    return settle_start(quote=quote, at=at, actor=None)


def lines(invoice):
    return [(line.title, line.amount, line.detail) for line in invoice.lines.all()]


def calculate_until(spell, on):
    """Every billing date until this day, calculated when it is due: {billing date: its lines}."""
    found = {}
    spell.refresh_from_db()
    while spell.next_billing_on <= on:
        at = calculation_instant(spell.next_billing_on) + timedelta(hours=1)
        found |= {
            invoice.billing_on: lines(invoice) for invoice in calculate_charges(subscription_ids=[spell.pk], at=at)
        }
        spell.refresh_from_db()
    return found


def test_signing_up_charges_what_is_due_at_once(business):
    assert sorted(lines(business.invoice)) == [
        ("Business monthly fee", 4_900, "$49.00 × 1 month"),
        ("Setup", 9_900, "$99.00, once"),
        ("Support", 58_800, "$588.00 × 1 year"),
    ]
    assert business.invoice.total == business.total == 73_600


def test_a_year_charges_each_month_in_advance_and_the_year_on_its_boundary(business):
    found = calculate_until(business.opened, date(2027, 10, 20))

    month = [("Business monthly fee", 4_900, "$49.00 × 1 month")]
    assert list(found.values())[:-1] == [month] * 11
    assert sorted(found[date(2027, 10, 20)]) == [
        ("Audit", 12_000, "$120.00 × 1 year"),
        *month,
        ("Support", 58_800, "$588.00 × 1 year"),
    ]


def test_cancelling_on_the_day_of_the_start_gives_back_all_but_the_setup(business, customer, at):
    quote = make_quote(customer=customer, kind=QuoteKind.CANCEL, at=at + timedelta(hours=3), actor=None)

    assert sorted((line["title"], line["amount"]) for line in quote.lines) == [
        ("Business monthly fee (unused)", -4_900),
        ("Support (unused)", -58_800),
    ]


def test_cancelling_gives_back_unused_days_and_charges_lived_ones(business, customer):
    calculate_until(business.opened, date(2026, 11, 20))
    on = datetime(2026, 12, 1, 9, tzinfo=UTC)
    issued = Invoice.objects.get(billing_on=date(2026, 11, 20))
    finalize_invoices(invoice_ids=[issued.pk], at=datetime(2026, 11, 20, 1, tzinfo=UTC))

    quote = make_quote(customer=customer, kind=QuoteKind.CANCEL, at=on, actor=None)

    assert sorted((line["title"], line["amount"], line["detail"]) for line in quote.lines) == [
        ("Audit", 1_381, "$120.00 × 42 of 365 days"),
        ("Business monthly fee (unused)", -3_103, "−$49.00 × 19 of 30 days, not used"),
        ("Support (unused)", -52_034, "−$588.00 × 323 of 365 days, not used"),
    ]


@pytest.mark.parametrize(
    "card",
    [
        {"model": "flat", "amount": 100, "timing": "one_time", "cadence": "yearly"},
        {"model": "flat", "amount": 100, "timing": "sometimes"},
        {"model": "flat", "amount": 100, "cadence": "weekly"},
        {"model": "free", "timing": "in_advance"},
        {"model": "free", "cadence": "yearly"},
    ],
)
def test_the_database_refuses_a_timing_that_does_not_fit(business, catalogue, card):
    draft = Plan.objects.create(key="draft", name="Draft", currency="USD")
    feature = None if card["model"] == "flat" else catalogue.plus.rate_cards.get(key="api-requests").feature
    with pytest.raises(IntegrityError, match="rate_card_timing"), transaction.atomic():
        RateCard.objects.create(plan=draft, key="card", name="Card", feature=feature, **card)


def test_downtime_is_caught_up_month_by_month(business):
    """Ten weeks without a run: each call drafts the next billing date, never two in one."""
    late = datetime(2027, 2, 1, tzinfo=UTC)
    drafted = []
    while invoices := calculate_charges(subscription_ids=[business.opened.pk], at=late):
        drafted.append([invoice.billing_on for invoice in invoices])

    assert drafted == [[date(2026, 11, 20)], [date(2026, 12, 20)], [date(2027, 1, 20)]]
