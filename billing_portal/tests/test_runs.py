"""The diary of the runs: what each did, who was parked, what it died of – and that writing it breaks nothing."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from accounts.models import AuditEntry, Customer, Notice
from billing_portal import billing_run, recording, tasks
from billing_portal.books import check_books
from billing_portal.models import Run, RunKind, Trigger
from billing_portal.recording import recorded
from billing_portal.services.run_customer_again import run_customer_again
from billing_portal.services.want_check import want_check
from billing_portal.tests.people import on_plus
from billing_portal.wanted import do_wanted
from core import clock
from core.books import Finding
from core.ids import public_id
from invoices.models import Invoice, Payment
from invoices.tests.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)


def steps(run):
    return {step["name"]: step["done"] for step in run.steps}


def again(customer, actor, at, key=None):
    return run_customer_again(
        customer_id=customer.pk, key=key or public_id("run"), reason="Currency put right", at=at, actor=actor
    )


def billed_in(customer, currency):
    Customer.objects.filter(pk=customer.pk).update(currency=currency)
    customer.refresh_from_db()
    return customer


@pytest.fixture
def stuck(customer, alice, other_customer, charlie, seller, catalogue, at):
    """`customer` was billed in euros once, so a draft in dollars is refused; the other one is fine."""
    on_plus(customer, alice, catalogue, at)
    on_plus(other_customer, charlie, catalogue, at)
    return billed_in(customer, "EUR")


def test_the_hourly_run_leaves_its_report(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    for moment in (CALCULATED_AT, BILLED_AT):
        with clock.travel_to(moment):
            tasks.run_billing()
    first, second = Run.objects.order_by("pk")
    assert (first.kind, first.trigger, first.at, first.state(CALCULATED_AT)) == (
        "billing", "schedule", CALCULATED_AT, "done",
    )  # fmt: skip
    assert steps(first)["calculated"] == 1
    assert {"finalized", "collected", "documents", "notices"} <= set(steps(second))
    assert all(step["took_ms"] >= 0 for step in second.steps)


def test_the_command_leaves_its_report_and_prints_the_same_as_ever(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    out = StringIO()
    call_command("run_billing", "--at", "2026-11-17T01:05Z", "--json", stdout=out)
    run = Run.objects.get()
    assert (run.trigger, run.at) == ("command", CALCULATED_AT)
    assert json.loads(out.getvalue())["calculated"] == steps(run)["calculated"] == 1
    assert "steps" not in json.loads(out.getvalue())


def test_a_dry_run_leaves_nothing(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    call_command("run_billing", "--at", "2026-11-20T00:05Z", "--dry-run", stdout=StringIO())
    assert not Run.objects.exists()


def test_it_names_who_was_parked_and_why(stuck):
    with pytest.raises(CommandError, match="parked"):
        call_command("run_billing", "--at", CALCULATED_AT.isoformat(), stdout=StringIO(), stderr=StringIO())
    run = Run.objects.get()
    [parked] = run.parked
    assert parked["customer"] == stuck.pk
    assert "CurrencyError" in parked["reason"]
    assert run.state(CALCULATED_AT) == "parked"


def test_a_run_that_dies_says_of_what(monkeypatch):
    def fail(**_values):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(billing_run, "bill_due", fail)
    with pytest.raises(RuntimeError):
        tasks.run_billing()
    run = Run.objects.get()
    assert (run.error, run.state(clock.now())) == ("RuntimeError: the disk is full", "failed")


def test_a_run_that_was_killed_never_ended(at):
    run = Run.objects.create(kind=RunKind.BILLING, at=at, started_at=at)
    assert run.state(at + timedelta(minutes=5)) == "running"
    assert run.state(at + timedelta(hours=3)) == "lost"


def test_the_jobs_of_each_minute_are_silent_where_nothing_happened(monkeypatch):
    for job in (tasks.collect_due, tasks.settle_credits, tasks.resolve_payments, tasks.deliver_notices):
        job()
    assert not Run.objects.exists()
    monkeypatch.setattr(billing_run, "due_to_collect", None)
    with pytest.raises(TypeError):
        tasks.collect_due()
    assert Run.objects.get().kind == "collect"


def test_the_jobs_of_each_minute_write_what_they_did(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)  # which sends a message
    tasks.deliver_notices()
    run = Run.objects.get()
    assert (run.kind, steps(run)) == ("notices", {"messages": Notice.objects.filter(sent_at__isnull=False).count()})


def test_a_diary_that_cannot_be_written_stops_no_run(customer, alice, seller, catalogue, at, monkeypatch):
    on_plus(customer, alice, catalogue, at)

    def refuse(*_args, **_values):
        raise DatabaseError("the table is locked")

    monkeypatch.setattr(Run, "save", refuse)
    with clock.travel_to(CALCULATED_AT):
        tasks.run_billing()
    assert Invoice.objects.count() == 1
    assert not Run.objects.exists()


def test_a_refused_row_leaves_the_transaction_around_it_alone(customer, at):
    with recorded(RunKind.BILLING, at=at) as (_report, run):
        run.trigger = "nobody"  # a CHECK refuses it
    assert Run.objects.get().ended_at is None
    recording.write(lambda: None)


# --- once more, for one customer --------------------------------------------------------------------------------------
def test_it_runs_every_step_for_one_customer_alone(stuck, other_customer, clerk, at):
    billing_run.run_billing(at=CALCULATED_AT)
    assert billed_in(stuck, "USD").parked_at
    run = again(stuck, clerk, BILLED_AT)
    assert do_wanted(at=BILLED_AT) == 1
    stuck.refresh_from_db()
    run.refresh_from_db()
    assert (stuck.parked_at, stuck.parked_reason) == (None, "")
    assert steps(run) == {"calculated": 1, "finalized": 1}  # issued late, so it is announced and charged tomorrow
    assert Invoice.objects.get(customer=stuck).status == "open"
    assert Invoice.objects.get(customer=other_customer).status == "draft"  # due today as well, and left alone
    assert AuditEntry.objects.get(action="unpark_customer").reason == "Currency put right"
    next_day = BILLED_AT + timedelta(days=1)
    again(stuck, clerk, next_day)
    do_wanted(at=next_day)
    assert list(Payment.objects.values_list("customer", "status")) == [(stuck.pk, "succeeded")]
    assert check_books(at=next_day, trigger=Trigger.COMMAND) == []


def test_what_fails_again_is_parked_again_with_its_new_reason(stuck, clerk):
    billing_run.run_billing(at=CALCULATED_AT)
    billed_in(stuck, "JPY")
    run = again(stuck, clerk, BILLED_AT)
    do_wanted(at=BILLED_AT)
    run.refresh_from_db()
    stuck.refresh_from_db()
    assert stuck.parked_at == BILLED_AT
    assert "JPY" in stuck.parked_reason
    assert run.parked == [{"customer": stuck.pk, "reason": stuck.parked_reason}]


def test_a_form_that_is_sent_twice_asks_once(customer, clerk, at):
    first = again(customer, clerk, at, key="run_1")
    assert again(customer, clerk, at, key="run_1") == first
    do_wanted(at=at)
    assert again(customer, clerk, at, key="run_1") == first
    assert AuditEntry.objects.filter(action="run_customer_again").get().reason == "Currency put right"


def test_while_one_waits_there_is_no_other(customer, clerk, at):
    assert again(customer, clerk, at) == again(customer, clerk, at)


def test_two_workers_do_it_once_and_two_people_ask_once(customer, clerk, at):
    asked = at_once(lambda: again(customer, clerk, at), lambda: again(customer, clerk, at))
    assert len({run.pk for run in asked}) == 1
    assert sorted(at_once(lambda: do_wanted(at=at), lambda: do_wanted(at=at))) == [0, 1]


def test_one_that_fails_does_not_hold_up_the_next(customer, clerk, at, monkeypatch):
    again(customer, clerk, at)
    want_check(key="run_2", at=at, actor=clerk)
    monkeypatch.setattr("billing_portal.wanted.bill_and_collect", None)
    assert do_wanted(at=at) == 2
    first, second = Run.objects.order_by("pk")
    assert first.error.startswith("TypeError")
    assert (second.error, second.ended_at is None) == ("", False)


# --- the check of the books -------------------------------------------------------------------------------------------
def test_the_nightly_check_keeps_its_result(db):
    tasks.check_books()
    run = Run.objects.get()
    assert (run.kind, run.trigger, run.found, run.findings) == ("books", "schedule", 0, [])
    assert set(steps(run)) == {"accounts", "usage", "credits", "invoices", "plans", "processors"}


def test_it_keeps_the_first_findings_and_counts_all(monkeypatch, at):
    rows = [Finding("rule", f"invoice:{n}", "1, not 2") for n in range(700)]
    monkeypatch.setattr("accounts.books.check", lambda: iter(rows))
    assert len(check_books(at=at, trigger=Trigger.COMMAND)) == 700
    run = Run.objects.get()
    assert (run.found, len(run.findings), run.findings[0]["subject"]) == (700, 500, "invoice:0")
    assert run.state(at) == "found"


def test_two_people_who_want_a_check_at_once_get_one(clerk, auditor, at):
    results = at_once(
        lambda: want_check(key="run_1", at=at, actor=clerk), lambda: want_check(key="run_2", at=at, actor=auditor)
    )
    assert len({run.pk for run in results}) == 1
    assert AuditEntry.objects.filter(action="want_check").count() == 1
    do_wanted(at=at)
    assert Run.objects.get().ended_at
