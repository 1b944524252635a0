"""What a monitor asks: how much waits, for how long, and whether the books are right. Asked of the database, which
is the queue – counters of processes would have to be added up over machines and restarts, and could differ from it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Max, Min, Q

from accounts.models import Customer, Notice
from billing_portal.models import MINUTELY, Run, RunKind
from invoices import attention
from invoices.due import due_to_collect, due_to_deliver, due_to_finalize, due_to_refresh, voids_to_deliver
from plans.selectors.catalogue import due_for_calculation, due_for_follow_up, due_to_change
from plans.selectors.settlement import due_to_settle

LIMIT = 1_000  # of rows that are rare; there may be more where this many are told
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

DUE: dict[str, Callable[[datetime], Sequence[Any]]] = {
    "refresh": due_to_refresh,
    "calculate": due_for_calculation,
    "follow_up": due_for_follow_up,
    "change": due_to_change,
    "settle": due_to_settle,
    "finalize": due_to_finalize,
    "collect": due_to_collect,
}


class Metric(NamedTuple):
    """One gauge. `values`: by the value of `label`, or one under an empty key. Times are seconds."""

    name: str
    help: str
    values: dict[str, int]
    label: str = ""


def metrics(at: datetime) -> Iterator[Metric]:
    """Everything that is told, as of `at`."""
    yield Metric("billing_due", "Rows that a step would take up now", _due(at), "step")
    yield from _payments(at)
    yield from _events(at)
    yield from _notices(at)
    yield from _runs(at)
    documents = sum(len(ids) for ids in (*due_to_deliver(), voids_to_deliver()))
    yield _one("billing_documents_waiting", "Invoices and receipts without their PDF", documents)
    parked = Customer.objects.filter(parked_at__isnull=False).count()
    yield _one("billing_customers_parked", "Customers whom runs leave out until somebody has looked", parked)


def as_text(rows: Iterable[Metric]) -> str:
    """Prometheus' text format."""
    lines: list[str] = []
    for row in rows:
        lines += [f"# HELP {row.name} {row.help}", f"# TYPE {row.name} gauge"]
        lines += [f"{row.name}{_labels(row.label, key)} {value}" for key, value in row.values.items()]
    return "\n".join(lines) + "\n"


def _labels(label: str, value: str) -> str:
    return f'{{{label}="{value}"}}' if label else ""


def _one(name: str, text: str, value: int) -> Metric:
    return Metric(name, text, {"": value})


def _due(at: datetime) -> dict[str, int]:
    return {step: len(find(at)) for step, find in DUE.items()}


def _payments(at: datetime) -> Iterator[Metric]:
    payments, refunds = attention.unresolved_payments(at, LIMIT), attention.troubled_refunds(at, LIMIT)
    oldest = _age(at, payments[0].created_at if payments else None)
    declined = len(attention.declined_payments(LIMIT))
    yield _one("billing_payments_unresolved", "Payments whose outcome is not known", len(payments))
    yield _one("billing_payments_unresolved_oldest_seconds", "Age of the oldest of them", oldest)
    yield _one("billing_payments_declined", "Open invoices whose last attempt was declined", declined)
    yield _one("billing_refunds_troubled", "Refunds that failed, or whose outcome is not known", len(refunds))


def _events(at: datetime) -> Iterator[Metric]:
    waiting, oldest = attention.waiting_events()
    yield _one("billing_events_waiting", "Events of the card processor that are not handled yet", waiting)
    yield _one("billing_events_oldest_seconds", "Age of the oldest of them", _age(at, oldest))
    failed = len(attention.failed_events(LIMIT))
    yield _one("billing_events_failed", "Events that could not be handled for days", failed)
    disputes = len(attention.open_disputes(LIMIT))
    yield _one("billing_disputes_open", "Charges that cardholders dispute", disputes)


def _notices(at: datetime) -> Iterator[Metric]:
    failing = Count("pk", filter=~Q(last_error=""))
    waiting = Notice.objects.filter(sent_at__isnull=True)
    row = waiting.aggregate(waiting=Count("pk"), failing=failing, oldest=Min("created_at"))
    yield _one("billing_notices_waiting", "Messages not sent yet", row["waiting"])
    yield _one("billing_notices_failing", "Those of them that the mail server has refused", row["failing"])
    yield _one("billing_notices_oldest_seconds", "Age of the oldest of them", _age(at, row["oldest"]))


def _runs(at: datetime) -> Iterator[Metric]:
    """Of the hourly and nightly runs; the minute's jobs write a row only where they did something."""
    large = [kind for kind in RunKind.values if kind not in MINUTELY and kind != RunKind.CUSTOMER]
    ended = Run.objects.filter(kind__in=large, ended_at__isnull=False, error="").values_list("kind")
    newest = dict(ended.annotate(newest=Max("ended_at")))
    ages = {kind: _age(at, newest[kind]) if kind in newest else -1 for kind in large}
    yield Metric("billing_run_age_seconds", "Since the last run that ended well; -1: never", ages, "kind")
    wanted = Run.objects.waiting().aggregate(oldest=Min("wanted_at"))["oldest"]
    yield _one("billing_runs_wanted_oldest_seconds", "Age of the oldest request of a person", _age(at, wanted))
    check = Run.objects.checks().only("found").first()
    found = check.found if check else -1
    yield _one("billing_books_findings", "What the last check of the books found; -1: never checked", found)


def _age(at: datetime, since: datetime | None) -> int:
    return max(0, int((at - since).total_seconds())) if since else 0
