"""Runs that a person has asked for. The rows are the queue: a worker claims one after the other and does it."""

import logging
from datetime import datetime

from django.db import transaction

from accounts.models import Customer
from accounts.services.unpark_customer import unpark_customer
from billing_portal.billing_run import bill_and_collect
from billing_portal.books import check_books
from billing_portal.models import Run, RunKind, Trigger
from billing_portal.recording import recorded
from core import clock

logger = logging.getLogger(__name__)


def do_wanted(*, at: datetime) -> int:
    """How many were done. One that fails says so on its row and does not hold up the next."""
    done = 0
    while (run := _claim(at)) is not None:
        try:
            _do(run, at)
        except Exception:
            logger.exception("run %s failed", run.pk)
        done += 1
    return done


@transaction.atomic
def _claim(at: datetime) -> Run | None:
    """The oldest one, begun from now on: another worker passes it by. One whose worker dies never ends and says so."""
    waiting = Run.objects.waiting().select_for_update(skip_locked=True, of=("self",))
    run = waiting.select_related("customer", "actor").order_by("pk").first()
    if run is not None:
        run.started_at, run.at = clock.now(), at
        run.save(update_fields=["started_at", "at"])
    return run


def _do(run: Run, at: datetime) -> None:
    if run.customer is None:
        check_books(at=at, trigger=Trigger(run.trigger), run=run)
    else:
        _run_customer(run, run.customer, at)


def _run_customer(run: Run, customer: Customer, at: datetime) -> None:
    """The steps of the billing run, by the same selectors and verbs, for this customer alone."""
    with recorded(RunKind.CUSTOMER, at=at, run=run) as (report, _row):
        unpark_customer(customer_id=customer.pk, at=customer.present(at), actor=run.actor, reason=run.reason)
        bill_and_collect(at=at, report=report, customer_id=customer.pk)
