"""Backup and restore, by the very lines of docs/operations.md, with PostgreSQL's own programs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import DatabaseError, connection

from accounts.tests.cards import add_card
from billing_portal.embedded_programs import bindir
from credits.tests.cast import grant
from invoices.models import Document, Invoice
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.submit_payment import submit_payment
from invoices.tests.shelf import issued
from plans.tests.conftest import go_plus

ROOT = Path(__file__).resolve().parents[2]
RESTORED = "restored"  # as the lines call it


def documented(heading: str) -> str:
    """The shell lines under a heading of the operators' handbook."""
    text = (ROOT / "docs/operations.md").read_text()
    found = re.search(rf"^###? {heading}$.*?^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found, f"docs/operations.md has no lines under {heading}"
    return found[1]


def address(name: str) -> str:
    values = connection.settings_dict
    host, port = quote(values["HOST"], safe=""), values["PORT"]
    return f"postgresql://{values['USER']}@/{name}?host={host}" + (f"&port={port}" if port else "")


def run(lines: str, folder: Path) -> str:
    """As an operator does, in a shell; the first line that fails ends it."""
    environment = {
        **os.environ,
        "PATH": f"{bindir()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATABASE_URL": address(connection.settings_dict["NAME"]),
        "RESTORED_URL": address(RESTORED),
        "BACKUP": str(folder / "portal.dump"),
        "SECRET_KEY": "only-for-the-tests",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DEMO": "1",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", lines], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def looking_at(name: str) -> Iterator[None]:
    """This process works with another database of the same server."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


@pytest.fixture
def restored(transactional_db, tmp_path) -> Iterator[Path]:
    """Where the dump goes; the database that is made of it is gone afterwards."""
    yield tmp_path
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{RESTORED}" WITH (FORCE)')


@pytest.fixture
def month(restored, seller, customer, alice, catalogue, at) -> list[Invoice]:
    """A subscription; two invoices, one of them paid, with PDFs; credits; an audit trail."""
    add_card(customer, alice, at)
    go_plus(customer, catalogue, at)
    grant(customer, 10_000, at)
    invoices = issued(customer, 2)
    payment = collect_payment(invoice_id=invoices[0].pk, at=at, automatic=False)
    submit_payment(payment_id=payment.pk, at=at)
    deliver_documents(at=at)
    return invoices


FORBIDDEN = (
    "UPDATE invoices_invoice SET total = 1 WHERE number IS NOT NULL",
    "DELETE FROM invoices_payment",
    "UPDATE credits_ledgerentry SET amount = 1",
    "TRUNCATE credits_ledgertransaction CASCADE",
    "DELETE FROM accounts_auditentry",
)


def test_a_restored_backup_is_the_portal_again(month, customer, restored, at):
    hashes = dict(Document.objects.values_list("filename", "sha256"))
    run(documented("Backup"), restored)
    said = run(documented("Restore"), restored)

    assert "books" in said.lower()
    with looking_at(RESTORED):
        assert dict(Document.objects.values_list("filename", "sha256")) == hashes
        assert [row.number for row in issued(customer, 1)] == ["INV-2026-000003"]
        grant(customer, 500, at + timedelta(days=1))
        for statement in FORBIDDEN:
            with connection.cursor() as cursor, pytest.raises(DatabaseError):
                cursor.execute(statement)
    assert Invoice.objects.filter(number__isnull=False).count() == 2
