"""What Celery wakes up. Each task asks what is due; a lost or repeated message changes nothing."""

from functools import partial

from celery import shared_task

from accounts.services.deliver_notices import deliver_notices as deliver_notices_verb
from billing_portal import billing_run, books, clock_run, wanted
from billing_portal.models import RunKind, Trigger
from billing_portal.recording import recorded
from billing_portal.services.tell_digests import tell_digests
from billing_portal.tidying import tidy
from core import clock
from core.nudge import nudge
from credits.services.warn_balances import warn_balances
from invoices.attaching import find_files
from invoices.services.build_archives import build_archives as build_archives_verb
from invoices.services.deliver_documents import deliver_documents as deliver_documents_verb
from invoices.services.expire_archives import expire_archives
from invoices.services.find_late_successes import find_late_successes
from invoices.services.handle_events import handle_events as handle_events_verb
from invoices.services.submit_payment import submit_payment as submit_payment_verb
from invoices.services.tell_archives import tell_archives
from plans.selectors.at_zero import at_zero_of
from usage.services.sum_days import sum_days as sum_days_verb


@shared_task(name="billing_portal.tasks.run_billing")
def run_billing() -> None:
    """Hourly: the monthly run, whatever is due."""
    at = clock.now()
    with recorded(RunKind.BILLING, at=at) as (report, _run):
        billing_run.run_billing(at=at, report=report)


@shared_task(name="billing_portal.tasks.check_books")
def check_books() -> None:
    """Nightly: what the processor's journal knows better, then the proof that the books are right, kept for staff to
    read; and what is over is forgotten."""
    at = clock.now()
    find_late_successes(at=at)
    books.check_books(at=at, trigger=Trigger.SCHEDULE)
    tidy(at=at)


@shared_task(name="billing_portal.tasks.sum_days")
def sum_days() -> None:
    """Nightly: sum the days that are over by the dimensions of their meters, so that they are explored quickly."""
    sum_days_verb(at=clock.now())


@shared_task(name="billing_portal.tasks.do_wanted")
def do_wanted() -> None:
    """Each minute, and nudged: runs and checks that a person has asked for."""
    wanted.do_wanted(at=clock.now())


@shared_task(name="billing_portal.tasks.collect_due")
def collect_due() -> None:
    """Each minute: buy the credit that rules ask for, charge what has become collectable, and free and thank whoever
    has nothing overdue any more."""
    at = clock.now()
    with recorded(RunKind.COLLECT, at=at) as (report, _run):
        billing_run.top_up_due(at=at, report=report)
        billing_run.collect_due(at=at, report=report)
        billing_run.clear_due(at=at, report=report)


@shared_task(name="billing_portal.tasks.settle_credits")
def settle_credits() -> None:
    """Each minute: charge closed hours and due fees to credit, show what runs, book what expired; tell who runs low."""
    at = clock.now()
    with recorded(RunKind.SETTLE, at=at) as (report, _run):
        billing_run.settle_due(at=at, report=report)
        report.measured("warned", partial(warn_balances, at=at, at_zero=at_zero_of))


@shared_task(name="billing_portal.tasks.change_plans")
def change_plans() -> None:
    """Each minute: go on with migrations, and carry out the changes of plan whose instant has come."""
    at = clock.now()
    billing_run.change_due(at=at, report=billing_run.RunReport(at=at.isoformat()))


@shared_task(name="billing_portal.tasks.tell_budgets")
def tell_budgets() -> None:
    """Each minute: budgets that usage has reached since they were looked at, a quarter of an hour ago or more."""
    at = clock.now()
    billing_run.tell_due(at=at, report=billing_run.RunReport(at=at.isoformat()))


@shared_task(name="billing_portal.tasks.submit_payment")
def submit_payment(payment_id: int) -> None:
    """Nudged by «Pay»: take one committed payment to the gateway."""
    submit_payment_verb(payment_id=payment_id, at=clock.now())


@shared_task(name="billing_portal.tasks.handle_events")
def handle_events() -> None:
    """Nudged by a webhook: handle the events that wait, and begin what waited for them."""
    at = clock.now()
    with recorded(RunKind.RESOLVE, at=at) as (report, _run):
        report.measured("events", partial(handle_events_verb, at=at))
        billing_run.settle_starts(at=at, report=report)


@shared_task(name="billing_portal.tasks.resolve_payments")
def resolve_payments() -> None:
    """Each minute: events that wait, and questions to the gateway that are due; begin what waited for an answer."""
    at = clock.now()
    with recorded(RunKind.RESOLVE, at=at) as (report, _run):
        billing_run.resolve_due(at=at, report=report)
        billing_run.settle_starts(at=at, report=report)


@shared_task(name="billing_portal.tasks.deliver_documents")
def deliver_documents() -> None:
    """Each minute: render the PDFs that are missing."""
    at = clock.now()
    with recorded(RunKind.DOCUMENTS, at=at) as (report, _run):
        report.measured("documents", partial(deliver_documents_verb, at=at))


@shared_task(name="billing_portal.tasks.build_archives")
def build_archives() -> None:
    """Each minute, and nudged: write the ZIPs that were asked for, part by part; tell who did not wait for theirs;
    empty those that are a week old."""
    while build_archives_verb(at=clock.now()):
        pass
    tell_archives(at=clock.now())
    expire_archives(at=clock.now())


@shared_task(name="billing_portal.tasks.tell_staff")
def tell_staff() -> None:
    """Every ten minutes: the daily summary to staff who want it and have not had today's."""
    tell_digests(at=clock.now())


@shared_task(name="billing_portal.tasks.deliver_notices")
def deliver_notices() -> None:
    """Each minute: send the messages that wait in the outbox, a hundred at a time until none is left."""
    with recorded(RunKind.NOTICES, at=clock.now()) as (report, _run):
        while report.measured("messages", lambda: deliver_notices_verb(at=clock.now(), find_files=find_files)):
            pass


@shared_task(name="billing_portal.tasks.move_clocks")
def move_clocks() -> None:
    """Each minute, and nudged: go on with a test clock that is to be moved; then again, while there is one."""
    if clock_run.move_clocks():
        nudge("billing_portal.tasks.move_clocks")
