"""The monthly run as a whole: what is due, in order, once, whatever goes wrong for one customer."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import AuditEntry, Notice
from billing_portal import billing_run
from billing_portal.tasks import change_plans
from billing_portal.tests.people import on_plus
from core import clock
from credits.models import LedgerTransaction
from credits.tests.test_pages import grant
from invoices.models import Invoice, Payment
from plans.models import MoveTime
from plans.selectors import current_subscription
from plans.selectors.migrating import changes_of, progress_of
from plans.services.copy_plan import copy_plan
from plans.services.migrate_subscriptions import migrate_subscriptions
from plans.services.publish_plan import publish_plan
from plans.services.schedule_change import schedule_change
from usage.services.ingest_events import ingest_events

CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def run(at):
    with clock.travel_to(at):
        return billing_run.run_billing(at=at)


@pytest.mark.django_db(transaction=True)
def test_it_calculates_three_days_before_and_charges_what_it_announced(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    assert run(datetime(2026, 11, 17, 0, 30, tzinfo=UTC)).calculated == 0  # the grace is not over
    assert run(CALCULATED_AT).calculated == 1
    draft = Invoice.objects.get()
    assert (draft.status, draft.number, draft.total) == ("draft", None, 4900)
    assert Notice.objects.filter(template="invoice_announced", sent_at__isnull=False).count() == 1
    assert run(BILLED_AT - timedelta(hours=1)).finalized == 0
    report = run(BILLED_AT)
    assert (report.finalized, report.collected, report.documents) == (1, 1, 2)
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.number, invoice.total) == ("paid", "INV-2026-000001", 4900)


@pytest.mark.django_db(transaction=True)
def test_doing_it_twice_bills_once(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    run(CALCULATED_AT)
    run(BILLED_AT)
    before = (Invoice.objects.count(), Payment.objects.count(), AuditEntry.objects.count(), Notice.objects.count())
    again = run(BILLED_AT)
    assert (again.calculated, again.finalized, again.collected, again.documents, again.notices) == (0, 0, 0, 0, 0)
    after = (Invoice.objects.count(), Payment.objects.count(), AuditEntry.objects.count(), Notice.objects.count())
    assert after == before


CHANGES = {  # the day before, on and after the billing date → the documents, whenever the run comes
    date(2026, 11, 19): [(date(2026, 11, 19), 4_742)],
    date(2026, 11, 20): [(date(2026, 11, 20), 4_900)],
    date(2026, 11, 21): [(date(2026, 11, 20), 4_900), (date(2026, 11, 21), 163)],
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("on", CHANGES)
@pytest.mark.parametrize("away", [0, 1, 3])
def test_a_run_that_was_away_makes_the_documents_it_would_have_made(customer, alice, seller, catalogue, at, on, away):
    on_plus(customer, alice, catalogue, at)
    decided_at = CALCULATED_AT - DAY
    schedule_change(
        customer_id=customer.pk, plan=catalogue.free, when=on, at=decided_at, actor=None, reason="Agreed by phone"
    )

    for day in (0, 2, 3, 4)[away:]:  # without the paper, of which nothing is asked here
        present = CALCULATED_AT + day * DAY
        with clock.travel_to(present):
            billing_run.bill_and_collect(at=present, report=billing_run.RunReport(at=""))

    issued = Invoice.objects.filter(number__isnull=False).order_by("billing_on")
    assert list(issued.values_list("billing_on", "total")) == CHANGES[on]
    assert current_subscription(customer.pk).plan == catalogue.free


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_bill_once(customer, alice, other_customer, charlie, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    on_plus(other_customer, charlie, catalogue, at)

    def work(_):
        try:
            return [billing_run.run_billing(at=when) for when in (CALCULATED_AT, BILLED_AT)]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        reports = [report for pair in pool.map(work, range(2)) for report in pair]
    assert not any(report.parked for report in reports)
    assert sorted(Invoice.objects.values_list("number", flat=True)) == ["INV-2026-000001", "INV-2026-000002"]
    assert list(Payment.objects.values_list("status", flat=True)) == ["succeeded", "succeeded"]
    call_command("check_books")


@pytest.mark.django_db(transaction=True)
def test_a_failing_customer_is_parked_and_the_others_are_billed(
    customer, alice, other_customer, charlie, seller, catalogue, at
):
    on_plus(customer, alice, catalogue, at)
    on_plus(other_customer, charlie, catalogue, at)
    customer.currency = "EUR"  # billed in euros once: a draft in dollars is refused
    customer.save()
    report = run(CALCULATED_AT)
    assert (report.calculated, report.parked) == (1, [f"customer:{customer.pk}"])
    customer.refresh_from_db()
    assert customer.parked_at == CALCULATED_AT
    assert "CurrencyError" in customer.parked_reason
    assert Invoice.objects.get().customer_id == other_customer.pk
    assert run(CALCULATED_AT).parked == []  # parked customers wait for staff


@pytest.mark.django_db(transaction=True)
def test_after_months_of_downtime_it_catches_up_period_by_period(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    late = datetime(2027, 1, 5, 12, 0, tzinfo=UTC)
    report = run(late)
    assert (report.calculated, report.finalized, report.collected) == (2, 2, 0)
    numbers = Invoice.objects.order_by("billing_on").values_list("number", "period_start__month", "issued_on")
    assert list(numbers) == [("INV-2027-000001", 10, late.date()), ("INV-2027-000002", 11, late.date())]
    assert run(late + timedelta(hours=23)).collected == 0  # told today, charged no earlier than tomorrow
    assert run(late + timedelta(hours=25)).collected == 2


@pytest.mark.django_db(transaction=True)
def test_a_customer_with_their_own_clock_is_billed_by_it(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    customer.clock_at = CALCULATED_AT
    customer.save()
    assert run(at).calculated == 1
    assert Invoice.objects.get().calculated_at == CALCULATED_AT


@pytest.mark.django_db(transaction=True)
def test_credit_is_booked_as_expired_by_the_run(customer, alice, other_customer, catalogue, at):
    """Of several grants of several customers: their numbers are not those of the customers."""
    for each in (other_customer, customer):
        for number in range(3):
            grant(each, 2_000, at, key=f"g{each.pk}-{number}", expires_at=at + 2 * DAY)
    billing_run.settle_due(at=at + 3 * DAY, report=billing_run.RunReport(at=at.isoformat()))
    rows = LedgerTransaction.objects.filter(kind="expired").values_list("customer_id", "amount", "booked_at")
    assert sorted(rows) == sorted((each.pk, -2_000, at + 2 * DAY) for each in (other_customer, customer) for _ in "123")


def test_a_dry_run_tells_and_writes_nothing(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    notices = Notice.objects.count()
    out = StringIO()
    call_command("run_billing", "--at", "2026-11-20T00:05Z", "--dry-run", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert (report["calculated"], report["finalized"]) == (1, 1)
    assert not Invoice.objects.exists()
    assert Notice.objects.count() == notices


@pytest.mark.django_db
def test_it_refuses_an_instant_it_cannot_read():
    with pytest.raises(CommandError, match="ISO 8601"):
        call_command("run_billing", "--at", "next Tuesday")


@pytest.mark.django_db(transaction=True)
def test_usage_of_the_window_is_billed_to_the_instant(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    from_edge = [CALCULATED_AT.replace(hour=0, minute=0) + timedelta(microseconds=shift) for shift in (-1, 0)]
    for instant in from_edge:
        send_one_call(customer, instant)
    run(CALCULATED_AT)
    line = Invoice.objects.get().lines.get(kind="usage")
    assert line.quantity == 1_000_000
    assert line.amount == 200


def send_one_call(customer, instant):
    event = {
        "specversion": "1.0",
        "id": instant.isoformat(),
        "source": "test",
        "type": "ai.tokens",
        "subject": customer.key,
        "time": instant.isoformat(),
        "data": {"context": 0, "generated": 1_000_000, "tokens": 1_000_000},
    }
    assert ingest_events(events=[event], token_customer_id=None, at=CALCULATED_AT).accepted == 1


@pytest.mark.django_db(transaction=True)
def test_each_minute_it_goes_on_with_migrations_and_parks_who_fails(
    customer, other_customer, alice, charlie, seller, catalogue, at, monkeypatch
):
    for each, user in ((customer, alice), (other_customer, charlie)):
        on_plus(each, user, catalogue, at)
    second = publish_plan(plan=copy_plan(plan_id=catalogue.plus.pk, at=at, actor=None), at=at, actor=None)
    when = MoveTime("now")
    migration = migrate_subscriptions(key="mig_1", plan_id=second.pk, when=when, reason="New", at=at + DAY, actor=None)
    carry_out = billing_run.carry_out_changes

    def fails_for_one(*, change_ids, at):
        if customer.pk in [change.customer_id for change in changes_of(migration).filter(pk__in=change_ids)]:
            raise ValueError("a broken row")
        return carry_out(change_ids=change_ids, at=at)

    monkeypatch.setattr(billing_run, "carry_out_changes", fails_for_one)
    with clock.travel_to(at + DAY):
        change_plans()
    assert {state: count for state, _words, count in progress_of(migration).counts if count} == {
        "moved": 1,
        "failed": 1,
    }
    customer.refresh_from_db()
    assert customer.parked_reason == "ValueError: a broken row"


@pytest.mark.django_db
def test_who_is_overdue_is_read_once_for_consequences_and_reminders(django_assert_num_queries):
    with django_assert_num_queries(1):
        billing_run.dun_due(at=BILLED_AT, report=billing_run.RunReport(at=BILLED_AT.isoformat()))
