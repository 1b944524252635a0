"""Staff schedule changes; the run carries them out in the order of the bills."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import AuditEntry, Customer, Notice, PaymentPolicy
from invoices.due import due_to_finalize
from invoices.models import Invoice
from invoices.services.finalize_invoices import finalize_invoices
from plans import books
from plans.exceptions import AlreadySubscribedError, ChangeTooEarlyError, CurrencyMismatchError, PlanNotFoundError
from plans.models import Plan, PlanStatus, RateCard, ScheduledChange, ScheduleStatus, Subscription
from plans.selectors import current_subscription, due_for_calculation, due_to_change
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.carry_out_changes import carry_out_changes
from plans.services.copy_plan import copy_plan
from plans.services.publish_plan import publish_plan
from plans.services.schedule_change import schedule_change
from plans.tests.conftest import cancel_quote, migrate_to, new_plan, send
from plans.tests.test_calculate_charges import crowd

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
CALCULATED = datetime(2026, 11, 17, 1, tzinfo=UTC)
PERIOD_END = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def pro(catalogue, at):
    return new_plan("pro", at=at)


def schedule(customer, plan, when, at=NOON, actor=None) -> Any:
    return schedule_change(customer_id=customer.pk, plan=plan, when=when, at=at, actor=actor, reason="Agreed by phone")


def run(at) -> int:
    """As the hourly run does it: until nothing is due. How many changes were carried out."""
    changed = 0
    while True:
        calculated = [row.id for row in due_for_calculation(at)]
        calculate_charges(subscription_ids=calculated, at=at)
        finalized = [row.id for row in due_to_finalize(at)]
        finalize_invoices(invoice_ids=finalized, at=at)
        changes = [row.id for row in due_to_change(at)]
        changed += len(carry_out_changes(change_ids=changes, at=at))
        if not (calculated or finalized or changes):
            return changed


def spells(customer):
    rows = Subscription.objects.filter(customer=customer).order_by("starts_at", "pk")
    return [(spell.plan.key, spell.starts_at) for spell in rows.select_related("plan")]


def current_plan(customer):
    spell = current_subscription(customer.pk)
    assert spell is not None
    return spell.plan


def test_now_changes_at_once_and_collects_a_day_later(plus, customer, pro):
    change = schedule(customer, pro, "now")

    assert (change.status, change.opened.plan, change.opened.starts_at) == (ScheduleStatus.DONE, pro, NOON)
    [invoice] = Invoice.objects.all()
    assert (invoice.total, invoice.collect_at) == (1_739, NOON + timedelta(days=1))
    assert list(books.check()) == []


def test_the_end_of_the_period_waits_for_the_run(plus, customer, pro):
    change = schedule(customer, pro, "period_end")
    assert (change.status, change.effective_at) == (ScheduleStatus.SCHEDULED, PERIOD_END)

    run(PERIOD_END - timedelta(minutes=1))
    assert current_plan(customer).key == "plus"
    run(PERIOD_END + timedelta(minutes=1))

    assert spells(customer)[-1] == ("pro", PERIOD_END)
    assert [(invoice.total, invoice.key.split(":")[-1]) for invoice in Invoice.objects.order_by("pk")] == [
        (4_900, "2026-11-20")
    ]
    assert list(books.check()) == []


def test_what_was_announced_is_charged_and_the_last_days_usage_is_the_closing_invoice(plus, customer, pro):
    send(customer, datetime(2026, 11, 18, tzinfo=UTC), tokens=1_000_000)
    schedule(customer, pro, "period_end")

    run(CALCULATED)
    run(PERIOD_END + timedelta(hours=1))

    billed = [(invoice.key.split(":")[-1], invoice.total) for invoice in Invoice.objects.order_by("pk")]
    assert billed == [("2026-11-20", 4_900), ("closing", 200)]


def test_a_day_ahead_begins_at_its_midnight(plus, customer, pro):
    schedule(customer, pro, date(2026, 11, 8))

    run(datetime(2026, 11, 9, 3, tzinfo=UTC))

    assert spells(customer)[-1] == ("pro", datetime(2026, 11, 8, tzinfo=UTC))


def test_weeks_of_downtime_are_billed_in_order_around_it(plus, customer, pro):
    schedule(customer, pro, date(2026, 12, 1))
    late = datetime(2027, 2, 18, tzinfo=UTC)
    assert [row.id for row in due_for_calculation(late)] == [plus.pk]

    changed = run(late)

    fees = [
        (line.title, line.amount, line.detail)
        for invoice in Invoice.objects.order_by("pk")
        for line in invoice.lines.all()
    ]
    assert fees == [
        ("Plus monthly fee", 4_900, "$49.00 × 1 month"),
        ("Plus monthly fee", 1_797, "$49.00 × 11 of 30 days"),
        ("Pro monthly fee", 6_270, "$99.00 × 19 of 30 days"),
        ("Pro monthly fee", 9_900, "$99.00 × 1 month"),
        ("Pro monthly fee", 9_900, "$99.00 × 1 month"),
    ]
    assert (changed, list(books.check())) == (1, [])


def test_a_past_day_of_this_month_begins_then_and_is_billed_in_order(free, customer, catalogue):
    at = datetime(2026, 11, 25, 9, tzinfo=UTC)
    send(customer, datetime(2026, 11, 3, tzinfo=UTC), tokens=1_000_000)

    change = schedule(customer, catalogue.plus, date(2026, 11, 1), at=at)

    assert (change.opened.starts_at, change.opened.anchor_on) == (
        datetime(2026, 11, 1, tzinfo=UTC),
        date(2026, 11, 1),
    )
    [invoice] = calculate_charges(subscription_ids=[change.opened.pk], at=datetime(2026, 11, 28, 1, tzinfo=UTC))
    assert (invoice.billing_on, invoice.total) == (date(2026, 12, 1), 5_100)


@pytest.mark.parametrize("on", [date(2026, 10, 31), date(2026, 9, 1)])
def test_it_refuses_a_day_before_this_month(free, customer, catalogue, on):
    with pytest.raises(ChangeTooEarlyError):
        schedule(customer, catalogue.plus, on, at=datetime(2026, 11, 25, tzinfo=UTC))


def test_it_refuses_a_day_before_the_current_plan_or_one_that_is_issued(plus, customer, pro):
    with pytest.raises(ChangeTooEarlyError):
        schedule(customer, pro, date(2026, 10, 19))
    run(CALCULATED)
    run(PERIOD_END)
    with pytest.raises(ChangeTooEarlyError):
        schedule(customer, pro, date(2026, 11, 10), at=datetime(2026, 11, 21, tzinfo=UTC))


def test_it_refuses_the_same_plan_an_old_version_and_another_currency(plus, customer, catalogue, at):
    yen = new_plan("yen", currency="JPY", at=at)
    with pytest.raises(AlreadySubscribedError):
        schedule(customer, catalogue.plus, "now")
    with pytest.raises(CurrencyMismatchError):
        schedule(customer, yen, "now")
    Plan.objects.filter(pk=yen.pk).update(status=PlanStatus.ARCHIVED)
    yen.refresh_from_db()
    with pytest.raises(PlanNotFoundError):
        schedule(customer, yen, "now")


def test_a_plan_without_prices_is_for_customers_of_every_currency(free, customer, catalogue, at):
    schedule(customer, new_plan("yen", currency="JPY", at=at), "now")

    assert schedule(customer, catalogue.free, "now", at=NOON + timedelta(days=3)).opened.plan == catalogue.free
    assert [(invoice.currency, invoice.total) for invoice in Invoice.objects.all()] == [("JPY", 990)]


def test_the_same_wish_twice_is_one_change_and_another_one_takes_its_place(plus, customer, pro, catalogue):
    first, again = schedule(customer, pro, "period_end"), schedule(customer, pro, "period_end")
    other = schedule(customer, catalogue.free, date(2026, 11, 9))

    first.refresh_from_db()
    assert (again, first.status, other.status) == (first, ScheduleStatus.SUPERSEDED, ScheduleStatus.SCHEDULED)
    assert AuditEntry.objects.filter(action="schedule_change").count() == 2


def test_a_change_of_the_customers_own_supersedes_it(plus, customer, pro):
    change = schedule(customer, pro, "period_end")

    cancel_subscription(quote=cancel_quote(customer, NOON), at=NOON, actor=None)

    change.refresh_from_db()
    assert change.status == ScheduleStatus.SUPERSEDED
    assert due_to_change(PERIOD_END) == []


def test_it_is_carried_out_once(plus, customer, pro):
    change = schedule(customer, pro, "period_end")

    for _ in range(2):
        [done] = carry_out_changes(change_ids=[change.pk], at=PERIOD_END)

    assert done.opened is not None
    assert Subscription.objects.filter(plan=pro).count() == 1
    assert AuditEntry.objects.filter(action="carry_out_changes").count() == 1
    notice = Notice.objects.get(template="plan_changed")
    assert (notice.context["before"], notice.context["plan"]) == ("Meridian Plus", "Meridian Pro")


def test_it_does_not_come_before_its_time(plus, customer, pro):
    change = schedule(customer, pro, "period_end")

    [left] = carry_out_changes(change_ids=[change.pk], at=PERIOD_END - timedelta(seconds=1))

    assert left.status == ScheduleStatus.SCHEDULED


def test_to_free_and_to_a_contract_push_the_payment_policy_down(plus, customer, catalogue, staff):
    schedule(customer, catalogue.enterprise, "now", actor=staff)
    customer.refresh_from_db()
    assert customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT

    schedule(customer, catalogue.free, "now", at=NOON + timedelta(hours=1), actor=staff)
    customer.refresh_from_db()
    assert customer.payment_policy == PaymentPolicy.OPTIONAL
    assert AuditEntry.objects.filter(action="carry_out_changes", actor=staff).count() == 2


def test_it_goes_by_the_customers_own_clock(plus, customer, pro):
    schedule(customer, pro, date(2026, 11, 8))
    own = datetime(2026, 11, 8, 1, tzinfo=UTC)
    Customer.objects.filter(pk=customer.pk).update(clock_at=own)

    assert [row.present for row in due_to_change(NOON)] == [own]


# --- versions --------------------------------------------------------------------------------------------------------


@pytest.fixture
def second(catalogue, at):
    return second_version(at)


def second_version(at):
    """Version 2 of Plus, 10.00 dearer."""
    plan = Plan.objects.create(
        key="plus", version=2, name="Plus", currency="USD", payment_policy=PaymentPolicy.REQUIRED, position=2
    )
    RateCard.objects.create(plan=plan, key="base-fee", name="Plus monthly fee", model="flat", amount=5_900)
    return publish_plan(plan=plan, at=at, actor=None)


def migrate(when, at=NOON):
    return migrate_to(Plan.objects.get(key="plus", version=2), when, at)


def test_a_version_is_kept_until_it_is_migrated(plus, customer, second):
    run(CALCULATED)

    assert current_plan(customer).version == 1
    assert Invoice.objects.get().total == 4_900


def test_everybody_moves_at_the_end_of_the_period(catalogue, seller, at):
    ids = crowd(3, catalogue, at)
    second_version(at)
    assert migrate("period_end") == len(ids)

    run(PERIOD_END + timedelta(hours=1))

    assert set(Subscription.objects.open().values_list("plan__version", flat=True)) == {2}
    assert sorted(Invoice.objects.values_list("subtotal", flat=True)) == [4_900] * len(ids)
    run(datetime(2026, 12, 17, 1, tzinfo=UTC))
    assert sorted(Invoice.objects.filter(billing_on="2026-12-20").values_list("subtotal", flat=True)) == [5_900] * 3
    assert list(books.check()) == []


def test_it_moves_now_with_the_next_run_as_of_now(plus, customer, second):
    assert migrate("now") == 1

    run(NOON + timedelta(minutes=40))

    assert spells(customer)[-1] == ("plus", NOON)
    assert [invoice.total for invoice in Invoice.objects.all()] == [1_739]


def test_migrating_twice_schedules_nobody_twice(plus, customer, second):
    assert (migrate("period_end"), migrate("period_end")) == (1, 0)
    assert ScheduledChange.objects.count() == 1


def test_it_refuses_a_version_that_is_not_published(plus, at):
    copy_plan(plan_id=plus.plan_id, at=at, actor=None)
    with pytest.raises(PlanNotFoundError):
        migrate("now")
