"""«Ask about this charge»: keep the question first, mail it after."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.emails_questions import question_asked, question_received
from invoices.exceptions import TooManyQuestionsError
from invoices.models import ChargeQuestion
from invoices.questions import AskedAbout

DAY = timedelta(days=1)
DAILY_LIMIT = 20


@transaction.atomic
def ask_about_charge(
    *, customer_id: int, charge: AskedAbout, message: str, key: str, at: datetime, actor: User
) -> ChargeQuestion:
    """Store a question about a charge; whoever answers for billing is told, and the person gets a copy.

    `key` is the form's: twice is once. Raises TooManyQuestionsError after DAILY_LIMIT questions of one customer in a
    day.
    """
    customer = lock_customers([customer_id])[customer_id]
    known = ChargeQuestion.objects.filter(key=key, customer=customer).first()
    if known is not None:
        return known
    if ChargeQuestion.objects.filter(customer=customer, asked_at__gt=at - DAY).count() >= DAILY_LIMIT:
        raise TooManyQuestionsError(f"customer {customer_id} has asked {DAILY_LIMIT} questions within a day")
    question = ChargeQuestion.objects.create(
        key=key, customer=customer, message=message, asked_by=actor, asked_at=at, **charge._asdict()
    )
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="ask_about_charge",
        subject=question.subject,
        after={"line": question.line_key},
    )
    queue_notices([question_asked(question), question_received(question)], at=at)
    return question
