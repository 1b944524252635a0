"""The proof that the books are right: what every room finds, joined. For the command, the nightly check and staff."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

import accounts.books
import credits.books
import invoices.books
import plans.books
import usage.books
from billing_portal.models import Run, RunKind, Trigger
from billing_portal.recording import recorded
from core.books import Finding
from invoices import reconciling

ROOMS = (accounts.books, usage.books, credits.books, invoices.books, plans.books)
KEPT = 500  # findings that are kept in words; a broken rule easily has as many as there are rows


def check_books(*, at: datetime, trigger: Trigger, run: Run | None = None, full: bool = False) -> list[Finding]:
    """Recompute what must agree and name what does not; the result is kept as a run. Reads only.

    The processors' journals of the last 35 days, or with `full` of all time, are the second set of books: asked over
    the network, so this runs outside any transaction.
    """
    with recorded(RunKind.BOOKS, at=at, trigger=trigger, run=run) as (report, row):
        findings: list[Finding] = []
        for room in ROOMS:
            report.measured(room.__name__.partition(".")[0], partial(_check, room.check, findings))
        compare = partial(reconciling.check, at, full=full)
        report.measured("processors", partial(_check, compare, findings))
        row.take_findings(findings, KEPT)
    return findings


def _check(check: Callable[[], Iterable[Finding]], findings: list[Finding]) -> int:
    """One room's proof; it counts as a step whatever it finds."""
    findings.extend(check())
    return 1
