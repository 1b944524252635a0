"""A run that is killed in the middle, as a real process, and the one after it."""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from django.db.models import Count, Sum

import invoices.books
import plans.books
from accounts.models import AuditEntry, Notice
from billing_portal.benchmarks.billing import BILLING_ON, prepare
from billing_portal.billing_run import RunReport, bill_due
from core.periods import calculation_instant, midnight
from invoices.models import Invoice, InvoiceLine

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS, BATCH, KILL_AFTER = 400, 20, 60
PATIENCE = 60  # seconds
CALCULATED_AT = calculation_instant(BILLING_ON).replace(hour=2)
BILLED_AT = midnight(BILLING_ON).replace(hour=1)
SMALL_BATCHES = """
from datetime import datetime
import django
django.setup()
from billing_portal import billing_run
billing_run.BATCH = {batch}
billing_run.bill_due(at=datetime.fromisoformat("{at}"), report=billing_run.RunReport(at=""))
"""


def kill_a_run(at: datetime, done) -> None:
    """Start it as its own process and kill it as soon as so many are done."""
    database = connection.settings_dict
    host = quote(database["HOST"], safe="")
    address = f"postgresql://{database['USER']}@{host}:{database['PORT']}/{database['NAME']}"
    own = {"DATABASE_URL": address, "DEMO": "1", "DJANGO_SETTINGS_MODULE": "billing_portal.settings"}
    command = [sys.executable, "-c", SMALL_BATCHES.format(batch=BATCH, at=at.isoformat())]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | own)  # noqa: S603 - our own program
    until = time.monotonic() + PATIENCE
    while done.count() < KILL_AFTER and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert KILL_AFTER <= done.count() < CUSTOMERS


def finish(at: datetime) -> RunReport:
    report = RunReport(at=at.isoformat())
    bill_due(at=at, report=report)
    return report


@pytest.mark.usefixtures("forgets_statistics")
@pytest.mark.django_db(transaction=True)
def test_the_next_run_finishes_what_a_killed_one_began(seller):
    prepare(CUSTOMERS, seller.pk)

    kill_a_run(CALCULATED_AT, Invoice.objects.all())
    assert 0 < finish(CALCULATED_AT).calculated < CUSTOMERS
    kill_a_run(BILLED_AT, Invoice.objects.filter(number__isnull=False))
    assert 0 < finish(BILLED_AT).finalized < CUSTOMERS

    totals = Invoice.objects.aggregate(count=Count("pk"), numbers=Count("number"), subtotal=Sum("subtotal"))
    posted = InvoiceLine.objects.aggregate(count=Count("pk"), sum=Sum("amount"))
    assert totals == {"count": CUSTOMERS, "numbers": CUSTOMERS, "subtotal": posted["sum"]}
    assert posted["count"] == 4 * CUSTOMERS
    for template in ("invoice_announced", "invoice_issued"):
        assert Notice.objects.filter(template=template).count() == CUSTOMERS
    for action in ("calculate_charges", "draft_invoices", "finalize_invoices"):
        assert AuditEntry.objects.filter(action=action).count() == CUSTOMERS
    assert [*invoices.books.check(), *plans.books.check()] == []
