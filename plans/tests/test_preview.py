"""Preview = bill, over random usage and dates, through the real verbs."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from accounts.gateways.base import Outcome
from accounts.services.update_billing_profile import update_billing_profile
from invoices.models import Invoice
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.record_payment import record_payment
from plans import books
from plans.models import QuoteKind
from plans.selectors import current_subscription, due_for_calculation, running, upcoming_invoice
from plans.services.bill_start import bill_start
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.services.settle_start import settle_start
from plans.services.subscribe import subscribe
from plans.tests.conftest import cancel_quote, change_quote, go_plus, new_plan, pay, send, tokens_card

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def calculate_all(at):
    while due := due_for_calculation(at):
        yield from calculate_charges(subscription_ids=[row.id for row in due], at=at)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_the_previewed_total_is_the_charged_total(customer, catalogue, seller, seed):
    random = Random(seed)  # noqa: S311 - dates and quantities, not secrets
    starts_at = FIRST + timedelta(seconds=random.randrange(86_400 * 400))
    lasts = timedelta(seconds=random.randrange(86_400 * 100))
    update_billing_profile(
        customer_id=customer.pk, values={"country": random.choice(["FR", "US"])}, at=starts_at, actor=None
    )
    go_plus(customer, catalogue, starts_at)
    for _ in range(random.randrange(6)):
        time = starts_at + lasts * random.random()
        send(customer, time, requests=random.randrange(4), tokens=random.randrange(10**9))
    ends_at = starts_at + lasts
    drafts = list(calculate_all(ends_at))
    issued = [draft.pk for draft in drafts if draft.billing_on <= ends_at.date()]
    finalize_invoices(invoice_ids=issued, at=ends_at)

    quote = cancel_quote(customer, ends_at)
    done = cancel_subscription(quote=quote, at=ends_at + timedelta(minutes=1), actor=None)

    billed = [line.amount for line in done.invoice.lines.all()] if done.invoice else []
    assert (done.invoice.total if done.invoice else 0) == quote.total
    assert billed == ([row["amount"] for row in quote.lines] if done.invoice else [])
    assert list(books.check()) == []


def subscribe_to(customer, plan, at):
    """As the page does it: paid first where the plan charges in advance."""
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=plan, at=at, actor=None)
    if not quote.total:
        return quote, subscribe(quote=quote, at=at, actor=None)
    payment = bill_start(quote=quote, at=at, actor=None)
    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at)
    return quote, settle_start(quote=quote, at=at, actor=None)


def one_change(customer, plans, random, at):
    """(the quote shown, the quote carried out): to any other plan."""
    current = current_subscription(customer.pk)
    plan = random.choice([plan for plan in plans if plan.key != current.plan.key])
    if plan.is_default:
        quote = cancel_quote(customer, at)
        return quote, cancel_subscription(quote=quote, at=at + timedelta(minutes=1), actor=None)
    if current.plan.is_default:
        return subscribe_to(customer, plan, at)
    quote = change_quote(customer, plan, at)
    return quote, change_plan(quote=quote, at=at + timedelta(minutes=1), actor=None)


def issue_announced(customer, at):
    waiting = Invoice.objects.filter(customer=customer, status="draft", billing_on__lte=at.date())
    finalize_invoices(invoice_ids=[draft.pk for draft in waiting], at=at)


def settle_up(customer, at):
    """Everything announced by now is issued, and everything issued is paid."""
    drafts = list(calculate_all(at))
    finalize_invoices(invoice_ids=[draft.pk for draft in drafts if draft.billing_on <= at.date()], at=at)
    issue_announced(customer, at)
    for invoice in Invoice.objects.filter(customer=customer, status="open"):
        if invoice.amount_due > 0 and not invoice.is_credit_note:
            pay(invoice, at)


@pytest.mark.parametrize("seed", range(20))
def test_over_any_changes_of_plan_late_usage_and_corrections_too(customer, catalogue, seller, at, seed):
    random = Random(seed)  # noqa: S311 - dates and quantities, not secrets
    plans = [
        catalogue.free,
        catalogue.plus,
        new_plan("pro", cards=[tokens_card("0.0013")], at=at),
        new_plan("early", timing="in_advance", fee=3_333, cards=[tokens_card("0.0007")], at=at),
        new_plan("dearer", timing="in_advance", fee=15_001, at=at),
    ]
    now = FIRST + timedelta(seconds=random.randrange(86_400 * 400))
    update_billing_profile(customer_id=customer.pk, values={"country": random.choice(["FR", "US"])}, at=now, actor=None)
    go_plus(customer, catalogue, now)
    born = now
    for _ in range(6):
        now += timedelta(seconds=random.randrange(86_400 * 25))
        for _ in range(random.randrange(4)):
            time = born + (now - born) * random.random()  # most of it late
            send(customer, time, tokens=random.randrange(10**7), received=now)
        settle_up(customer, now)

        shown, done = one_change(customer, plans, random, now)

        billed = done.invoice
        assert (billed.total if billed else 0) == shown.total
        assert (
            [line.amount for line in billed.lines.all()] == [row["amount"] for row in shown.lines] if billed else True
        )
        settle_up(customer, now + timedelta(minutes=2))
        now += timedelta(minutes=2)
    assert list(books.check()) == []


@pytest.mark.parametrize("seed", range(6))
def test_the_upcoming_invoice_is_what_is_calculated(customer, catalogue, seller, seed):
    random = Random(seed)  # noqa: S311 - dates and quantities, not secrets
    starts_at = FIRST + timedelta(seconds=random.randrange(86_400 * 400))
    spell = go_plus(customer, catalogue, starts_at)
    assert spell.calculate_at is not None
    for _ in range(4):
        time = starts_at + (spell.calculate_at - starts_at) * random.random()
        send(customer, time, requests=random.randrange(9), tokens=random.randrange(10**9))

    shown = upcoming_invoice(running(customer, spell.calculate_at))
    [invoice] = calculate_all(spell.calculate_at + timedelta(hours=1))

    assert [(line.key, line.detail, line.amount) for line in (*shown.owed, *shown.counting)] == [
        (line.key, line.detail, line.amount) for line in invoice.lines.all()
    ]
    assert shown.totals.total == invoice.total
