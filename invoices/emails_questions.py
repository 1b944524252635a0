"""The messages about a question about a charge. Every figure is frozen when the message is made."""

from functools import partial
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import figures
from accounts.notices import NoticeDraft
from core.language import ENGLISH
from core.wording import title_of
from invoices.models import ChargeQuestion


def question_asked(question: ChargeQuestion) -> NoticeDraft:
    """For whoever answers for billing, by answering the message; with the page of the charge. Staff read English."""
    pages = {
        "url": reverse("admin:invoices_chargequestion_change", args=[question.pk]),
        "charge_url": reverse("admin:customer_explain", args=[question.customer.key, question.line_key]),
    }
    addresses = {name: settings.PORTAL_URL + page for name, page in pages.items()}
    more = {"reply_to": _email(question), "language": ENGLISH, **addresses}
    return _question(question, "charge_question", settings.BILLING_EMAIL, more)


def question_received(question: ChargeQuestion) -> NoticeDraft:
    """A copy for the person who asked."""
    url = settings.PORTAL_URL + reverse("billing_explain", args=[question.line_key])
    return _question(question, "charge_acknowledgement", _email(question), {"url": url})


def _question(question: ChargeQuestion, template: str, to: str, more: dict[str, Any]) -> NoticeDraft:
    asker = question.asked_by
    return NoticeDraft(
        key=f"question:{question.public_id}:{template}",
        customer_id=question.customer_id,
        template=template,
        to=[to],
        context={
            "reference": question.public_id,
            "name": (asker.get_full_name() if asker else "") or _email(question),
            "email": _email(question),
            "customer": question.customer.name,
            "customer_key": question.customer.key,
            "charge": figures.text(partial(title_of, question.title)),
            "window": figures.window(question.window),
            "amount": figures.money(question.amount, question.currency),
            "line": question.line_key,
            "message": question.message,
            **more,
        },
    )


def _email(question: ChargeQuestion) -> str:
    return question.asked_by.email if question.asked_by else ""
