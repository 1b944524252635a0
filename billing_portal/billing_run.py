"""The month in ten lines: calculate what is due → finalize what is due → collect → deliver.

Called by beat every hour and by `manage.py run_billing`. It keeps no state of its own: every step asks the database
what is due and calls an idempotent verb, so a killed run is finished by the next one and two runs at once bill once.
A batch that raises is run again customer by customer; the one that fails is parked with its reason, the rest is billed.
"""

import gc
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.services.deliver_notices import deliver_notices
from accounts.services.park_customer import park_customer
from accounts.services.warn_card_expiries import warn_card_expiries
from billing_portal.report import RunReport as RunReport
from core.due import Due
from core.exceptions import RuleError
from core.language import in_english
from credits.selectors import due_to_book
from credits.services.book_due_credits import book_due_credits
from credits.services.warn_balances import warn_balances
from credits.services.warn_expiries import warn_expiries
from invoices.attaching import find_files
from invoices.due import due_to_collect, due_to_finalize, due_to_refresh
from invoices.overdue import stories_over
from invoices.services.ask_for_cards import ask_for_cards
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.give_up_sale import give_up_sale
from invoices.services.handle_events import handle_events
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.refresh_drafts import refresh_drafts
from invoices.services.remind_overdue import remind_overdue
from invoices.services.settle_top_up import settle_top_up
from invoices.services.submit_payment import submit_payment
from invoices.services.thank_recovered import thank_recovered
from invoices.services.top_up import top_up
from invoices.topping_up import due_to_give_up, due_to_top_up, failed_top_ups
from plans.selectors.at_zero import at_zero_of
from plans.selectors.catalogue import due_for_calculation, due_for_follow_up, due_to_change, starts_to_settle
from plans.selectors.overdue import consequences_of, due_to_carry_out, due_to_release, due_to_remind, standings
from plans.selectors.settlement import due_to_settle
from plans.selectors.spending import due_to_tell
from plans.selectors.stating import due_to_state
from plans.services.bill_late_usage import bill_late_usage
from plans.services.calculate_charges import calculate_charges
from plans.services.carry_out_changes import carry_out_changes
from plans.services.carry_out_consequences import carry_out_consequences
from plans.services.release_holds import release_holds
from plans.services.schedule_migrations import schedule_migrations
from plans.services.settle_start import settle_start
from plans.services.settle_usage import settle_usage
from plans.services.state_credits import state_credits
from plans.services.tell_budget import tell_budget

if TYPE_CHECKING:
    from plans.models import ChangeQuote

logger = logging.getLogger(__name__)

BATCH = 1_000

Progress = Callable[[str, int, int], None]  # step, how many are done, how many there are


def silently(step: str, done: int, total: int) -> None:
    """For runs that nobody watches."""


@in_english
def run_billing(*, at: datetime, progress: Progress = silently, report: RunReport | None = None) -> RunReport:
    """Do everything that is due at `at`, however long the portal was away. `report`: one that somebody else reads."""
    report = report or RunReport(at=at.isoformat())
    bill_and_collect(at=at, report=report, progress=progress)
    report.measured("warned", partial(warn_balances, at=at, at_zero=at_zero_of))
    report.measured("warned", lambda: warn_expiries(at=at) + ask_for_cards(at=at))
    report.measured("warned", partial(warn_card_expiries, at=at))
    tell_due(at=at, report=report)
    report.documents = report.measured("documents", partial(deliver_documents, at=at))
    report.notices = report.measured("notices", partial(deliver_notices, at=at, find_files=find_files))
    return report


@in_english
def bill_and_collect(
    *, at: datetime, report: RunReport, progress: Progress = silently, customer_id: int | None = None
) -> None:
    """Every step that writes documents or charges cards; of one customer where one is named. Warnings, PDFs and
    messages are rows that wait by then, and the minute's jobs pick them up."""
    bill_due(at=at, report=report, progress=progress, customer_id=customer_id)
    report.resolved = resolve_due(at=at, report=report, customer_id=customer_id)
    settle_starts(at=at, report=report, customer_id=customer_id)
    dun_due(at=at, report=report, customer_id=customer_id)
    top_up_due(at=at, report=report, customer_id=customer_id)
    collect_due(at=at, report=report, customer_id=customer_id)
    clear_due(at=at, report=report, customer_id=customer_id)


