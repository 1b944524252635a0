"""Our books against the processor's journal: every difference is named, and nothing that agrees."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection

from accounts.gateways.base import GatewayTimeoutError, Outcome
from accounts.gateways.sandbox import SandboxGateway
from accounts.tests.cards import LOSES_ANSWER, VISA, add_card
from core.clock import travel_to
from invoices import reconciling
from invoices.models import Payment, Refund
from invoices.services.collect_payment import collect_payment
from invoices.services.find_late_successes import find_late_successes
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.tests.cast import open_invoice, paid_with
from invoices.tests.late import succeeds_after_all, tried, waiting

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def invoice(seller, customer, at):
    return open_invoice(customer, 4900, at=at)


@pytest.fixture(autouse=True)
def _then(at):
    with travel_to(at):
        yield


def found(at, *, full=False):
    """(subject, detail) of the findings, notes left out."""
    return [(row.subject, row.detail) for row in reconciling.check(at, full=full) if not row.is_note]


def notes(at):
    return [(row.subject, row.detail) for row in reconciling.check(at) if row.is_note]


def sql(statement, *values):
    """As nobody may: past the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = DEFAULT")


def refunded(invoice, at):
    payment = tried(invoice, at, VISA)
    open_invoice(invoice.customer, -900, at=at)
    reconcile_refunds(at=at)
    return payment, Refund.objects.get()


def test_books_that_agree_have_no_difference(invoice, at):
    refunded(invoice, at)
    tried(open_invoice(invoice.customer, 700, at=at), at)
    waiting(open_invoice(invoice.customer, 800, at=at), at)
    tried(open_invoice(invoice.customer, 900, at=at), at, LOSES_ANSWER)
    assert list(reconciling.check(at)) == []
    assert list(reconciling.check(at, full=True)) == []


def test_where_nobody_has_a_card_no_processor_is_asked(invoice, at, monkeypatch):
    monkeypatch.setattr(SandboxGateway, "journal", lambda *_, **__: 1 / 0)
    assert found(at) == []


# --- theirs in ours ---------------------------------------------------------------------------------------------------
def test_it_names_what_was_charged_there_and_given_up_here(invoice, processor, at):
    payment = tried(invoice, at)
    succeeds_after_all(processor, payment)
    assert found(at) == [(f"payment:{payment.pk}", "declined here, $49.00 charged there")]


def charged_elsewhere(processor, **values):
    """Another intent, like the first one there, that was charged and that nobody here committed."""
    like = {name: value for name, value in processor.objects("payment_intent")[0].items() if name != "id"}
    other = processor.store.add("pi", "payment_intent", {**like, "status": "requires_confirmation", **values})
    succeeds_after_all(processor, Payment(gateway_id=other["id"]))
    return other["id"]


def test_it_names_what_was_charged_there_without_a_payment(invoice, processor, at):
    """As after a restore of an older database."""
    tried(invoice, at, VISA)
    intent = charged_elsewhere(processor, metadata={"key": "invoice:999:payment:1"})
    said = "$49.00 on 20 Oct 2026, 10:00 UTC, key invoice:999:payment:1"
    assert found(at) == [(f"gateway_charge:{intent}", said)]


def test_it_names_a_second_charge_under_a_key_of_ours(invoice, processor, at):
    payment = tried(invoice, at, VISA)
    intent = charged_elsewhere(processor)
    [(subject, detail)] = found(at)
    assert subject == f"gateway_charge:{intent}"
    assert f"payment:{payment.pk}" in detail


def test_a_charge_of_somebody_else_on_the_account_is_only_noted(invoice, processor, at):
    tried(invoice, at, VISA)
    intent = charged_elsewhere(processor, metadata={})
    assert (found(at), [subject for subject, _ in notes(at)]) == ([], [f"gateway_charge:{intent}"])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"amount": 4800}, "$49.00 here, $48.00 there"),
        ({"currency": "eur"}, "$49.00 here, €49.00 there"),
        ({"status": "canceled"}, "succeeded here, canceled there"),
    ],
)
def test_it_names_a_charge_that_is_another_there(invoice, processor, at, values, said):
    payment = tried(invoice, at, VISA)
    processor.change(payment.gateway_id, **values)
    assert found(at) == [(f"payment:{payment.pk}", said)]


@pytest.mark.parametrize(
    ("values", "said"),
    [({"amount": 800}, "$9.00 here, $8.00 there"), ({"status": "failed"}, "succeeded here, declined there")],
)
def test_it_names_a_refund_that_is_another_there(invoice, processor, at, values, said):
    _payment, refund = refunded(invoice, at)
    processor.change(processor.objects("refund")[0]["id"], **values)
    assert found(at) == [(f"refund:{refund.pk}", said)]


