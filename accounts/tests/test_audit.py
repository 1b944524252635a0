import pytest
from django.db import DatabaseError, connection, transaction

from accounts.audit import audit, record
from accounts.models import AuditEntry


def test_it_gives_an_entry_that_a_batch_can_insert(customer, alice, at):
    entries = [
        audit(at=at, actor=alice, customer_id=customer.pk, action="look", subject=f"invoice:{number}")
        for number in (1, 2)
    ]

    assert all(entry.pk is None for entry in entries)
    AuditEntry.objects.bulk_create(entries)
    assert AuditEntry.objects.filter(action="look").count() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET reason = 'another'",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry",
    ],
)
def test_it_can_only_be_appended_even_by_sql(statement, customer, at):
    record(at=at, actor=None, customer_id=customer.pk, action="look", subject="invoice:1")

    with transaction.atomic(), connection.cursor() as cursor:
        # Foreign keys are checked now: TRUNCATE refuses checks that wait before it asks any trigger.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
