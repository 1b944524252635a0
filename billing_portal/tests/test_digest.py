"""S1, the daily summary: to staff who want it, once a day, and only where something waits."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.mail import write
from accounts.models import AuditEntry, Notice
from accounts.roles import AUDITOR
from accounts.services.park_customer import park_customer
from billing_portal.admin.worklist import KINDS, Work
from billing_portal.digest import LEFT_OUT, SUBJECT, WORDS, headline, waiting
from billing_portal.models import Digest
from billing_portal.services.choose_digest import choose_digest
from billing_portal.services.tell_digests import tell_digests
from billing_portal.tasks import tell_staff
from conftest import staff_person
from core.clock import travel_to
from invoices.tests.cast import calculated, open_invoice
from invoices.tests.test_races import at_once

URL = reverse("admin:digest")
HTMX = {"HX-Request": "true"}
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def morning(at):
    """Six o'clock of the day after everything was chosen."""
    return (at + DAY).replace(hour=6, minute=0)


def wants(at, *people):
    for user in people:
        choose_digest(wanted=True, at=at, actor=user)


def parked(customer, at):
    park_customer(customer_id=customer.pk, reason="CurrencyError: JPY", at=at)


def mails():
    return list(Notice.objects.filter(template="staff_digest").order_by("pk"))


# --- what it says ----------------------------------------------------------------------------------------------------
def test_every_kind_of_work_has_its_words_or_is_left_out():
    assert {kind.key for kind in KINDS} == set(WORDS) | LEFT_OUT
    assert not set(WORDS) & LEFT_OUT


def test_it_counts_as_the_work_list_counts():
    work = [
        Work(key, key, count, (), f"/{key}/", "All", "", "danger")
        for key, count in (("declined", 3), ("overdue", 101), ("refunds", 0), ("drafts", 9), ("parked", 1))
    ]
    assert waiting(work) == [
        ("3 declined payments", "/declined/"),
        ("100+ overdue invoices", "/overdue/"),
        ("1 parked customer", "/parked/"),
    ]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["3 declined payments"], "Billing: 3 declined payments"),
        (["3 declined payments", "1 contact request"], "Billing: 3 declined payments, 1 contact request"),
        (
            ["3 declined payments", "10 overdue invoices", "1 contact request", "2 failed events"],
            "Billing: 3 declined payments, 10 overdue invoices and more",
        ),
    ],
)
def test_its_subject_fits_into_a_list(parts, said):
    assert headline(parts) == said
    assert len(said) <= SUBJECT


def test_it_says_what_waits_and_leads_there(customer, seller, clerk, at, morning):
    parked(customer, at)
    open_invoice(customer, 4900, at=at)
    wants(at, clerk)
    assert tell_digests(at=morning + 20 * DAY) == 1
    [notice] = mails()
    mail = write(notice.template, notice.context)
    assert (notice.to, notice.customer) == ([clerk.email], None)
    assert mail.subject == "Billing: 1 parked customer, 1 overdue invoice"
    for url in ("admin:runs_parked", "admin:invoices_invoice_changelist", "admin:index", "admin:digest"):
        assert reverse(url) in mail.text


# --- when it comes ---------------------------------------------------------------------------------------------------
def test_it_comes_once_a_day_from_six_on(customer, clerk, at, morning):
    parked(customer, at)
    wants(at, clerk)
    early, late = morning - timedelta(minutes=1), morning + timedelta(hours=17)
    assert [tell_digests(at=when) for when in (at, early, morning, late, morning + DAY)] == [0, 0, 1, 0, 1]
    assert len(mails()) == 2


def test_after_downtime_the_present_day_is_told(customer, clerk, at, morning):
    parked(customer, at)
    wants(at, clerk)
    assert tell_digests(at=morning + 9 * DAY) == 1


def test_nothing_comes_where_nothing_waits_that_day(customer, seller, clerk, at, morning):
    wants(at, clerk)
    calculated(customer, 100)  # a draft is looked at on the staff site
    assert tell_digests(at=morning) == 0
    parked(customer, at)
    assert [tell_digests(at=when) for when in (morning + timedelta(hours=1), morning + DAY)] == [0, 1]


