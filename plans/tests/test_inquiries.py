"""Requests to sales as a pipeline: the verb, the board, the page of one – and who may do what."""

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEntry
from core import clock
from core.ids import public_id
from invoices.tests.test_races import at_once
from plans.exceptions import InquiryMovedError, LostWithoutNoteError
from plans.models import InquiryStatus, SalesInquiry
from plans.services.contact_sales import contact_sales
from plans.services.work_inquiry import work_inquiry

VALUES = {"name": "Alice", "email": "alice@example.com", "company": "Wonder Ltd", "message": "Hi", "volume": ""}
BOARD = "admin:plans_salesinquiry_changelist"


@pytest.fixture(autouse=True)
def _a_week_later(at):
    with clock.travel_to(at + timedelta(days=7)):
        yield


@pytest.fixture
def inquiry(free, customer, alice, at):
    return contact_sales(customer=customer, values=VALUES, at=at, actor=alice)


def work(inquiry, actor, at, *, note="", key=None, seen=None, **values):
    current = {name: getattr(inquiry, name) for name in ("status", "owner_id", "next_step", "next_on")}
    return work_inquiry(
        inquiry_id=inquiry.pk,
        values={**current, **values},
        note=note,
        key=key or public_id("ink"),
        seen=inquiry.worked_key if seen is None else seen,
        at=at,
        actor=actor,
    )


def test_it_moves_on_with_owner_next_step_and_a_note(inquiry, supporter, at):
    day = date(2026, 11, 2)
    moved = work(
        inquiry, supporter, at, status="contacted", owner_id=supporter.pk, next_step="Call", next_on=day, note="Mailed."
    )
    assert (moved.status, moved.status_at, moved.owner, moved.next_on) == ("contacted", at, supporter, day)
    entry = AuditEntry.objects.get(action="work_inquiry")
    assert (entry.actor, entry.subject, entry.reason) == (supporter, f"inquiry:{inquiry.reference}", "Mailed.")
    assert entry.before == {"status": "new", "owner_id": None, "next_step": "", "next_on": None}
    assert entry.after == {
        "status": "contacted", "owner_id": supporter.pk, "next_step": "Call", "next_on": "2026-11-02",
    }  # fmt: skip


def test_a_note_alone_keeps_the_status_and_its_age(inquiry, supporter, at):
    noted = work(inquiry, supporter, at, note="Asked for the contract.")
    assert (noted.status, noted.status_at) == ("new", None)
    assert AuditEntry.objects.get(action="work_inquiry").after == {}


def test_nothing_new_writes_nothing(inquiry, supporter, at):
    work(inquiry, supporter, at)
    assert not AuditEntry.objects.filter(action="work_inquiry").exists()


def test_a_form_that_is_sent_twice_writes_once(inquiry, supporter, at):
    for _ in range(2):
        work(inquiry, supporter, at, note="Called.", key="ink_1", seen="")
    assert AuditEntry.objects.filter(action="work_inquiry").count() == 1


def test_it_does_not_write_over_what_somebody_else_has_done(inquiry, supporter, clerk, at):
    work(inquiry, clerk, at, status="qualified")
    with pytest.raises(InquiryMovedError):
        work(inquiry, supporter, at, status="lost", note="No answer.", seen="")
    assert SalesInquiry.objects.get().status == "qualified"


def test_whoever_gives_it_up_says_why(inquiry, supporter, at):
    with pytest.raises(LostWithoutNoteError):
        work(inquiry, supporter, at, status="lost")
    assert work(inquiry, supporter, at, status="lost", note="Chose another.").status == "lost"


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_do_not_overwrite_each_other(inquiry, supporter, clerk, at):
    results = at_once(
        lambda: work(inquiry, supporter, at, status="contacted", seen=""),
        lambda: work(inquiry, clerk, at, status="qualified", seen=""),
    )
    assert sum(isinstance(result, InquiryMovedError) for result in results) == 1
    assert AuditEntry.objects.filter(action="work_inquiry").count() == 1


@pytest.mark.parametrize("status", ["closed", "gone"])
def test_the_database_knows_the_statuses(inquiry, status):
    with connection.cursor() as cursor, pytest.raises(Exception, match="inquiry_status_known"):
        cursor.execute("UPDATE plans_salesinquiry SET status = %s", [status])


