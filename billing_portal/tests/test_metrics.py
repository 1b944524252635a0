"""What a monitor is told, and who may ask."""

import re
from datetime import timedelta

import pytest

from accounts.models import Notice
from accounts.notices import NoticeDraft
from accounts.services.park_customer import park_customer
from accounts.services.queue_notices import queue_notices
from billing_portal.metrics import as_text, metrics
from billing_portal.models import Run, RunKind
from billing_portal.recording import recorded
from core.clock import travel_to
from invoices.tests.shelf import issued

HOUR = timedelta(hours=1)


def values(at):
    return {row.name: row.values.get("", row.values) for row in metrics(at)}


def test_it_tells_nothing_alarming_of_an_empty_portal(db, at):
    told = values(at)

    assert told.pop("billing_run_age_seconds") == {"billing": -1, "books": -1}
    assert told.pop("billing_books_findings") == -1
    assert set(told.pop("billing_due").values()) == {0}
    assert set(told.values()) == {0}


def test_it_tells_what_waits_and_for_how_long(seller, customer, at):
    issued(customer, 2)
    Notice.objects.all().delete()
    queue_notices([NoticeDraft(f"n{n}", None, "accounts_invitation", ["a@example.com"]) for n in range(3)], at=at)
    Notice.objects.filter(key="n0").update(last_error="SMTPException: no", attempts=1)
    park_customer(customer_id=customer.pk, reason="a test", at=at)
    told = values(at + HOUR)

    assert told["billing_notices_waiting"] == 3
    assert told["billing_notices_failing"] == 1
    assert told["billing_notices_oldest_seconds"] == 3600
    assert told["billing_documents_waiting"] == 2
    assert told["billing_customers_parked"] == 1


def test_it_tells_when_runs_last_ended_well_and_what_the_books_say(db, at):
    with travel_to(at):
        with recorded(RunKind.BILLING, at=at):
            pass
        with recorded(RunKind.BOOKS, at=at) as (_, run):
            run.found = 2
    Run.objects.create(kind=RunKind.BILLING, at=at, started_at=at, ended_at=at + HOUR, error="ValueError: x")
    told = values(at + HOUR)

    assert told["billing_run_age_seconds"] == {"billing": 3600, "books": 3600}
    assert told["billing_books_findings"] == 2


def test_it_asks_a_fixed_number_of_questions(seller, customer, at, django_assert_num_queries):
    issued(customer, 3)

    with django_assert_num_queries(23):
        list(metrics(at + HOUR))


def test_its_text_is_what_prometheus_reads(db, at):
    text = as_text(metrics(at))

    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) billing_\w+ .+|billing_\w+({\w+="\w+"})? -?\d+', line)
    assert "# TYPE billing_due gauge\n" in text
    assert 'billing_due{step="collect"} 0\n' in text
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("token", "sent", "headers", "status"),
    [
        ("", {"REMOTE_ADDR": "127.0.0.1"}, {}, 200),
        ("", {"REMOTE_ADDR": "::1"}, {}, 200),
        ("", {"REMOTE_ADDR": "10.0.0.7"}, {}, 404),
        ("", {"REMOTE_ADDR": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("s3cret", {"REMOTE_ADDR": "10.0.0.7"}, {"Authorization": "Bearer s3cret"}, 200),
        ("s3cret", {"REMOTE_ADDR": "127.0.0.1"}, {}, 404),
        ("s3cret", {"REMOTE_ADDR": "127.0.0.1"}, {"Authorization": "Bearer wrong"}, 404),
        ("s3cret", {"REMOTE_ADDR": "127.0.0.1"}, {"Authorization": "Bearer \u00e9"}, 404),
    ],
)
def test_it_is_there_for_the_monitor_alone(client, db, settings, token, sent, headers, status):
    settings.METRICS_TOKEN = token

    assert client.get("/metrics", headers=headers, **sent).status_code == status


def test_staff_do_not_read_it_through_a_proxy(staff, log_in):
    assert log_in(staff).get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_monitors_inside_are_not_sent_to_tls(client, db, settings, path, valkey_url):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get(path).status_code in {200, 503}
    assert client.get("/").status_code == 301
