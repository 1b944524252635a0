"""A test clock moves: the real month, instant by instant, for one customer."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from accounts.gateways import decline_message
from accounts.models import AuditEntry, ClockMove, Customer, Notice
from accounts.services.move_clock import move_clock
from accounts.services.start_clock import start_clock
from accounts.tests.cards import DECLINES, TIMES_OUT
from billing_portal import clock_run
from billing_portal.clock_story import coming, tell
from billing_portal.tests.people import on_free, on_plus
from core import clock
from core.language import override
from credits.charges import ChargeDraft
from credits.services.draw_down_credits import draw_down_credits
from credits.tests.test_pages import grant
from invoices.models import Invoice, Payment
from invoices.tests.test_races import at_once
from plans.models import CarriedOutConsequence
from plans.selectors import current_subscription
from plans.services.schedule_change import schedule_change
from plans.tests.test_consequences import put_on, with_consequence

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
CALCULATED_AT = datetime(2026, 11, 17, 1, 0, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, tzinfo=UTC)
NEAR = CALCULATED_AT - 2 * DAY  # what a story is about comes soon: a clock stands still at each midnight before


@pytest.fixture(autouse=True)
def _today(at):
    """Real time stands still: only the customer's clock moves."""
    with clock.travel_to(at):
        yield


def moved(customer, until, key="clk_1"):
    """The clock of the customer goes to that instant, and everything on the way happens."""
    customer.refresh_from_db()
    actor, shown = customer.users.get(), customer.clock_at
    move = move_clock(customer_id=customer.pk, key=key, shown=shown, until=until, at=clock.now(), actor=actor)
    move_all()
    move.refresh_from_db()
    customer.refresh_from_db()
    return move


def move_all():
    """What the task does."""
    while clock_run.move_clocks():
        pass


def texts(customer, at):
    return [event.text for chapter in reversed(tell(customer, at, clock.now()).chapters) for event in chapter.events]


@pytest.fixture
def on_clock(customer, alice, catalogue, seller, at):
    on_plus(customer, alice, catalogue, at)
    return start_clock(customer_id=customer.pk, at=NEAR, actor=alice)


def test_a_month_is_calculated_billed_and_paid_each_at_its_own_instant(on_clock, at):
    move = moved(on_clock, BILLED_AT + DAY)
    assert (move.stopped, on_clock.clock_at) == ("", BILLED_AT + DAY)
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.calculated_at, invoice.finalized_at) == ("paid", CALCULATED_AT, BILLED_AT)
    payment = Payment.objects.get()
    assert (payment.status, payment.created_at, payment.settled_at) == ("succeeded", BILLED_AT, BILLED_AT)
    sent = dict(Notice.objects.filter(customer=on_clock).values_list("template", "sent_at"))
    assert (sent["invoice_announced"], sent["payment_receipt"]) == (CALCULATED_AT, BILLED_AT)
    calculated = AuditEntry.objects.get(action="calculate_charges")
    assert calculated.at == CALCULATED_AT
    told = texts(on_clock, at)
    assert told.index("Charges calculated: $49.00, to be billed on 20 Nov 2026.") < told.index(
        "Invoice INV-2026-000001 issued: $49.00."
    )
    assert any(line.startswith("$49.00 paid with Visa ending 4242. Receipt ") for line in told)
    call_command("check_books")


def test_a_declining_card_is_tried_again_dunned_and_ends_the_plan(customer, alice, catalogue, seller, at):
    put_on(with_consequence(catalogue.plus, "downgrade", at), customer, alice, at, card=DECLINES)
    start_clock(customer_id=customer.pk, at=NEAR, actor=alice)
    moved(customer, BILLED_AT + 22 * DAY)
    tries = Payment.objects.filter(automatic=True).order_by("pk").values_list("created_at", "status")
    assert list(tries) == [(BILLED_AT + day * DAY, "declined") for day in (0, 3, 5, 7)]
    ended = CarriedOutConsequence.objects.get()
    warning = Notice.objects.get(template="payment_warning")
    assert (ended.kind, ended.at) == ("downgrade", warning.sent_at + 7 * DAY)
    assert current_subscription(customer.pk).plan == catalogue.free
    told = texts(customer, at)
    reason = decline_message(Payment.objects.filter(automatic=True)[0].decline_code)
    assert f"Payment of $49.00 declined. {reason} Next try on 23 Nov 2026." in told
    assert any(line.endswith("ends, because an invoice stayed unpaid.") for line in told)
    assert any(line.startswith("Message sent: “") for line in told)
    call_command("check_books")


def test_what_comes_is_what_the_clock_stops_at(on_clock):
    waits = [(each.at, each.text) for each in coming(on_clock, NEAR)]
    assert waits == [(CALCULATED_AT, "Charges are calculated for 20 Nov 2026.")]
    moved(on_clock, CALCULATED_AT)
    first, following = coming(on_clock, CALCULATED_AT)
    assert (first.at, first.text) == (BILLED_AT, "The invoice of $49.00 is issued and charged to Visa ending 4242.")
    assert following.text == "Charges are calculated for 20 Dec 2026."


def test_usage_paid_with_credit_is_told_in_the_readers_language(customer, alice, catalogue, seller, at):
    on_free(customer, alice, at)
    grant(customer, 2_000, at)
    charge = ChargeDraft(
        key="hour:1",
        group="window",
        customer_id=customer.pk,
        currency="USD",
        feature_key="api-requests",
        amount=300,
        booked_at=at,
        may_overdraw=False,
        is_final=True,
        title="API requests (late usage)",
    )
    draw_down_credits(charges=[charge], at=at)
    assert "$3.00 of credit used for API requests (late usage)." in texts(customer, at)
    with override("de"):
        assert "3,00\xa0$ Guthaben verbraucht für API requests (verspäteter Verbrauch)." in texts(customer, at)


