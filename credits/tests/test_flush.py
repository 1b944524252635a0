"""Emptying the ledger: the tests' own fixture may, on a throw-away server; nobody who runs the portal can."""

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from credits.models import LedgerTransaction
from credits.tests.cast import grant


@pytest.mark.django_db(transaction=True)
def test_flush_is_refused_although_it_is_a_superusers(customer, at):
    grant(customer, 100, at)
    with pytest.raises(CommandError, match="couldn't be flushed"):
        call_command("flush", interactive=False, verbosity=0)
    assert LedgerTransaction.objects.count() == 1


def test_an_ordinary_owner_cannot_step_past_the_triggers(customer, at):
    """What the portal runs as: owns the tables, and is no superuser."""
    grant(customer, 100, at)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("CREATE ROLE portal_owner NOSUPERUSER")
        cursor.execute("ALTER TABLE credits_ledgerentry OWNER TO portal_owner")
        cursor.execute("SET LOCAL ROLE portal_owner")
    for statement in ("SET session_replication_role = replica", "TRUNCATE credits_ledgerentry"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_no_setting_and_no_installed_app_lets_it():
    """The fixture is a plugin of pytest, named by its configuration alone."""
    assert not [app for app in settings.INSTALLED_APPS if "pytest" in app]
    assert "session_replication_role" not in (settings.BASE_DIR / "billing_portal" / "settings.py").read_text()
    assert "options" not in settings.DATABASES["default"].get("OPTIONS", {})
