"""What Celery wakes up. Each task asks what is due; a lost or repeated message changes nothing."""

from celery import shared_task

from accounts.services.deliver_notices import deliver_notices as deliver_notices_verb
from billing_portal import billing_run
from core import clock
from credits.services.warn_balances import warn_balances
from invoices.services.deliver_documents import deliver_documents as deliver_documents_verb
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.submit_payment import submit_payment as submit_payment_verb


@shared_task(name="billing_portal.tasks.run_billing")
def run_billing() -> None:
    """Hourly: the monthly run, whatever is due."""
    billing_run.run_billing(at=clock.now())


@shared_task(name="billing_portal.tasks.collect_due")
def collect_due() -> None:
    """Each minute: charge what has become collectable."""
    at = clock.now()
    billing_run.collect_due(at=at, report=billing_run.RunReport(at=at.isoformat()))


@shared_task(name="billing_portal.tasks.settle_credits")
def settle_credits() -> None:
    """Each minute: charge closed hours and due fees to credit, show what runs, book what expired; tell who runs low."""
    at = clock.now()
    billing_run.settle_due(at=at, report=billing_run.RunReport(at=at.isoformat()))
    warn_balances(at=at)


@shared_task(name="billing_portal.tasks.change_plans")
def change_plans() -> None:
    """Each minute: go on with migrations, and carry out the changes of plan whose instant has come."""
    at = clock.now()
    billing_run.change_due(at=at, report=billing_run.RunReport(at=at.isoformat()))


@shared_task(name="billing_portal.tasks.submit_payment")
def submit_payment(payment_id: int) -> None:
    """Nudged by «Pay»: take one committed payment to the gateway."""
    submit_payment_verb(payment_id=payment_id, at=clock.now())


@shared_task(name="billing_portal.tasks.resolve_payments")
def resolve_payments() -> None:
    """Each minute: ask the gateway about payments and refunds whose outcome is not known; begin what waited for it."""
    reconcile_payments(at=clock.now())
    reconcile_refunds(at=clock.now())
    billing_run.settle_starts(at=clock.now())


@shared_task(name="billing_portal.tasks.deliver_documents")
def deliver_documents() -> None:
    """Each minute: render the PDFs that are missing."""
    deliver_documents_verb(at=clock.now())


@shared_task(name="billing_portal.tasks.deliver_notices")
def deliver_notices() -> None:
    """Each minute: send the messages that wait in the outbox."""
    deliver_notices_verb(at=clock.now())
