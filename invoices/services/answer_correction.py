"""Staff answer the request for a corrected invoice."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Membership, User
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.emails_corrections import correction_answered
from invoices.exceptions import CorrectionAnsweredError
from invoices.models import CorrectionRequest, CorrectionStatus


@transaction.atomic
def answer_correction(
    *, request_id: int, status: CorrectionStatus, answer: str, at: datetime, actor: User
) -> CorrectionRequest:
    """Close the request and tell the customer, once. No document is touched: crediting and billing anew have verbs of
    their own.

    `status` is CORRECTED or DECLINED, `answer` what the customer reads. The same again is the first answer; another one
    raises CorrectionAnsweredError.
    """
    customer_id = CorrectionRequest.objects.values_list("customer_id", flat=True).get(pk=request_id)
    lock_customers([customer_id])
    request = CorrectionRequest.objects.select_related("invoice", "customer", "asked_by").get(pk=request_id)
    if request.status != CorrectionStatus.OPEN:
        if (request.status, request.answer) == (status, answer):
            return request
        raise CorrectionAnsweredError(f"{request} is {request.status}")
    request.status, request.answer, request.answered_by, request.answered_at = status, answer, actor, at
    request.save(update_fields=["status", "answer", "answered_by", "answered_at"])
    queue_notices([correction_answered(request, _to(request))], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="answer_correction",
        subject=f"invoice:{request.invoice_id}",
        before={"status": CorrectionStatus.OPEN},
        after={"status": status, "request": request.public_id},
        reason=answer,
    )
    return request


def _to(request: CorrectionRequest) -> list[str]:
    """Who gets the customer's documents, and who asked if they still belong to it."""
    to = recipients([request.customer_id])[request.customer_id]
    asker = request.asked_by
    stays = asker is not None and Membership.objects.filter(customer=request.customer_id, user=asker).exists()
    return list(dict.fromkeys([*to, *([asker.email] if asker and stays else [])]))
