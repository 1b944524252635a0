"""«Runs» for staff: lists, one run, parked customers, a run again, and the check of the books."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.services.park_customer import park_customer
from billing_portal.models import Run, RunKind
from core import clock

pytestmark = pytest.mark.django_db

LISTS = ["runs", "runs_minutely", "runs_parked", "runs_books"]
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now():
    with clock.travel_to(NOW):
        yield


def made(kind=RunKind.BILLING, **values):
    defaults = {"at": NOW, "started_at": NOW, "ended_at": NOW, "took_ms": 1_250}
    return Run.objects.create(kind=kind, **{**defaults, **values})


@pytest.fixture
def parked(customer, at):
    return park_customer(customer_id=customer.pk, reason="CurrencyError: JPY", at=at)


def urls(run, customer):
    return [*(reverse(f"admin:{name}") for name in LISTS), reverse("admin:runs_run", args=[run.pk])]


@pytest.mark.parametrize("person", ["clerk", "supporter", "auditor"])
def test_everybody_who_reads_sees_them(person, request, log_in, parked, django_assert_max_num_queries):
    client = log_in(request.getfixturevalue(person))
    runs = [made(parked=[{"customer": parked.pk, "reason": "CurrencyError: JPY"}]) for _ in range(30)]
    for url in urls(runs[0], parked):
        with django_assert_max_num_queries(12):
            assert client.get(url).status_code == 200


@pytest.mark.parametrize("person", ["trainee", "cataloger"])
def test_nobody_else_of_staff_does(person, request, log_in, parked):
    client = log_in(request.getfixturevalue(person))
    assert {client.get(url).status_code for url in urls(made(), parked)} == {403}


def test_customers_and_strangers_do_not(client, alice, log_in, parked):
    for url in urls(made(), parked):
        assert client.get(url).status_code == 302
        assert log_in(alice).get(url, follow=True).status_code == 403


def test_it_pages_by_cursor(as_clerk):
    for _ in range(60):
        made()
    url = reverse("admin:runs")
    first = as_clerk.get(url).text
    older = re.search(r'href="(\?before=\d+)" rel="next"', first)
    numbers = re.findall(r"number (\d+)</span>", first + as_clerk.get(url + older[1]).text)
    assert [int(number) for number in numbers] == sorted(map(int, numbers), reverse=True)
    assert len(set(numbers)) == 60


def test_it_keeps_the_jobs_of_each_minute_apart(as_clerk):
    made(RunKind.NOTICES, steps=[{"name": "messages", "done": 3, "took_ms": 5}])
    assert "messages 3" not in as_clerk.get(reverse("admin:runs")).text
    assert "messages 3" in as_clerk.get(reverse("admin:runs_minutely")).text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "Nothing was due."),
        ({"steps": [{"name": "calculated", "done": 1_234, "took_ms": 2_000}]}, "1,234"),
        ({"ended_at": None, "took_ms": None}, "It is running."),
        ({"ended_at": None, "started_at": NOW - timedelta(hours=5)}, "This run never ended."),
        ({"error": "RuntimeError: the disk is full"}, "RuntimeError: the disk is full"),
    ],
)
def test_it_shows_how_a_run_stands(as_clerk, values, said):
    run = made(**values)
    page = as_clerk.get(reverse("admin:runs_run", args=[run.pk])).text
    assert said in page
    assert ("hx-trigger" in page) == (said == "It is running.")


def test_it_knows_no_run_that_is_not_there(as_clerk):
    assert as_clerk.get(reverse("admin:runs_run", args=[4711])).status_code == 404


def test_it_names_who_is_parked_since_when_and_why(as_clerk, parked):
    page = as_clerk.get(reverse("admin:runs_parked")).text
    assert "CurrencyError: JPY" in page
    assert reverse("admin:customer", args=[parked.key]) in page
    assert reverse("admin:customer_run_again", args=[parked.key]) in page


def test_it_shows_the_action_to_who_may(log_in, auditor, parked):
    url = reverse("admin:customer_run_again", args=[parked.key])
    assert url not in log_in(auditor).get(reverse("admin:runs_parked")).text
    assert log_in(auditor).get(url).status_code == 403
    assert log_in(auditor).post(url, {"reason": "x"}).status_code == 403


def key_in(page):
    return re.search(r'name="key" value="(run_\w+)"', page)[1]


def test_it_runs_again_for_one_customer(as_clerk, clerk, parked, django_capture_on_commit_callbacks):
    url = reverse("admin:customer_run_again", args=[parked.key])
    values = {"key": key_in(as_clerk.get(url).text), "reason": "Currency put right"}
    with django_capture_on_commit_callbacks(execute=True):  # a worker takes it at once
        answer = as_clerk.post(url, values)
    run = Run.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (303, reverse("admin:runs_run", args=[run.pk]))
    parked.refresh_from_db()
    assert parked.parked_at is None
    assert "It went through." in as_clerk.get(answer.headers["Location"]).text
    assert as_clerk.post(url, values).headers["Location"] == answer.headers["Location"]
    assert Run.objects.count() == 1
    entry = AuditEntry.objects.get(action="run_customer_again")
    assert (entry.actor, entry.reason) == (clerk, "Currency put right")


def test_it_wants_a_reason(as_clerk, parked):
    url = reverse("admin:customer_run_again", args=[parked.key])
    answer = as_clerk.post(url, {"key": key_in(as_clerk.get(url).text), "reason": " "})
    assert answer.status_code == 422
    assert "Reason – This field is required." in answer.text
    assert not Run.objects.exists()


# --- the books --------------------------------------------------------------------------------------------------------
def test_it_says_that_the_books_were_never_checked(as_clerk):
    assert "The books have not been checked yet." in as_clerk.get(reverse("admin:runs_books")).text


def test_it_shows_the_findings_and_when_the_books_last_agreed(as_clerk, clerk, customer):
    made(RunKind.BOOKS, ended_at=NOW - timedelta(days=1))
    findings = [
        {"rule": "total is the sum", "subject": "invoice:7", "detail": "1, not 2"},
        {"rule": "chain holds", "subject": "line:fee", "detail": "broken"},
    ]
    made(RunKind.BOOKS, found=2, findings=findings)
    made(RunKind.BOOKS, error="RuntimeError: gone")
    page = as_clerk.get(reverse("admin:runs_books")).text
    assert "2 findings" in page
    assert f'<a href="{reverse("admin:invoices_invoice_change", args=[7])}">invoice:7</a>' in page
    assert "line:fee" in page
    assert "19 Nov 2026" in page  # last agreed
    assert "Failed: RuntimeError: gone" in page


def test_it_checks_now(as_clerk, clerk, django_capture_on_commit_callbacks):
    page = as_clerk.get(reverse("admin:runs_books")).text
    url = reverse("admin:runs_books_check")
    answer = as_clerk.post(url, {"key": key_in(page)})
    assert answer.status_code == 303
    waiting = as_clerk.get(answer.headers["Location"]).text
    assert "A check is on its way." in waiting
    assert "hx-trigger" in waiting
    with django_capture_on_commit_callbacks(execute=True):
        as_clerk.post(url, {"key": key_in(page)})
    run = Run.objects.get()
    assert (run.actor, run.found) == (clerk, 0)
    assert run.ended_at
    done = as_clerk.get(reverse("admin:runs_books")).text
    assert "The books agree" in done
    assert "hx-trigger" not in done


@pytest.mark.parametrize(("person", "status"), [("auditor", 303), ("supporter", 403), ("trainee", 403)])
def test_auditors_may_have_the_books_checked(person, status, request, log_in):
    client = log_in(request.getfixturevalue(person))
    assert client.post(reverse("admin:runs_books_check"), {"key": "run_" + "0" * 20}).status_code == status