def test_it_comes_to_who_wants_it(customer, clerk, auditor, at, morning):
    parked(customer, at)
    wants(at, clerk, auditor)
    choose_digest(wanted=False, at=at, actor=auditor)
    assert tell_digests(at=morning) == 1
    assert [notice.to for notice in mails()] == [[clerk.email]]


def test_each_hears_what_their_role_lets_them_see(customer, clerk, auditor, cataloger, trainee, at, morning):
    parked(customer, at)
    wants(at, clerk, auditor, cataloger, trainee)
    clerk.groups.clear()
    assert tell_digests(at=morning) == 1
    assert [notice.to for notice in mails()] == [[auditor.email]]


def test_who_is_no_staff_any_more_hears_nothing(customer, clerk, auditor, at, morning):
    parked(customer, at)
    wants(at, clerk, auditor)
    clerk.is_active, auditor.is_staff = False, False
    clerk.save()
    auditor.save()
    assert tell_digests(at=morning) == 0


def test_people_of_one_role_cost_two_questions_each(customer, auditor, at, morning, django_assert_max_num_queries):
    """What they may; what waits is asked once."""
    parked(customer, at)
    wants(at, auditor, *(staff_person(f"a{number}@example.com", "A", AUDITOR) for number in range(4)))
    with django_assert_max_num_queries(17 + 5 * 2):
        assert tell_digests(at=morning) == 5


@pytest.mark.django_db(transaction=True)
def test_two_workers_tell_once(customer, clerk, at, morning):
    parked(customer, at)
    wants(at, clerk)
    assert sum(at_once(*[lambda: tell_digests(at=morning)] * 2)) == 1
    assert len(mails()) == 1


def test_the_task_tells(customer, clerk, at, morning):
    parked(customer, at)
    wants(at, clerk)
    with travel_to(morning):
        tell_staff()
    assert len(mails()) == 1


# --- the switch ------------------------------------------------------------------------------------------------------
def test_it_is_chosen_once_and_written_down(clerk, at):
    for wanted in (True, True, False, False):
        choose_digest(wanted=wanted, at=at, actor=clerk)
    entries = AuditEntry.objects.filter(action="choose_digest").order_by("pk")
    assert [(entry.actor, entry.after) for entry in entries] == [(clerk, {"wanted": True}), (clerk, {"wanted": False})]
    assert not Digest.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_forms_at_once_choose_once(clerk, at):
    at_once(*[lambda: choose_digest(wanted=True, at=at, actor=clerk)] * 2)
    assert (Digest.objects.count(), AuditEntry.objects.filter(action="choose_digest").count()) == (1, 1)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_staff_switch_it_on_and_off(headers, as_clerk, clerk, customer, at):
    parked(customer, at)
    assert URL in as_clerk.get(reverse("admin:index")).text
    page = as_clerk.get(URL).text
    assert ("You don’t get it" in page, "1 parked customer" in page) == (True, True)
    response = as_clerk.post(URL, {"wanted": "yes"}, headers=headers)
    assert (response.status_code, response["Location"]) == (303, URL)
    assert "It goes to clerk@example.com." in as_clerk.get(URL).text
    as_clerk.post(URL, {"wanted": "no"}, headers=headers)
    assert not Digest.objects.exists()
    assert as_clerk.post(URL, {"wanted": "perhaps"}, headers=headers).status_code == 422


@pytest.mark.parametrize(("person", "status"), [("cataloger", 403), ("auditor", 200), ("trainee", 403)])
def test_it_is_for_who_reads_what_it_counts(person, status, log_in, request):
    client = log_in(request.getfixturevalue(person))
    assert client.get(URL).status_code == status
    assert client.post(URL, {"wanted": "yes"}).status_code == (303 if status == 200 else 403)


def test_it_sends_everybody_else_to_the_log_in(alice, client, log_in):
    assert client.get(URL).status_code == 302
    assert log_in(alice).get(URL, follow=True).status_code == 403


def test_its_page_asks_few_questions(as_clerk, customer, at, django_assert_max_num_queries):
    parked(customer, at)
    with django_assert_max_num_queries(17):
        as_clerk.get(URL)