def test_credit_expires_and_is_warned_about_on_its_days(customer, alice, catalogue, seller, at):
    on_free(customer, alice, at)
    expires_at = at + timedelta(days=60, hours=3)
    early = expires_at - 32 * DAY
    start_clock(customer_id=customer.pk, at=early, actor=alice)
    grant(customer, 2_000, at, expires_at=expires_at)
    assert coming(customer, at)[0] == (expires_at, "$20.00 of credit expires, unless it is used before: Welcome.")
    moved(customer, early + DAY)
    assert not Notice.objects.filter(template="credits_expiring").exists()
    moved(customer, expires_at, key="clk_2")
    told = Notice.objects.filter(template="credits_expiring").order_by("sent_at")
    assert [each.sent_at.date() for each in told] == [(expires_at - days * DAY).date() + DAY for days in (30, 7)]
    assert "$20.00 of credit expired: Welcome." in texts(customer, at)
    call_command("check_books")


def test_a_plan_changes_at_its_scheduled_instant(on_clock, catalogue):
    schedule_change(
        customer_id=on_clock.pk, plan=catalogue.free, when=NEAR.date() + DAY, at=NEAR, actor=None, reason="Agreed"
    )
    moved(on_clock, NEAR + 3 * DAY)
    spell = current_subscription(on_clock.pk)
    assert (spell.plan, spell.starts_at.date()) == (catalogue.free, NEAR.date() + DAY)


def test_a_killed_worker_leaves_a_move_that_the_next_one_finishes(on_clock, at, monkeypatch):
    collect = clock_run.bill_and_collect

    def is_killed(**values):
        collect(**values)
        if values["at"] == CALCULATED_AT:
            raise KeyboardInterrupt

    monkeypatch.setattr(clock_run, "bill_and_collect", is_killed)
    with pytest.raises(KeyboardInterrupt):
        moved(on_clock, BILLED_AT + DAY)
    monkeypatch.undo()
    on_clock.refresh_from_db()
    assert on_clock.clock_at == CALCULATED_AT
    move_all()
    on_clock.refresh_from_db()
    assert on_clock.clock_at == CALCULATED_AT  # as long as the first one may still be at it
    with clock.travel_to(at + timedelta(minutes=2)):
        move_all()
    assert Notice.objects.get(template="invoice_announced").sent_at == CALCULATED_AT
    assert Invoice.objects.get().status == "paid"
    call_command("check_books")


def test_two_workers_move_a_clock_once(on_clock, alice, at):
    move_clock(customer_id=on_clock.pk, key="k", shown=NEAR, until=BILLED_AT, at=at, actor=alice)

    assert at_once(move_all, move_all) == [None, None]
    assert ClockMove.objects.get().ended_at == at
    assert Payment.objects.get().status == "succeeded"
    call_command("check_books")


def test_a_long_move_takes_turns_with_others(on_clock, other_customer, alice, charlie, at):
    start_clock(customer_id=other_customer.pk, at=NEAR, actor=charlie)
    for each, user in ((on_clock, alice), (other_customer, charlie)):
        move_clock(customer_id=each.pk, key="k", shown=NEAR, until=NEAR + 9 * DAY, at=at, actor=user)
    for turn in range(2):
        with clock.travel_to(at + timedelta(seconds=1 + turn)):
            assert clock_run.move_clocks(turn=timedelta(0)) is True
    assert list(ClockMove.objects.values_list("stops", flat=True)) == [1, 1]


def test_in_a_request_it_does_what_fits_and_leaves_the_rest(on_clock, alice, at):
    move = move_clock(customer_id=on_clock.pk, key="k", shown=NEAR, until=BILLED_AT, at=at, actor=alice)
    assert clock_run.begin(move.pk, patience=timedelta(0)) is False
    on_clock.refresh_from_db()
    assert on_clock.clock_at == NEAR.replace(hour=0) + DAY  # one stop, to the next midnight
    assert clock_run.begin(move.pk, patience=timedelta(minutes=9)) is True
    assert Invoice.objects.get().status == "paid"


def test_it_stops_where_a_run_fails_and_says_so(on_clock):
    Customer.objects.filter(pk=on_clock.pk).update(currency="EUR")  # a draft in dollars is refused
    move = moved(on_clock, BILLED_AT)
    assert (move.stopped, on_clock.clock_at) == ("A run failed for this customer.", CALCULATED_AT)
    assert "CurrencyError" in on_clock.parked_reason


def test_nobody_elses_month_moves(on_clock, other_customer, charlie, catalogue, at):
    on_plus(other_customer, charlie, catalogue, at)
    moved(on_clock, BILLED_AT)
    assert set(Invoice.objects.values_list("customer_id", flat=True)) == {on_clock.pk}


def test_a_payment_without_an_answer_is_asked_about_by_the_customers_clock(customer, alice, catalogue, seller, at):
    on_plus(customer, alice, catalogue, at, card=TIMES_OUT)
    start_clock(customer_id=customer.pk, at=NEAR, actor=alice)
    moved(customer, BILLED_AT)
    payment = Payment.objects.get()
    assert (payment.status, payment.check_at) == ("unknown", BILLED_AT + timedelta(minutes=1))
    assert coming(customer, BILLED_AT)[0].text == "We ask the card processor what became of a payment."
    with override("de"):
        assert coming(customer, BILLED_AT)[0].text.startswith("Wir fragen den Zahlungsdienst")
    moved(customer, BILLED_AT + timedelta(hours=2), key="clk_2")
    payment.refresh_from_db()
    assert payment.settled_at is None or payment.settled_at > BILLED_AT
    assert payment.checks >= 1
