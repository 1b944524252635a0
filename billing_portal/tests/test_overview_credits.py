"""What «Billing and Usage» shows of credit, in every state."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from billing_portal.billing_run import run_billing
from billing_portal.tests.people import on_plus
from billing_portal.tests.sums import adrift
from billing_portal.tests.test_overview import text
from core import clock
from core.periods import Period
from credits.grants import GrantDraft
from credits.models import CreditCharge
from credits.services.grant_credits import grant_credits
from invoices.hand_charges import HandCharge
from invoices.models import Invoice
from invoices.services.add_charge import add_charge
from plans.models import ChangeQuote, QuoteKind
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.settle_usage import settle_usage
from plans.tests.conftest import send, tokens_card
from plans.tests.test_credits_only import FEE, subscribed
from plans.tests.test_settle_usage import HOUR, MINUTE, credits_plan, grant
from plans.tests.test_start import DETAILS

URL = "/settings/billing/"


@pytest.fixture
def plan(catalogue, seller, at):
    return credits_plan(at)


def visit(log_in, user, now, url=URL):
    with clock.travel_to(now):
        return text(log_in(user).get(url))


def test_a_credits_only_plan_has_a_balance_and_asks_for_no_card(customer, alice, plan, at, log_in):
    grant(customer, 10_000, at)
    subscribed(customer, plan, at)
    send(customer, at + MINUTE, tokens=12_340)
    settle_usage(customer_ids=[customer.pk], at=at + 2 * HOUR)

    page = visit(log_in, alice, at + 2 * HOUR)

    for part in ("Credits only", "Charges are settled with credits. No invoices.", "$12.34 of credits used", "$87.66"):
        assert part in page, part
    for part in ("payment method", "Upcoming invoice", "You are not billed at sign-up", "Visa", "days left"):
        assert part not in page, part


def test_the_runway_is_told_once_there_is_enough_to_tell(customer, alice, plan, at, log_in):
    grant(customer, 10_000, at)
    subscribed(customer, plan, at)
    for day in range(5):
        send(customer, at + timedelta(days=day), tokens=4_000)
    now = at + timedelta(days=5, hours=1)
    settle_usage(customer_ids=[customer.pk], at=now)

    assert "≈ 20 days left at this rate" in visit(log_in, alice, now)


def test_low_credit_is_a_warning_and_says_whom_to_ask(customer, alice, plan, at, log_in):
    grant(customer, 1_000, at)
    subscribed(customer, plan, at)
    send(customer, at, tokens=8_500)
    settle_usage(customer_ids=[customer.pk], at=at + HOUR)

    page = visit(log_in, alice, at + HOUR)
    assert "Your credits are running low: $1.50 left." in page
    assert "Ask for credits" in page
    assert reverse("credits_buy") in page


def test_a_negative_balance_says_what_happens_next(customer, alice, plan, at, log_in):
    grant(customer, 1_000, at)
    subscribed(customer, plan, at)
    send(customer, at, tokens=22_340)
    settle_usage(customer_ids=[customer.pk], at=at + HOUR)

    page = visit(log_in, alice, at + HOUR)
    assert "Overdrawn" in page
    assert 'Your credit balance is <span class="num">−$12.34</span>. Usage continues;' in page
    assert "the next grant first covers this amount." in page


CHARGE = Period(date(2026, 10, 20), date(2026, 10, 21))


def test_what_is_invoiced_beside_credits_takes_nothing_of_the_panel_away(customer, alice, plan, at, log_in):
    grant(customer, 10_000, at)
    euros = GrantDraft(
        key="euros", customer_id=customer.pk, currency="EUR", amount=2_500, funding="promotional", name="Euros"
    )
    grant_credits(grant=euros, at=at, actor=None)
    subscribed(customer, plan, at)
    workshop = HandCharge("k1", customer.pk, "Workshop", "USD", 5_000, CHARGE)
    add_charge(charge=workshop, at=at, reason="Agreed")
    send(customer, at + MINUTE, tokens=12_340)
    settle_usage(customer_ids=[customer.pk], at=at + 2 * HOUR)

    page = visit(log_in, alice, at + 2 * HOUR)

    for part in (
        "Charges are settled with credits. When",
        "$12.34 of credits used",
        "$87.66",
        "Available now in EUR",
        "€25.00",
        reverse("credits_buy"),
        "Next payment",
        "Workshop",
        "Billed <time",
        "$12.34 so far on 20 Oct 2026",
    ):
        assert part in page, part
    for part in (
        "Add a payment method",
        "work yet",
        "No invoices.",
        "You are not billed",
        "Still counting",
        "Not enough",
    ):
        assert part not in page, part
    assert adrift(page) == []


def test_an_open_invoice_of_the_plan_before_stands_beside_the_credits(customer, alice, catalogue, plan, at, log_in):
    on_plus(customer, alice, catalogue, at)
    customer.payment_methods.update(is_default=False, deleted_at=at)
    later = at + timedelta(days=10)
    quote = make_quote(customer=customer, kind=QuoteKind.CHANGE, plan=plan, at=later, actor=alice)
    change_plan(quote=quote, at=later, actor=alice)

    page = visit(log_in, alice, later + HOUR)
    invoice = Invoice.objects.get()
    for part in ("Next payment", f"{invoice.number}</a>: <strong>$15.81", "Charges are settled with credits. When"):
        assert part in page, part
    for part in ("No invoices.", "So far", "Your credits are used up", "Nothing to pay"):
        assert part not in page, part
    assert "You have no credits yet. Usage continues, and the balance goes negative." in page

    page = visit(log_in, alice, later + timedelta(days=20))
    assert "Past due</span>" in page
    assert f'Overdue from <a href="{reverse("invoice", args=[invoice.public_id])}">' in page


def test_a_fee_that_credit_alone_pays_is_on_no_invoice(customer, alice, catalogue, seller, at, log_in):
    fee = {"key": "base-fee", "name": "Monthly fee", "model": "flat", "amount": 3_000}
    grant(customer, 10_000, at)
    subscribed(customer, credits_plan(at, cards=(fee,)), at)
    add_charge(charge=HandCharge("k1", customer.pk, "Workshop", "USD", 5_000, CHARGE), at=at, reason="Agreed")

    page = visit(log_in, alice, at + HOUR)

    assert "Monthly fee: $30.00 on <time" in page
    assert adrift(page) == []
    assert "Monthly fee</th>" not in page


def test_credits_then_invoice_shows_what_credit_pays_and_what_is_left(customer, alice, catalogue, seller, at, log_in):
    on_plus(customer, alice, catalogue, at)
    grant(customer, 4_000, at)

    page = visit(log_in, alice, at + HOUR)
    assert "Paid with credits" in page
    assert "−$40.00" in page
    assert "Remainder on card" in page
    assert "$9.00" in page


def test_the_upcoming_invoice_with_credits_is_the_invoice(customer, alice, catalogue, seller, at, log_in):
    on_plus(customer, alice, catalogue, at)
    grant(customer, 4_000, at)
    send(customer, at + HOUR, tokens=3_000_000)
    before = datetime(2026, 11, 16, 23, tzinfo=UTC)
    assert "$15.00" in visit(log_in, alice, before)

    after = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
    run_billing(at=after)
    page = visit(log_in, alice, after)
    assert "Remainder on card" in page
    assert "$15.00" in page


def test_a_charge_to_credit_is_explained_to_its_events(customer, alice, charlie, plan, at, log_in):
    grant(customer, 1_000, at)
    subscribed(customer, plan, at)
    send(customer, at, tokens=12_000)
    settle_usage(customer_ids=[customer.pk], at=at + HOUR)
    charge = CreditCharge.objects.get()
    url = reverse("billing_explain", args=[charge.key])

    page = visit(log_in, alice, at + HOUR, url)
    for part in ("AI tokens, explained", "$12.00", "Paid with credits", "welcome", "$10.00", "Overdrawn", "$2.00"):
        assert part in page, part
    assert "This sum does not give" not in page
    with clock.travel_to(at + HOUR):
        events = log_in(alice).get(reverse("billing_explain_events", args=[charge.key]))
        assert b"12000" in b"".join(events.streaming_content)
        assert log_in(charlie).get(url).status_code == 404


def test_plan_pages_say_that_charges_move(customer, alice, catalogue, plan, seller, at, log_in):
    on_plus(customer, alice, catalogue, at)
    page = visit(log_in, alice, at + HOUR, reverse("plan_upgrade", args=[plan.key]))
    assert "From now on charges are settled with credits. No invoices, no card." in page
    assert "No payment method is needed" in page


def test_leaving_a_credits_only_plan_shows_what_goes_to_credit(customer, alice, plan, at, log_in):
    grant(customer, 1_000, at)
    subscribed(customer, plan, at)
    send(customer, at + MINUTE, tokens=3_000)
    page = visit(log_in, alice, at + 30 * MINUTE, reverse("plan_cancel"))
    for part in (
        "No invoice.</strong> Your balance after: $7.00.",
        "Charged to credits",
        "$3.00",
        "is charged to your credits, too",
    ):
        assert part in page, part
    for part in ("Final invoice", "Nothing to pay.", "an invoice of its own", "Your credits, as they are"):
        assert part not in page, part


def test_subscribing_to_credits_speaks_of_no_bill(customer, alice, catalogue, seller, at, log_in):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    plan = credits_plan(at, cards=({**FEE, "timing": "in_advance"}, tokens_card("1.00")))
    page = visit(log_in, alice, at + HOUR, reverse("plan_upgrade", args=[plan.key]))
    assert "Every hour of usage is charged to your credits once it has ended, and every fee on its day." in page
    assert '<dt>Next monthly fee</dt><dd><time datetime="2026-11-20">' in page
    assert not any(part in page for part in ("billed monthly", "First billing date", "First charges calculated"))

    quote = ChangeQuote.objects.latest("pk")
    with clock.travel_to(at + HOUR):
        done = log_in(alice).post(
            reverse("plan_upgrade", args=[plan.key]), {**DETAILS, "quote": quote.public_id}, follow=True
        )
    assert f"{plan.title}. Nothing is due today." in done.text
    assert "First bill" not in done.text


def test_tiles_say_how_charges_would_be_settled(customer, alice, catalogue, plan, seller, at, log_in):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    to_credits = "Charges would be settled with credits: no invoices, no card."
    to_invoices = "Charges would move from credits to invoices: credits pay first, an invoice takes the rest."
    page = visit(log_in, alice, at + HOUR, reverse("plan_change"))
    assert (page.count(to_credits), page.count(to_invoices)) == (1, 0)

    subscribed(customer, plan, at + HOUR)
    page = visit(log_in, alice, at + 2 * HOUR, reverse("plan_change"))
    assert (page.count(to_credits), page.count(to_invoices)) == (0, 1)  # of Plus; Free charges nothing
