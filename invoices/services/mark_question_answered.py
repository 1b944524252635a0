"""Staff have answered a question about a charge, by e-mail."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.models import ChargeQuestion


@transaction.atomic
def mark_question_answered(*, question_id: int, at: datetime, actor: User) -> ChargeQuestion:
    """Take the question off the list of open ones. Twice is once: who was first stays. What was asked is not touched,
    and nobody is mailed: the answer went by e-mail."""
    customer_id = ChargeQuestion.objects.values_list("customer_id", flat=True).get(pk=question_id)
    lock_customers([customer_id])
    question = ChargeQuestion.objects.get(pk=question_id)
    if question.answered_at is not None:
        return question
    question.answered_at, question.answered_by = at, actor
    question.save(update_fields=["answered_at", "answered_by"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="mark_question_answered",
        subject=question.subject,
        after={"answered_at": at.isoformat()},
    )
    return question
