"""A nudge is a hint: it comes after the commit, and nothing depends on it."""

import pytest
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from core.nudge import nudge

TASK = "core.tests.test_nudge.noted"


class Task:
    """Stands for a task of the app: notes what it was asked, or finds no broker."""

    def __init__(self):
        self.asked = []
        self.broker_is_down = False

    def delay(self, *args):
        if self.broker_is_down:
            raise OperationalError("no broker")
        self.asked.append(args)


@pytest.fixture
def task(monkeypatch):
    task = Task()
    monkeypatch.setitem(current_app.tasks, TASK, task)
    return task


@pytest.mark.django_db(transaction=True)
def test_it_wakes_the_task_only_after_the_commit(task):
    with transaction.atomic():
        nudge(TASK, 7)
        assert task.asked == []
    assert task.asked == [(7,)]


@pytest.mark.django_db(transaction=True)
def test_it_wakes_nobody_when_the_transaction_fails(task):
    with transaction.atomic():
        nudge(TASK)
        transaction.set_rollback(True)
    assert task.asked == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", [TASK, "nobody.knows.this"])
def test_a_broker_that_is_down_or_a_task_unknown_bothers_nobody(task, caplog, name):
    task.broker_is_down = True
    nudge(name)
    assert name in caplog.text
