"""Wake a task up by name. Only a hint: every task also runs by itself and finds what is due in the database."""

import logging
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def nudge(task_name: str, *args: Any) -> None:
    """Once the transaction is committed, ask a worker to run the task now rather than at its next tick.

    Where the broker is down or the task unknown nothing is lost, so nobody is bothered with it.
    """
    transaction.on_commit(lambda: _send(task_name, *args))


def _send(task_name: str, *args: Any) -> None:
    task = current_app.tasks.get(task_name)
    if task is None:
        logger.warning("no task %s to nudge", task_name)
        return
    try:
        task.delay(*args)
    except OperationalError:
        logger.warning("the broker is down; %s waits for its next tick", task_name)