def resolve_due(*, at: datetime, report: RunReport, customer_id: int | None = None) -> int:
    """Hear what the gateway told us, and ask it about payments and refunds whose outcome is not known."""
    if customer_id is None:
        report.measured("events", partial(handle_events, at=at))
    payments = report.measured("resolved", partial(reconcile_payments, at=at, customer_id=customer_id))
    return payments + report.measured("refunds resolved", partial(reconcile_refunds, at=at, customer_id=customer_id))


def settle_starts(*, at: datetime, report: RunReport, customer_id: int | None = None) -> None:
    """Begin the plans whose first payment has succeeded by now, give up those whose first payment failed."""
    for quote in starts_to_settle(customer_id):
        try:
            report.measured("begun", partial(_settle_start, quote, quote.customer.present(at)))
        except Exception as error:
            logger.exception("the start of quote %s failed", quote.public_id)
            park(quote.customer_id, error, quote.customer.present(at), report)


def _settle_start(quote: "ChangeQuote", at: datetime) -> int:
    settled = settle_start(quote=quote, at=at, actor=None)
    return int(bool(settled.completed_at or settled.given_up_at))


def dry_run(*, at: datetime) -> RunReport:
    """What `run_billing` would calculate and finalize: the real run, rolled back; nobody is charged or told."""
    report = RunReport(at=at.isoformat())
    with transaction.atomic():
        bill_due(at=at, report=report)
        transaction.set_rollback(True)
    return report


@in_english
def bill_due(*, at: datetime, report: RunReport, progress: Progress = silently, customer_id: int | None = None) -> None:
    """Period by period until nothing is due: an outage of months is caught up in order."""
    if customer_id is None:
        schedule_migrations(at=at)
    in_batches(due_to_refresh(at, customer_id), refresh_batch, report, progress, "refreshed")
    while True:
        settle_due(at=at, report=report, progress=progress, customer_id=customer_id)
        calculated = in_batches(due_for_calculation(at, customer_id), calculate_batch, report, progress, "calculated")
        changed = in_batches(due_to_change(at, customer_id), change_batch, report, progress, "changed")
        finalized = in_batches(due_to_finalize(at, customer_id), finalize_batch, report, progress, "finalized")
        followed = in_batches(due_for_follow_up(at, customer_id), follow_up_batch, report, progress, "followed up")
        stated = in_batches(due_to_state(at, customer_id), state_batch, report, progress, "stated")
        report.calculated += calculated
        report.finalized += finalized
        report.changed += changed
        if not (calculated or finalized or changed or followed or stated):
            return


def change_due(*, at: datetime, report: RunReport, progress: Progress = silently) -> None:
    """Schedule what migrations have left, and carry out the changes that wait for nothing but their instant."""
    schedule_migrations(at=at)
    report.changed += in_batches(due_to_change(at), change_batch, report, progress, "changed")


def dun_due(*, at: datetime, report: RunReport, customer_id: int | None = None) -> None:
    """What follows where an invoice stayed unpaid, once every outcome that can be known is; then reminders. A card that
    is tried again now is told about by its outcome, so that comes after."""
    found = standings(at, customer_id)
    if due := due_to_carry_out(found):
        in_batches(due, consequence_batch, report, silently, "consequences")
        found = standings(at, customer_id)
    in_batches(due_to_remind(found), remind_batch, report, silently, "reminded")


def clear_due(*, at: datetime, report: RunReport, customer_id: int | None = None) -> None:
    """Whoever has nothing overdue any more gets access again, and is thanked."""
    in_batches(due_to_release(at, customer_id), release_batch, report, silently, "released")
    in_batches(stories_over(at, customer_id), thank_batch, report, silently, "thanked")


def settle_due(
    *, at: datetime, report: RunReport, progress: Progress = silently, customer_id: int | None = None
) -> None:
    """Closed hours and fees whose day has come are charged to credit; then what has expired, or is effective by now,
    and nothing has booked yet."""
    report.settled += in_batches(due_to_settle(at, customer_id), settle_batch, report, progress, "settled")
    in_batches(due_to_book(at, customer_id), book_batch, report, progress, "booked")


