"""A run is written down as it goes: a row when it begins, the same row when it ends, even if by an error.

Writing it never breaks the run: where the database refuses, that is logged and the run goes on.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import DatabaseError, transaction

from billing_portal.models import MINUTELY, Run, RunKind, Trigger
from billing_portal.report import RunReport
from core import clock

logger = logging.getLogger(__name__)


@contextmanager
def recorded(
    kind: RunKind, *, at: datetime, trigger: Trigger = Trigger.SCHEDULE, run: Run | None = None
) -> Iterator[tuple[RunReport, Run]]:
    """The report to fill, and its row. `run`: the row of one that a person wanted. Of a minute's job nothing is
    written unless it did something or failed; what it raises goes on being raised."""
    row = run or Run(kind=kind, trigger=trigger, at=at, started_at=clock.now())
    report, began = RunReport(at=at.isoformat()), time.perf_counter()
    if kind not in MINUTELY:
        write(row.save)
    try:
        yield report, row
    except BaseException as error:
        row.error = f"{type(error).__name__}: {error}"
        raise
    finally:
        row.take(report)
        row.ended_at, row.took_ms = clock.now(), round((time.perf_counter() - began) * 1_000)
        if kind not in MINUTELY or report.did_something or row.error:
            write(row.save)


def write(save: Callable[[], None]) -> None:
    """In a savepoint of its own, so that a refusal leaves what surrounds it alone."""
    try:
        with transaction.atomic():
            save()
    except DatabaseError:
        logger.exception("the diary of the runs could not be written")
