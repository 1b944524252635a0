"""The month in ten lines: calculate what is due → finalize what is due → collect → deliver.

Called by beat every hour and by `manage.py run_billing`. It keeps no state of its own: every step asks the database
what is due and calls an idempotent verb, so a killed run is finished by the next one and two runs at once bill once.
A batch that raises is run again customer by customer; the one that fails is parked with its reason, the rest is billed.
"""

import gc
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import groupby, islice

from django.db import transaction

from accounts.services.deliver_notices import deliver_notices
from accounts.services.park_customer import park_customer
from core.due import Due
from core.exceptions import RuleError
from credits.selectors import due_to_book
from credits.services.book_due_credits import book_due_credits
from credits.services.warn_balances import warn_balances
from credits.services.warn_expiries import warn_expiries
from invoices.selectors import due_to_collect, due_to_finalize, due_to_refresh
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.refresh_drafts import refresh_drafts
from invoices.services.submit_payment import submit_payment
from plans.selectors.catalogue import due_for_calculation, due_for_follow_up, due_to_change, starts_to_settle
from plans.selectors.settlement import due_to_settle
from plans.selectors.stating import due_to_state
from plans.services.bill_late_usage import bill_late_usage
from plans.services.calculate_charges import calculate_charges
from plans.services.carry_out_changes import carry_out_changes
from plans.services.schedule_migrations import schedule_migrations
from plans.services.settle_start import settle_start
from plans.services.settle_usage import settle_usage
from plans.services.state_credits import state_credits

logger = logging.getLogger(__name__)

BATCH = 1_000

Progress = Callable[[str, int, int], None]  # step, how many are done, how many there are


def silently(step: str, done: int, total: int) -> None:
    """For runs that nobody watches."""


@dataclass
class RunReport:
    """What a run did; amounts stay with the documents, this counts."""

    at: str
    settled: int = 0
    calculated: int = 0
    finalized: int = 0
    changed: int = 0
    collected: int = 0
    declined: int = 0
    resolved: int = 0
    documents: int = 0
    notices: int = 0
    parked: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def run_billing(*, at: datetime, progress: Progress = silently) -> RunReport:
    """Do everything that is due at `at`, however long the portal was away."""
    report = RunReport(at=at.isoformat())
    bill_due(at=at, report=report, progress=progress)
    report.resolved = reconcile_payments(at=at) + reconcile_refunds(at=at)
    settle_starts(at=at)
    collect_due(at=at, report=report)
    warn_balances(at=at)
    warn_expiries(at=at)
    report.documents = deliver_documents(at=at)
    report.notices = deliver_notices(at=at)
    return report


def settle_starts(*, at: datetime) -> None:
    """Begin the plans whose first payment has succeeded by now, give up those whose first payment failed."""
    for quote in starts_to_settle():
        present = quote.customer.present(at)
        try:
            settle_start(quote=quote, at=present, actor=None)
        except Exception as error:
            logger.exception("the start of quote %s failed", quote.public_id)
            park_customer(customer_id=quote.customer_id, reason=f"{type(error).__name__}: {error}", at=present)


def dry_run(*, at: datetime) -> RunReport:
    """What `run_billing` would calculate and finalize: the real run, rolled back; nobody is charged or told."""
    report = RunReport(at=at.isoformat())
    with transaction.atomic():
        bill_due(at=at, report=report)
        transaction.set_rollback(True)
    return report


def bill_due(*, at: datetime, report: RunReport, progress: Progress = silently) -> None:
    """Period by period until nothing is due: an outage of months is caught up in order."""
    schedule_migrations(at=at)
    in_batches(due_to_refresh(at), refresh_batch, report, progress, "refreshed")
    while True:
        settle_due(at=at, report=report, progress=progress)
        calculated = in_batches(due_for_calculation(at), calculate_batch, report, progress, "calculated")
        changed = in_batches(due_to_change(at), change_batch, report, progress, "changed")
        finalized = in_batches(due_to_finalize(at), finalize_batch, report, progress, "finalized")
        followed = in_batches(due_for_follow_up(at), follow_up_batch, report, progress, "followed up")
        stated = in_batches(due_to_state(at), state_batch, report, progress, "stated")
        report.calculated += calculated
        report.finalized += finalized
        report.changed += changed
        if not (calculated or finalized or changed or followed or stated):
            return


