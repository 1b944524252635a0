"""What follows where an invoice stays unpaid: only after a delivered warning, once, and undone by paying."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from accounts.figures import written
from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.tests.cards import DECLINES, TIMES_OUT, add_card
from invoices.models import Invoice, OutsideMethod
from invoices.services.collect_payment import collect_payment
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import open_invoice
from invoices.tests.test_races import at_once
from plans import books_overdue
from plans.exceptions import PastDueError
from plans.models import CarriedOutConsequence, OverdueConsequence, Plan, QuoteKind
from plans.selectors import current_subscription
from plans.selectors.access import access_of
from plans.selectors.comparing import comparison
from plans.selectors.overdue import due_to_carry_out, due_to_release, standings
from plans.services.carry_out_consequences import carry_out_consequences
from plans.services.copy_plan import copy_plan
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.publish_plan import publish_plan
from plans.services.release_holds import release_holds
from plans.services.save_plan import save_plan
from plans.services.subscribe import subscribe
from plans.tests.conftest import send

DAY = timedelta(days=1)


def warned(invoice: Invoice, kind: str, at, delivered=True) -> Notice:
    """The final warning about it, as `remind_overdue` queues it."""
    return Notice.objects.create(
        key=f"invoice:{invoice.pk}:dunning:final:{kind}", customer_id=invoice.customer_id, template="payment_warning",
        to=["a@example.com"], context={"consequence": kind}, created_at=at, sent_at=at if delivered else None,
    )  # fmt: skip


def with_consequence(plan: Plan, kind: str, at) -> Plan:
    """Another version of it, with this consequence."""
    draft = copy_plan(plan_id=plan.pk, at=at, actor=None)
    save_plan(plan_id=draft.pk, values={"overdue_consequence": kind}, at=at, actor=None)
    return publish_plan(plan=Plan.objects.with_cards().get(pk=draft.pk), at=at, actor=None)


def put_on(plan: Plan, customer, alice, at, card=DECLINES) -> None:
    open_default_subscription(customer_id=customer.pk, at=at, actor=alice)
    add_card(customer, alice, at, card)
    subscribe(quote=make_quote(customer=customer, plan=plan, at=at, actor=alice), at=at, actor=alice)


@pytest.fixture
def overdue(customer, alice, catalogue, seller, at):
    """On Plus, with an invoice of long ago that is unpaid: makes them and gives the invoice."""

    def make(kind="downgrade") -> Invoice:
        plan = catalogue.plus if kind == "downgrade" else with_consequence(catalogue.plus, kind, at)
        put_on(plan, customer, alice, at)
        invoice = open_invoice(customer, 4900, at=at)
        payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
        submit_payment(payment_id=payment.pk, at=at)
        Invoice.objects.filter(pk=invoice.pk).update(collect_at=None)
        Notice.objects.filter(template="payment_failed").update(sent_at=at)
        return Invoice.objects.get(pk=invoice.pk)

    return make


def carry_out(customer, at):
    return carry_out_consequences(customer_ids=[customer.pk], at=at)


def test_it_moves_to_the_default_plan_and_sends_the_final_invoice(overdue, customer, catalogue, at):
    invoice = overdue()
    warned(invoice, "downgrade", at)
    send(customer, at + DAY, tokens=1_000_000)
    assert due_to_carry_out(standings(at + 7 * DAY - timedelta(seconds=1))) == []
    assert [due.customer_id for due in due_to_carry_out(standings(at + 7 * DAY))] == [customer.pk]
    [done] = carry_out(customer, at + 7 * DAY)
    assert (done.kind, done.overdue, done.at) == ("downgrade", invoice, at + 7 * DAY)
    assert current_subscription(customer.pk) == done.opened
    assert done.opened.plan == catalogue.free
    assert (done.invoice.collection, done.invoice.collect_at) == ("send_invoice", None)
    assert done.invoice.due_on == (at + 21 * DAY).date()
    assert list(done.invoice.lines.values_list("title", "amount")) == [("Plus monthly fee", 1106), ("AI tokens", 200)]
    assert list(books_overdue.check()) == []


def test_it_is_carried_out_once(overdue, customer, at):
    warned(overdue(), "downgrade", at)
    first = carry_out(customer, at + 8 * DAY)
    assert (len(first), carry_out(customer, at + 8 * DAY), carry_out(customer, at + 90 * DAY)) == (1, [], [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["downgrade", "hold"])
def test_two_runs_at_once_carry_it_out_once(overdue, customer, at, kind):
    warned(overdue(kind), kind, at)
    results = at_once(partial(carry_out, customer, at + 8 * DAY), partial(carry_out, customer, at + 8 * DAY))
    assert sorted(map(len, results)) == [0, 1]
    assert CarriedOutConsequence.objects.count() == 1


def test_it_tells_and_writes_down_what_it_did(overdue, customer, at):
    invoice = overdue()
    warned(invoice, "downgrade", at)
    carry_out(customer, at + 7 * DAY)
    entry = AuditEntry.objects.get(action="carry_out_consequences")
    assert (entry.subject, entry.before["plan"], entry.after["plan"]) == (f"invoice:{invoice.pk}", "plus", "free")
    context = written(Notice.objects.get(template="plan_downgraded_unpaid").context)
    assert (context["number"], context["amount"], context["plan"]) == (invoice.number, "$49.00", "Meridian Free")


@pytest.mark.parametrize(("kind", "template"), [("hold", "plan_on_hold"), ("downgrade", "plan_downgraded_unpaid")])
def test_it_tells_who_can_pay_beside_an_accountant_who_cannot(overdue, customer, alice, at, kind, template):
    BillingProfile.objects.filter(customer=customer).update(recipients=["books@example.com"])
    warned(overdue(kind), kind, at)
    carry_out(customer, at + 7 * DAY)
    for each in ("plan_subscribed", template):
        assert Notice.objects.get(template=each).to == ["books@example.com", alice.email]


@pytest.mark.parametrize("case", ["not warned", "not delivered", "of something else", "too soon", "paid", "unknown"])
def test_nothing_follows_without_reason(overdue, customer, alice, at, case):
    invoice = overdue()
    now = at + 7 * DAY
    if case != "not warned":
        warned(
            invoice,
            "hold" if case == "of something else" else "downgrade",
            at + (DAY if case == "too soon" else 0 * DAY),
            delivered=case != "not delivered",
        )
    if case == "paid":
        record_outside_payment(
            invoice_id=invoice.pk, key="t", amount=4900, received_on=at.date(), method=OutsideMethod.CHEQUE,
            reference="1", at=now, actor=alice, reason="Came",
        )  # fmt: skip
    if case == "unknown":
        add_card(customer, alice, now, TIMES_OUT, make_default=True)
        payment = collect_payment(invoice_id=invoice.pk, at=now, automatic=False)
        assert submit_payment(payment_id=payment.pk, at=now).status == "unknown"
    assert due_to_carry_out(standings(now)) == []
    assert carry_out(customer, now) == []


def test_a_hold_refuses_access_says_why_and_is_released_by_paying(overdue, customer, alice, at):
    invoice = overdue("hold")
    warned(invoice, "hold", at)
    now = at + 7 * DAY
    [hold] = carry_out(customer, now)
    assert (hold.kind, hold.opened, hold.invoice) == ("hold", None, None)
    answer = access_of(customer.pk, "api-requests", now)
    assert (answer.has_access, answer.reason) == (False, "payment_overdue")
    assert access_of(customer.pk, "nothing", now).reason == "not_in_plan"
    assert current_subscription(customer.pk).is_held
    assert release_holds(customer_ids=[customer.pk], at=now) == []
    record_outside_payment(
        invoice_id=invoice.pk, key="t", amount=4900, received_on=now.date(), method=OutsideMethod.CHEQUE,
        reference="1", at=now, actor=alice, reason="Came",
    )  # fmt: skip
    assert [due.customer_id for due in due_to_release(now)] == [customer.pk]
    assert [row.released_at for row in release_holds(customer_ids=[customer.pk], at=now)] == [now]
    assert release_holds(customer_ids=[customer.pk], at=now) == []
    assert access_of(customer.pk, "api-requests", now).has_access
    assert AuditEntry.objects.filter(action="release_holds").count() == 1
    assert Notice.objects.filter(template="plan_on_hold").count() == 1


def test_usage_that_arrives_during_a_hold_is_billed(overdue, customer, at):
    warned(overdue("hold"), "hold", at)
    carry_out(customer, at + 7 * DAY)
    send(customer, at + 8 * DAY, tokens=1_000_000)
    quote = make_quote(customer=customer, kind=QuoteKind.CANCEL, at=at + 9 * DAY, actor=None)
    assert [line["amount"] for line in quote.lines if line["title"] == "AI tokens"] == [200]


def test_a_hold_is_not_warned_of_again(overdue, customer, at):
    warned(overdue("hold"), "hold", at)
    carry_out(customer, at + 7 * DAY)
    assert (due_to_carry_out(standings(at + 60 * DAY)), carry_out(customer, at + 60 * DAY)) == ([], [])


def test_who_is_past_due_can_cancel_but_not_upgrade(overdue, customer, catalogue, alice, at):
    overdue()
    assert make_quote(customer=customer, kind=QuoteKind.CANCEL, at=at + DAY, actor=alice).kind == "cancel"
    other = Plan.objects.create(key="pro", name="Pro", currency="USD")
    publish_plan(plan=other, at=at, actor=None)
    with pytest.raises(PastDueError):
        make_quote(customer=customer, plan=other, at=at + DAY, actor=alice)


def test_the_books_say_what_was_not_warned_of(overdue, customer, at):
    notice = warned(overdue(), "downgrade", at)
    [done] = carry_out(customer, at + 7 * DAY)
    Notice.objects.filter(pk=notice.pk).update(sent_at=at + DAY)
    assert [(each.rule, each.subject) for each in books_overdue.check()] == [
        ("a consequence follows a delivered warning in time", f"invoice:{done.overdue_id}")
    ]
    Notice.objects.filter(pk=notice.pk).update(sent_at=at, context={"consequence": "hold"})
    assert [each.rule for each in books_overdue.check()] == ["a consequence was warned of"]


# --- the setting ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "values",
    [
        {"is_default": True, "overdue_consequence": "downgrade"},
        {"payment_policy": "managed_by_contract", "overdue_consequence": "hold"},
        {"overdue_consequence": "jail"},
    ],
)
def test_the_database_refuses_what_cannot_follow(db, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.create(**({"key": "x", "name": "X", "currency": "USD"} | values))


def test_a_published_version_keeps_its_consequence(catalogue):
    assert catalogue.plus.overdue_consequence == OverdueConsequence.DOWNGRADE
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.filter(pk=catalogue.plus.pk).update(overdue_consequence="none")


def test_a_new_version_says_the_same_until_it_is_changed_and_the_difference_is_shown(catalogue, at):
    draft = copy_plan(plan_id=catalogue.plus.pk, at=at, actor=None)
    assert draft.overdue_consequence == "downgrade"
    save_plan(plan_id=draft.pk, values={"overdue_consequence": "hold"}, at=at, actor=None)
    shown = comparison(Plan.objects.with_cards().get(pk=draft.pk), at).differences
    assert [(each.what, each.after) for each in shown] == [
        ("When it is not paid", "Access is refused until everything overdue is paid")
    ]
