"""Moving everybody to another version: who can, what it costs, the wish, the worker, and how it gets on."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from django.urls import reverse

from accounts.figures import written
from accounts.models import AuditEntry, Customer, Notice
from accounts.services.open_customer import open_customer
from core import clock, formats
from core.tests.recorded import Recorded
from invoices.models import Invoice
from plans import books
from plans.exceptions import NobodyToMoveError, PlanNotFoundError
from plans.models import MoveTime, Plan, RateCard, ScheduledChange, Subscription, SubscriptionMigration
from plans.selectors import due_to_change
from plans.selectors.migrating import preview_migration, progress_of
from plans.services import schedule_migrations as worker
from plans.services.carry_out_changes import carry_out_changes
from plans.services.copy_plan import copy_plan
from plans.services.migrate_subscriptions import migrate_subscriptions
from plans.services.publish_plan import publish_plan
from plans.services.schedule_change import schedule_change
from plans.services.schedule_migrations import schedule_migrations
from plans.services.withdraw_change import withdraw_change
from plans.tests.conftest import go_plus, send
from plans.tests.test_races import at_once

NOON = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)
KEY = "mig_12345678901234567890"

pytestmark = pytest.mark.django_db


def dearer(catalogue, at):
    draft = copy_plan(plan_id=catalogue.plus.pk, at=at, actor=None)
    RateCard.objects.filter(plan=draft, key="base-fee").update(amount=5_900)
    publish_plan(plan=draft, at=at, actor=None)
    return Plan.objects.with_cards().get(pk=draft.pk)


def two_more(catalogue, at):
    more = [
        open_customer(
            name=f"Customer {number}", user=None, at=at, actor=None, details={"recipients": ["billing@example.org"]}
        )
        for number in range(2)
    ]
    for each in more:
        go_plus(each, catalogue, at)
    return more


_second = cache(lambda at: Recorded(lambda catalogue: dearer(catalogue, at)))
_two_more = cache(lambda at: Recorded(lambda catalogue: two_more(catalogue, at)))


@pytest.fixture
def second(catalogue, at):
    """Version 2 of Plus, 10.00 dearer."""
    return _second(at).again(catalogue)


@pytest.fixture
def three(plus, catalogue, at):
    """`customer` and two more on version 1."""
    return [plus.customer, *_two_more(at).again(catalogue)]


def wish(plan, when="period_end", *, key=KEY, at=NOON, actor=None):
    return migrate_subscriptions(key=key, plan_id=plan.pk, when=MoveTime(when), reason="New prices", at=at, actor=actor)


def run(at):
    """What the roof does each minute."""
    schedule_migrations(at=at)
    carry_out_changes(change_ids=[due.id for due in due_to_change(at)], at=at)


def counts(migration):
    migration.refresh_from_db()
    return {state: count for state, _words, count in progress_of(migration).counts if count}


# --- the wish --------------------------------------------------------------------------------------------------------
def test_it_commits_the_wish_and_changes_nobody_yet(three, second, staff):
    migration = wish(second, actor=staff)
    assert (migration.from_versions, migration.expected, migration.scheduled_at) == ([1], 3, None)
    assert not ScheduledChange.objects.exists()
    entry = AuditEntry.objects.get(action="migrate_subscriptions")
    assert (entry.actor, entry.reason, entry.after["subscriptions"]) == (staff, "New prices", 3)


def test_it_decides_once_however_often_the_form_is_sent(three, second):
    first = wish(second)
    schedule_migrations(at=NOON)
    assert wish(second) == first
    assert AuditEntry.objects.filter(action="migrate_subscriptions").count() == 1


def test_it_refuses_where_nobody_can_move_or_the_version_is_not_published(plus, catalogue, second):
    with pytest.raises(PlanNotFoundError):
        wish(catalogue.plus)  # archived by version 2
    Customer.objects.update(parked_at=NOON, parked_reason="A broken row")
    with pytest.raises(NobodyToMoveError):
        wish(second)
    assert not SubscriptionMigration.objects.exists()


# --- the worker ------------------------------------------------------------------------------------------------------
def test_it_schedules_in_batches_and_ends(three, second, staff, monkeypatch):
    monkeypatch.setattr(worker, "BATCH", 2)
    migration = wish(second, actor=staff)
    assert (schedule_migrations(at=NOON), schedule_migrations(at=NOON)) == (3, 0)
    assert counts(migration) == {"waiting": 3}
    assert migration.scheduled_at == NOON
    entries = AuditEntry.objects.filter(action="schedule_migrations")
    assert [(entry.actor, entry.reason) for entry in entries] == [(staff, "New prices")] * 3


def test_it_goes_on_after_an_interruption(three, second, monkeypatch):
    monkeypatch.setattr(worker, "BATCH", 2)
    migration = wish(second)
    notices = iter([None])
    monkeypatch.setattr(worker, "queue_notices", lambda *args, **more: next(notices))  # fails the second time
    assert schedule_migrations(at=NOON) == 2
    assert (counts(migration), migration.scheduled_at) == ({"waiting": 2}, None)
    monkeypatch.undo()
    assert schedule_migrations(at=NOON) == 1
    assert (counts(migration), migration.scheduled_at) == ({"waiting": 3}, NOON)


def test_it_schedules_nobody_again_whose_change_was_withdrawn(plus, second):
    migration = wish(second)
    schedule_migrations(at=NOON)
    withdraw_change(change_id=ScheduledChange.objects.get().pk, at=NOON, actor=None, reason="Objected")
    SubscriptionMigration.objects.update(scheduled_at=None)  # as if interrupted before the last batch
    assert schedule_migrations(at=NOON) == 0
    assert counts(migration) == {"withdrawn": 1}


@pytest.mark.parametrize(
    ("when", "effective_at"),
    [
        ("now", NOON),
        ("period_end", datetime(2026, 11, 20, tzinfo=UTC)),
        ("after_notice", datetime(2026, 12, 20, tzinfo=UTC)),
    ],
)
def test_it_moves_when_it_was_decided(plus, second, when, effective_at):
    wish(second, when)
    schedule_migrations(at=NOON)
    assert ScheduledChange.objects.get().effective_at == effective_at


def test_it_tells_customers_ahead_with_both_prices_and_their_own_month(plus, second, customer):
    send(customer, NOON - timedelta(days=1), tokens=3_000_000)
    [row] = preview_migration(second, NOON).samples
    wish(second, "after_notice")
    schedule_migrations(at=NOON)
    notice = Notice.objects.get(template="plan_changes_ahead")
    assert (notice.to, written(notice.context)["on"]) == (["alice@example.com"], "20 Dec 2026")
    [before], [after] = (
        [price["price"] for price in written(notice.context)[name] if price["name"] == "Plus monthly fee"]
        for name in ("prices_before", "prices")
    )
    assert (before, after) == ("$49.00 per month", "$59.00 per month")
    shown = [formats.money(amount, "USD") for amount in (row.sample.before, row.sample.after)]
    assert [written(notice.context)[name] for name in ("month_before", "month_after")] == shown


def test_it_says_nothing_ahead_where_it_moves_now(plus, second):
    wish(second, "now")
    schedule_migrations(at=NOON)
    assert not Notice.objects.filter(template="plan_changes_ahead").exists()


def test_the_run_carries_it_out_and_the_books_hold(three, second):
    migration = wish(second, "now")
    run(NOON)
    assert counts(migration) == {"moved": 3}
    assert set(Subscription.objects.open().values_list("plan__version", flat=True)) == {2}
    assert Invoice.objects.count() == 3
    assert Notice.objects.filter(template="plan_changed").count() == 3
    assert list(books.check()) == []
    assert progress_of(migration).is_finished


def test_it_leaves_those_who_joined_the_new_version_or_cannot_move(three, second, catalogue):
    parked, waiting, moves = three
    Customer.objects.filter(pk=parked.pk).update(parked_at=NOON, parked_reason="A broken row")
    schedule_change(customer_id=waiting.pk, plan=catalogue.free, when="period_end", at=NOON, actor=None, reason="Left")
    preview = preview_migration(second, NOON)
    assert preview.rows == [(catalogue.plus, 3, 1, 2)]
    assert preview.obstacles == (("A change is scheduled already", 1), ("Left out of runs", 1))
    assert {row.reason for row in preview.stuck} == {"A change is scheduled already", "Left out of runs: A broken row"}
    wish(second)
    assert schedule_migrations(at=NOON) == 1
    assert ScheduledChange.objects.get(migration__isnull=False).customer == moves


def test_it_names_who_is_billed_in_another_currency(plus, second, customer):
    Customer.objects.filter(pk=customer.pk).update(currency="EUR")
    assert preview_migration(second, NOON).obstacles == (("Billed in another currency", 1),)


def test_it_counts_what_becomes_of_each(three, second, catalogue):
    failed, withdrawn, superseded = three
    migration = wish(second)
    schedule_migrations(at=NOON)
    Customer.objects.filter(pk=failed.pk).update(parked_at=NOON, parked_reason="A broken row")
    change = ScheduledChange.objects.get(customer=withdrawn)
    withdraw_change(change_id=change.pk, at=NOON, actor=None, reason="Objected")
    schedule_change(customer_id=superseded.pk, plan=catalogue.free, when="now", at=NOON, actor=None, reason="Left")
    assert counts(migration) == {"failed": 1, "withdrawn": 1, "superseded": 1}
    assert Notice.objects.filter(template="plan_stays").count() == 1


def test_it_shows_what_the_closing_invoice_comes_to(plus, second, customer):
    send(customer, NOON - timedelta(days=1), tokens=3_000_000)
    [row] = preview_migration(second, NOON).samples
    wish(second, "now")
    run(NOON)
    assert row.closing.totals.total == Invoice.objects.get().total > 0
    assert row.sample.after - row.sample.before == 1_000


# --- two at once -----------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_two_workers_schedule_everybody_once(three, second):
    migration = wish(second)
    done = at_once(*[lambda: schedule_migrations(at=NOON)] * 2)
    assert sum(done) == 3
    assert counts(migration) == {"waiting": 3}


@pytest.mark.django_db(transaction=True)
def test_two_forms_make_one_migration(three, second):
    first, again = at_once(*[lambda: wish(second)] * 2)
    assert first == again
    assert SubscriptionMigration.objects.count() == 1


# --- pages -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def at_noon():
    with clock.travel_to(NOON):
        yield


def values_of(page, **more):
    hidden = {name: re.search(rf'name="{name}" value="([^"]*)"', page.text)[1] for name in ("key", "seen")}
    return {**hidden, "when": "period_end", "reason": "New prices", **more}


def url_of(plan):
    return reverse("admin:plans_plan_migrate", args=[plan.pk])


def test_the_page_shows_everything_before_anything_is_scheduled(
    as_clerk, three, second, at_noon, django_assert_max_num_queries
):
    with django_assert_max_num_queries(39):  # three previews of closing invoices are in it, however many move
        page = as_clerk.get(url_of(second)).text
    assert "3 subscriptions of other versions can move" in page
    assert "Closing invoice" in page
    assert "$49.00" in page
    assert "$59.00" in page
    assert not SubscriptionMigration.objects.exists()


def test_it_moves_by_the_page_and_leads_to_the_progress(as_clerk, clerk, three, second, at_noon):
    values = values_of(as_clerk.get(url_of(second)))
    answers = [as_clerk.post(url_of(second), values) for _ in range(2)]
    migration = SubscriptionMigration.objects.get()
    progress = reverse("admin:plans_plan_migration", args=[second.pk, migration.key])
    assert [answer.headers["Location"] for answer in answers] == [progress] * 2
    assert (migration.created_by, migration.reason) == (clerk, "New prices")
    page = as_clerk.get(progress).text
    assert "0 of about 3 are scheduled so far" in page
    assert progress in as_clerk.get(reverse("admin:plans_plan_change", args=[second.pk])).text


def test_it_asks_for_a_reason(as_clerk, three, second, at_noon):
    response = as_clerk.post(url_of(second), values_of(as_clerk.get(url_of(second)), reason=""))
    assert response.status_code == 422
    assert "Reason – This field is required." in response.text
    assert not SubscriptionMigration.objects.exists()


def test_it_is_refused_where_other_numbers_were_shown(as_clerk, three, second, at_noon):
    values = values_of(as_clerk.get(url_of(second)), seen="2")
    response = as_clerk.post(url_of(second), values)
    assert response.status_code == 409
    assert "3 subscriptions can move now, not 2 as shown before." in response.text
    assert not SubscriptionMigration.objects.exists()
    assert as_clerk.post(url_of(second), values_of(response)).status_code == 302


def test_the_progress_moves_until_it_is_finished(as_clerk, three, second, at_noon, django_assert_max_num_queries):
    migration = wish(second, "now")
    url = reverse("admin:plans_plan_migration", args=[second.pk, migration.key])
    fragment = as_clerk.get(url, headers={"HX-Request": "true"}).text
    assert "hx-trigger" in fragment
    assert "<html" not in fragment
    run(NOON)
    assert "hx-trigger" not in as_clerk.get(url, headers={"HX-Request": "true"}).text
    with django_assert_max_num_queries(15):
        page = as_clerk.get(url).text
    assert "Finished" in page
    assert page.count("Wonder Ltd") == 1
    assert "Nobody yet." in as_clerk.get(f"{url}?state=failed").text


def test_it_says_why_one_failed(as_clerk, three, second, at_noon):
    migration = wish(second)
    schedule_migrations(at=NOON)
    Customer.objects.filter(pk=three[0].pk).update(parked_at=NOON, parked_reason="A broken row")
    url = reverse("admin:plans_plan_migration", args=[second.pk, migration.key])
    page = as_clerk.get(f"{url}?state=failed").text
    assert "A broken row" in page
    assert "Customer 0" not in page


def test_it_pages_through_the_customers(as_clerk, three, second, at_noon, monkeypatch):
    monkeypatch.setattr("plans.admin_migrating.PAGE", 2)
    migration = wish(second)
    schedule_migrations(at=NOON)
    url = reverse("admin:plans_plan_migration", args=[second.pk, migration.key])
    first = as_clerk.get(url).text
    older = re.search(r'href="(\?state=&amp;before=\d+)"', first)[1].replace("&amp;", "&")
    second_page = as_clerk.get(url + older).text
    names = re.findall(r"(Wonder Ltd|Customer \d)</a>", first + second_page)
    assert sorted(names) == ["Customer 0", "Customer 1", "Wonder Ltd"]


@pytest.mark.parametrize(
    ("person", "statuses"), [("supporter", (403, 200)), ("cataloger", (403, 403)), ("clerk", (200, 200))]
)
def test_it_is_for_who_manages_and_its_progress_for_who_reads(person, statuses, plus, second, request, log_in, at_noon):
    progress = reverse("admin:plans_plan_migration", args=[second.pk, wish(second).key])
    client = log_in(request.getfixturevalue(person))
    assert (client.get(url_of(second)).status_code, client.get(progress).status_code) == statuses
    assert client.post(url_of(second), {}).status_code == (422 if person == "clerk" else 403)


def test_it_is_not_for_customers(plus, second, alice, client, log_in):
    for each in (client, log_in(alice)):
        assert each.get(url_of(second)).status_code == 302
    assert log_in(alice).get(reverse("admin:plans_plan_migration", args=[second.pk, "none"])).status_code == 302


def test_it_does_not_know_migrations_of_another_plan(as_clerk, plus, second, catalogue):
    key = wish(second).key
    for plan_id, name in ((catalogue.free.pk, key), (second.pk, "mig_unknown"), (second.pk, "%00")):
        assert as_clerk.get(f"/admin/plans/plan/{plan_id}/migrations/{name}/").status_code == 404
