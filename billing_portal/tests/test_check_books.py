"""The proof must be able to fail: each broken book is made by hand, past triggers, and has to be named."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from random import Random

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import Customer
from billing_portal.billing_run import run_billing
from billing_portal.demo_data import send_usage
from billing_portal.tests.people import on_plus

pytestmark = pytest.mark.django_db(transaction=True)

CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)


@pytest.fixture
def billed(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    from_day = datetime(2026, 10, 25, tzinfo=UTC)
    send_usage(
        customer,
        Random(7),  # noqa: S311 - traffic, not secrets
        start=from_day,
        end=from_day.replace(day=26),
        requests_a_day=50,
        calls_a_day=5,
    )
    run_billing(at=CALCULATED_AT)
    run_billing(at=BILLED_AT)
    return customer


def findings():
    """The rows of the command, which ends with 1 where there are any."""
    out = StringIO()
    with suppress(SystemExit):
        call_command("check_books", "--json", stdout=out)
    return json.loads(out.getvalue())


def test_it_ends_with_an_error_where_something_is_wrong(billed):
    Customer.objects.update(payment_policy="optional")
    with pytest.raises(SystemExit) as stop:
        call_command("check_books", stdout=StringIO())
    assert stop.value.code == 1


def test_right_books_have_no_findings(billed):
    assert findings() == []


@pytest.mark.parametrize(
    "breakage",
    [
        "UPDATE invoices_invoiceline SET amount = amount + 1 WHERE kind = 'fee'",
        "UPDATE invoices_invoice SET number = 'INV-2026-000007'",
        "UPDATE invoices_invoicesequence SET last = last + 1 WHERE series = 'INV'",
        "UPDATE invoices_payment SET status = 'declined', receipt_number = NULL",
        "UPDATE accounts_customer SET payment_policy = 'optional'",
        "UPDATE usage_usagehour SET quantity = quantity + 1 WHERE id = (SELECT min(id) FROM usage_usagehour)",
        "DELETE FROM usage_usageevent WHERE id = (SELECT min(id) FROM usage_usageevent)",
        "UPDATE plans_ratedusage SET amount = amount + 1 WHERE quantity > 0",
        "UPDATE invoices_document SET content = 'x'::bytea WHERE kind = 'invoice'",
    ],
)
def test_a_broken_book_is_named(billed, breakage):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # only a superuser can step past the triggers
        cursor.execute(breakage)
        assert cursor.rowcount >= 1
        cursor.execute("SET session_replication_role = DEFAULT")
    found = findings()
    assert found, breakage
    assert all(row["rule"] and row["subject"] for row in found)
