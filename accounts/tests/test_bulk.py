import pytest
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry, Notice
from core.bulk import copy_rows, copy_values


def test_copied_rows_know_their_ids_and_read_back_the_same(customer, at):
    entries = copy_rows(
        [
            AuditEntry(at=at, customer=customer, action="tried", subject=f"row:{number}", after={"é": [1, None]})
            for number in range(3)
        ]
    )
    stored = list(AuditEntry.objects.filter(action="tried").order_by("pk"))
    assert [entry.pk for entry in entries] == [entry.pk for entry in stored]
    assert [entry.subject for entry in stored] == ["row:0", "row:1", "row:2"]
    assert (stored[0].at, stored[0].after, stored[0].actor) == (at, {"é": [1, None]}, None)


def test_rows_inserted_later_go_on_counting(db, at):
    [first] = copy_rows([AuditEntry(at=at, action="tried", subject="row:1")])
    second = AuditEntry.objects.create(at=at, action="tried", subject="row:2")
    assert second.pk > first.pk


def test_nothing_is_copied_for_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert copy_rows([]) == []


def test_a_key_that_is_there_is_refused(db, at):
    names = ("key", "template", "to", "context", "created_at", "attempts", "last_error")
    row = ("once", "t", ["a@example.com"], {}, at, 0, "")
    copy_values(Notice, names, [row])
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_values(Notice, names, [row])
    assert Notice.objects.get().to == ["a@example.com"]