def consequence_batch(ids: Sequence[int], at: datetime) -> int:
    return len(carry_out_consequences(customer_ids=ids, at=at))


def remind_batch(ids: Sequence[int], at: datetime) -> int:
    return len(remind_overdue(customer_ids=ids, at=at, consequences=consequences_of(ids)))


def release_batch(ids: Sequence[int], at: datetime) -> int:
    return len(release_holds(customer_ids=ids, at=at))


def thank_batch(ids: Sequence[int], at: datetime) -> int:
    return thank_recovered(story_ids=ids, at=at)


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
        done += report.measured(name, partial(run_batch, batch, step, report))
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
        logger.exception("customer %s is parked", row.customer_id, extra={"customer_id": row.customer_id})
        park(row.customer_id, error, row.present, report)
        return 0


def park(customer_id: int, error: Exception, at: datetime, report: RunReport) -> None:
    """Leave a customer out of the runs from now on, with the reason, until somebody has looked."""
    reason = f"{type(error).__name__}: {error}"
    park_customer(customer_id=customer_id, reason=reason, at=at)
    report.park(customer_id, reason)


def top_up_due(*, at: datetime, report: RunReport, customer_id: int | None = None) -> None:
    """Stop the rules whose payment failed, give up what nobody paid, and buy credit where a rule says so; the sales
    are collected as any invoice."""
    for row in failed_top_ups(at, customer_id):
        report.measured("top-ups stopped", partial(attend, row, _settle_top_up, report))
    for row in due_to_give_up(at, customer_id):
        report.measured("purchases given up", partial(attend, row, _give_up, report))
    for row in due_to_top_up(at, customer_id):
        report.measured("topped up", partial(attend, row, _top_up, report))


def _settle_top_up(row: Due) -> bool:
    return settle_top_up(sale_id=row.id, at=row.present)


def _give_up(row: Due) -> bool:
    return give_up_sale(sale_id=row.id, at=row.present)


def _top_up(row: Due) -> bool:
    return top_up(rule_id=row.id, at=row.present) is not None


def attend(row: Due, step: Callable[[Due], bool], report: RunReport) -> int:
    """1 where the step did something; where it fails, its customer alone is parked."""
    try:
        return int(step(row))
    except Exception as error:
        logger.exception("customer %s is parked", row.customer_id)
        park(row.customer_id, error, row.present, report)
        return 0


def tell_due(*, at: datetime, report: RunReport, customer_id: int | None = None) -> None:
    """Compare budgets with what was spent and used, and tell what they ask for."""
    for row in due_to_tell(at, customer_id):
        report.measured("budgets told", partial(_tell_budget, row))


def _tell_budget(row: Due) -> int:
    """An alert that fails parks nobody: billing goes on, and the next look tries again."""
    try:
        return tell_budget(budget_id=row.id, at=row.present)
    except Exception:
        logger.exception("budget %s was not looked at", row.id, extra={"customer_id": row.customer_id})
        return 0


def collect_due(*, at: datetime, report: RunReport, customer_id: int | None = None) -> None:
    """Charge the default card of every open invoice whose day has come, one payment at a time."""
    for row in due_to_collect(at, customer_id):
        report.measured("collected", partial(collect_one, row, report))


def collect_one(row: Due, report: RunReport) -> int:
    """1 where the card was charged or declined now."""
    try:
        payment = collect_payment(invoice_id=row.id, at=row.present, automatic=True)
        outcome = submit_payment(payment_id=payment.id, at=row.present).status
    except RuleError as refused:  # the card was deleted or the invoice paid since it was found due
        logger.info("invoice %s is not collected: %s", row.id, refused.description)
        return 0
    except Exception as error:
        logger.exception("collecting invoice %s failed", row.id, extra={"customer_id": row.customer_id})
        park(row.customer_id, error, row.present, report)
        return 0
    report.collected += outcome == "succeeded"
    report.declined += outcome == "declined"
    return 1
