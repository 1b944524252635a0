"""Tests with the real broker and a real worker process; everything else runs tasks at once."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from celery import Celery
from django.db import connection

from billing_portal.billing_run import RunReport, bill_due
from billing_portal.models import Run
from billing_portal.tests.people import on_plus
from invoices.models import Invoice

ROOT = Path(__file__).resolve().parents[2]
CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
PATIENCE = 60  # seconds


@pytest.fixture
def worker(transactional_db, valkey_url):
    database = connection.settings_dict
    host = quote(database["HOST"], safe="")
    address = f"postgresql://{database['USER']}@{host}:{database['PORT']}/{database['NAME']}"
    own = {"DATABASE_URL": address, "REDIS_URL": valkey_url, "DEMO": "1", "SECRET_KEY": "of-a-worker-in-a-test"}
    own["DJANGO_SETTINGS_MODULE"] = "billing_portal.settings"
    command = [sys.executable, "-m", "celery", "--app", "billing_portal", "worker", "--concurrency", "1"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | own)  # noqa: S603 - our own program
    yield process
    process.terminate()
    process.wait(PATIENCE)


def test_a_worker_charges_what_is_due_when_it_is_woken(worker, valkey_url, customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    for present in (CALCULATED_AT, BILLED_AT):
        bill_due(at=present, report=RunReport(at=""))
    assert Invoice.objects.get().status == "open"
    customer.clock_at = BILLED_AT  # the worker lives in the real present
    customer.save()

    wake(valkey_url, "collect_due")

    wait_until(worker, lambda: Invoice.objects.get().status == "paid")


def test_a_worker_keeps_its_connection_and_gets_over_its_loss(worker, valkey_url, seller, catalogue):
    before, kept = backends(), []
    for number in (1, 2, 3):
        wake(valkey_url, "run_billing")
        wait_until(worker, lambda number=number: Run.objects.filter(ended_at__isnull=False).count() == number)
        [connected] = backends() - before
        kept.append(connected)
        if number == 2:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connected])
    assert kept[0] == kept[1] != kept[2]
    assert set(Run.objects.values_list("error", flat=True)) == {""}


def wake(broker, task):
    # Not the current app of this process: the tests after this one nudge tasks of their own.
    with Celery(broker=broker, set_as_current=False) as caller:
        caller.send_task(f"billing_portal.tasks.{task}")


def wait_until(worker, condition):
    until = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < until and worker.poll() is None:
        time.sleep(0.2)
    assert condition()


def backends():
    """Whoever else is connected to this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}