# --- pages ------------------------------------------------------------------------------------------------------------
def page_url(inquiry):
    return reverse("admin:plans_salesinquiry_change", args=[inquiry.pk])


def form(page, **values):
    hidden = {
        name: re.search(rf'name="{name}" value="([^"]*)"|name="{name}"', page)[1] or "" for name in ("key", "seen")
    }
    return {**hidden, "status": "new", "owner": "", "next_step": "", "next_on": "", "note": "", **values}


def test_the_board_shows_every_status_with_age_and_owner(inquiry, supporter, log_in, at, django_assert_max_num_queries):
    for number, status in enumerate(InquiryStatus):
        SalesInquiry.objects.create(
            customer=inquiry.customer, company=f"Company {number}", status=status, created_at=at, owner=supporter,
            next_step="Call", next_on=at.date(), name="A", email="a@example.com", message="Hi",
        )  # fmt: skip
    client = log_in(supporter)
    with django_assert_max_num_queries(12):
        page = client.get(reverse(BOARD)).text
    headings = re.findall(r'<h2 id="h-\w+">(\w+) <span class="note">(\d+)', page)
    assert headings == [("New", "2"), ("Contacted", "1"), ("Qualified", "1"), ("Won", "1"), ("Lost", "1")]
    assert "7 days" in page
    assert page.count("Overdue") == 3  # nothing is overdue that is over


def test_support_works_on_a_request(inquiry, supporter, log_in, django_assert_max_num_queries):
    client = log_in(supporter)
    with django_assert_max_num_queries(12):
        page = client.get(page_url(inquiry)).text
    values = form(page, status="contacted", owner=supporter.pk, next_step="Call", next_on="2026-11-02", note="Mailed.")
    answer = client.post(page_url(inquiry), values)
    assert (answer.status_code, answer.headers["Location"]) == (303, page_url(inquiry))
    shown = client.get(page_url(inquiry)).text
    assert "Mailed." in shown
    assert "Status: new → contacted · Owner: nobody → Sol" in shown
    assert client.post(page_url(inquiry), values).status_code == 303
    assert AuditEntry.objects.filter(action="work_inquiry").count() == 1


def test_a_won_one_leads_to_the_subscriptions(inquiry, supporter, log_in, at):
    work(inquiry, supporter, at, status="won")
    page = log_in(supporter).get(page_url(inquiry)).text
    assert f'href="{reverse("admin:customer_subscriptions", args=[inquiry.customer.key])}"' in page


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({"status": "lost"}, 422, "Note – Say in a note why it is lost."),
        ({"status": "closed"}, 422, "Status – Select a valid choice."),
        ({"next_on": "2026-11-02"}, 422, "Next step – Say what is to be done on that day."),
        ({"owner": "999999"}, 422, "Owner – Select a valid choice."),
        ({"note": "Called.", "seen": "ink_other"}, 409, "Somebody has worked on this request"),
    ],
)
def test_it_says_what_is_wrong_and_writes_nothing(inquiry, supporter, log_in, values, status, said):
    client = log_in(supporter)
    answer = client.post(page_url(inquiry), form(client.get(page_url(inquiry)).text, **values))
    assert answer.status_code == status
    assert said in answer.text
    assert not AuditEntry.objects.filter(action="work_inquiry").exists()


def test_who_only_reads_sees_no_form(inquiry, auditor, log_in):
    client = log_in(auditor)
    page = client.get(page_url(inquiry))
    assert page.status_code == 200
    assert "Go on" not in page.text
    assert client.post(page_url(inquiry), {"status": "won"}).status_code == 403


@pytest.mark.parametrize(("person", "status"), [("trainee", 403), ("cataloger", 403), ("alice", 302)])
def test_nobody_else_comes_in(inquiry, person, status, request, log_in):
    client = log_in(request.getfixturevalue(person))
    assert client.get(reverse(BOARD)).status_code == status
    assert client.get(page_url(inquiry)).status_code == status


@pytest.mark.parametrize("number", ["4711", "x", "9" * 30])
def test_it_knows_no_request_that_is_not_there(supporter, log_in, number):
    assert log_in(supporter).get(reverse("admin:plans_salesinquiry_change", args=[number])).status_code == 404