def test_it_names_a_refund_that_nobody_here_asked_for(invoice, processor, at):
    _payment, refund = refunded(invoice, at)
    made = processor.objects("refund")[0]
    processor.change(made["id"], metadata={})
    subjects = [subject for subject, _ in found(at)]
    assert subjects == [f"gateway_refund:{made['id']}", f"refund:{refund.pk}"]


# --- ours in theirs ---------------------------------------------------------------------------------------------------
def test_it_names_what_was_charged_here_alone(invoice, processor, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    sql("UPDATE invoices_payment SET status = 'succeeded', receipt_number = 'RCP-1', gateway_id = 'pi_no' WHERE true")
    subjects = [subject for subject, _ in found(at)]
    assert subjects == [f"gateway_charge:{payment.gateway_id}", f"payment:{payment.pk}"]


def test_what_the_window_of_the_journal_just_missed_is_asked_for(invoice, processor, at, monkeypatch):
    refunded(invoice, at)
    monkeypatch.setattr(SandboxGateway, "journal", lambda *_, **__: iter(()))
    assert found(at) == []
    monkeypatch.setattr(reconciling, "ASKED", 0)
    assert len(found(at)) == 2


def test_the_whole_history_is_compared_on_demand(invoice, processor, at):
    payment = tried(invoice, at, VISA)
    processor.change(payment.gateway_id, amount=4800)
    later = at + timedelta(days=400)
    assert found(later) == []
    assert found(later, full=True) == [(f"payment:{payment.pk}", "$49.00 here, $48.00 there")]


def test_it_reads_the_journal_a_month_at_a_time(invoice, at, monkeypatch):
    tried(invoice, at, VISA)
    asked = []
    monkeypatch.setattr(SandboxGateway, "journal", lambda _self, **window: asked.append(window) or iter(()))
    found(at + timedelta(days=100), full=True)
    assert [each["until"] - each["since"] for each in asked[:-1]] == [timedelta(days=31)] * 3
    assert all(before["until"] == after["since"] for before, after in pairwise(asked))


# --- not compared, not known ------------------------------------------------------------------------------------------
def test_a_processor_that_is_away_is_noted_and_nothing_is_called_wrong(invoice, at, monkeypatch):
    tried(invoice, at, VISA)

    def away(*args, **values):
        raise GatewayTimeoutError("read the journal: no answer")

    monkeypatch.setattr(SandboxGateway, "journal", away)
    assert found(at) == []
    assert notes(at) == [("processor:sandbox", "not compared: read the journal: no answer")]
    assert find_late_successes(at=at) == 0


def test_what_has_no_outcome_for_three_days_is_noted(invoice, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    assert notes(at + 3 * DAY) == []
    said = "unknown since 20 Oct 2026, 10:00 UTC"
    assert notes(at + 3 * DAY + MINUTE) == [(f"payment:{payment.pk}", said)]


# --- mended -----------------------------------------------------------------------------------------------------------
def test_a_late_success_whose_event_never_came_is_found_and_applied(invoice, processor, at):
    payment = tried(invoice, at)
    succeeds_after_all(processor, payment)
    assert find_late_successes(at=at + DAY) == 1
    payment.refresh_from_db()
    invoice.refresh_from_db()
    assert (payment.status, invoice.status, found(at + DAY)) == ("succeeded", "paid", [])
    assert find_late_successes(at=at + DAY) == 0


def test_one_that_is_not_needed_goes_back_and_the_books_agree(invoice, processor, at):
    payment = tried(invoice, at)
    tried(invoice, at, VISA)
    succeeds_after_all(processor, payment)
    assert find_late_successes(at=at + DAY) == 1
    reconcile_refunds(at=at + DAY)
    assert (Refund.objects.get().status, found(at + DAY)) == ("succeeded", [])


def test_one_whose_intent_was_never_committed_is_found_by_its_key(invoice, customer, alice, processor, at):
    """Killed between the intent and its commit, given up – and charged there all the same."""
    card = add_card(customer, alice, at)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False, payment_method=card)
    paid_with(payment.pk, at + MINUTE, Outcome("canceled"))
    tried(open_invoice(customer, 100, at=at), at, VISA)
    intent = charged_elsewhere(processor, metadata={"key": payment.key}, amount=4900)
    assert find_late_successes(at=at + DAY) == 1
    payment.refresh_from_db()
    assert (payment.status, payment.gateway_id, found(at + DAY)) == ("succeeded", intent, [])