def change_due(*, at: datetime, report: RunReport, progress: Progress = silently) -> None:
    """Schedule what migrations have left, and carry out the changes that wait for nothing but their instant."""
    schedule_migrations(at=at)
    report.changed += in_batches(due_to_change(at), change_batch, report, progress, "changed")


def settle_due(*, at: datetime, report: RunReport, progress: Progress = silently) -> None:
    """Closed hours and fees whose day has come are charged to credit; then what has expired, or is effective by now,
    and nothing has booked yet."""
    report.settled += in_batches(due_to_settle(at), settle_batch, report, progress, "settled")
    in_batches(due_to_book(at), book_batch, report, progress, "booked")


def state_batch(ids: Sequence[int], at: datetime) -> int:
    return len(state_credits(subscription_ids=ids, at=at))


def settle_batch(ids: Sequence[int], at: datetime) -> int:
    return settle_usage(customer_ids=ids, at=at)


def book_batch(ids: Sequence[int], at: datetime) -> int:
    return book_due_credits(customer_ids=ids, at=at)


def refresh_batch(ids: Sequence[int], at: datetime) -> int:
    return len(refresh_drafts(invoice_ids=ids, at=at))


def calculate_batch(ids: Sequence[int], at: datetime) -> int:
    calculate_charges(subscription_ids=ids, at=at)
    return len(ids)


def change_batch(ids: Sequence[int], at: datetime) -> int:
    return len(carry_out_changes(change_ids=ids, at=at))


def follow_up_batch(ids: Sequence[int], at: datetime) -> int:
    bill_late_usage(subscription_ids=ids, at=at)
    return len(ids)


def finalize_batch(ids: Sequence[int], at: datetime) -> int:
    return len(finalize_invoices(invoice_ids=ids, at=at))


def in_batches(
    due: Sequence[Due],
    step: Callable[[Sequence[int], datetime], int],
    report: RunReport,
    progress: Progress,
    name: str,
) -> int:
    done = seen = 0
    for batch in batches(due):
        done += run_batch(batch, step, report)
        seen += len(batch)
        progress(name, seen, len(due))
    return done


def batches(due: Iterable[Due]) -> Iterator[list[Due]]:
    """Rows of one present together, at most BATCH at a time; customers with their own clock come apart."""
    for _, group in groupby(due, key=lambda row: row.present):
        while batch := list(islice(group, BATCH)):
            yield batch


def run_batch(batch: Sequence[Due], step: Callable[[Sequence[int], datetime], int], report: RunReport) -> int:
    try:
        return attempt(batch, step)
    except Exception:
        logger.exception("a batch of %s failed; running it one by one", len(batch))
    return sum(run_alone(row, step, report) for row in batch)


def attempt(batch: Sequence[Due], step: Callable[[Sequence[int], datetime], int]) -> int:
    with uncollected(), transaction.atomic():
        return step([row.id for row in batch], batch[0].present)


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles inside: a batch makes very many objects at once, all of which go when it ends.

    Python would walk them again and again, a sixth of the run. What few cycles there are go between the batches.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def run_alone(row: Due, step: Callable[[Sequence[int], datetime], int], report: RunReport) -> int:
    try:
        return attempt([row], step)
    except Exception as error:
        logger.exception("customer %s is parked", row.customer_id)
        park_customer(customer_id=row.customer_id, reason=f"{type(error).__name__}: {error}", at=row.present)
        report.parked.append(f"customer:{row.customer_id}")
        return 0


def collect_due(*, at: datetime, report: RunReport) -> None:
    """Charge the default card of every open invoice whose day has come, one payment at a time."""
    for row in due_to_collect(at):
        try:
            payment = collect_payment(invoice_id=row.id, at=row.present, automatic=True)
            outcome = submit_payment(payment_id=payment.id, at=row.present).status
        except RuleError as refused:  # the card was deleted or the invoice paid since it was found due
            logger.info("invoice %s is not collected: %s", row.id, refused.description)
            continue
        except Exception as error:
            logger.exception("collecting invoice %s failed", row.id)
            park_customer(customer_id=row.customer_id, reason=f"{type(error).__name__}: {error}", at=row.present)
            report.parked.append(f"customer:{row.customer_id}")
            continue
        report.collected += outcome == "succeeded"
        report.declined += outcome == "declined"
