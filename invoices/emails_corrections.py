"""The message about a request for a corrected invoice. Every figure is frozen when the message is made."""

from django.conf import settings
from django.urls import reverse

from accounts import figures
from accounts.notices import NoticeDraft
from core.periods import utc_day
from invoices.models import CorrectionRequest, CorrectionStatus


def correction_answered(request: CorrectionRequest, to: list[str]) -> NoticeDraft:
    """What became of the request, and what staff say."""
    return NoticeDraft(
        key=f"correction:{request.pk}:answered",
        customer_id=request.customer_id,
        template="invoice_correction",
        to=to,
        context={
            "customer": request.customer.name,
            "number": request.invoice.number or "",
            "corrected": request.status == CorrectionStatus.CORRECTED,
            "asked_on": figures.day(utc_day(request.asked_at)),
            "answer": request.answer,
            "url": settings.PORTAL_URL + reverse("correction", args=[request.public_id]),
        },
    )
