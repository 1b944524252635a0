"""«Ask about this charge»: a form that knows which one, and a page that says the question has arrived."""

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import PortalRequest, billing_page, customer_now, enter_customer
from accounts.drafts import refill
from billing_portal.pages.explain import Charge, find_charge
from core.nudge import nudge
from core.wording import title_of
from invoices.exceptions import TooManyQuestionsError
from invoices.forms_questions import QuestionForm
from invoices.questions import AskedAbout, question_named
from invoices.services.ask_about_charge import ask_about_charge

if TYPE_CHECKING:
    from invoices.models import ChargeQuestion


@require_http_methods(["GET", "HEAD", "POST"])
@billing_page()
def charge_ask(request: PortalRequest, key: str) -> HttpResponse:
    """Whoever sees a charge may ask about it: viewers, too."""
    charge = find_charge(request.customer, key, customer_now(request.customer))
    form = QuestionForm(request.POST if request.method == "POST" else None)
    made, status = _asked(request, charge, form) if form.is_bound else (None, 200)
    if made is not None:
        nudge("billing_portal.tasks.deliver_notices")
        return HttpResponseRedirect(reverse("charge_asked", args=[made.public_id]), status=303)
    context = {"charge": charge, "form": refill(request, form)}
    return render(request, "billing_portal/ask.html", context, status=status)


def _asked(request: PortalRequest, charge: Charge, form: QuestionForm) -> tuple["ChargeQuestion | None", int]:
    """The question, or the status with which the form says why there is none."""
    if not form.is_valid():
        return None, 422
    line = charge.line
    try:
        made = ask_about_charge(
            customer_id=request.customer.pk,
            charge=AskedAbout(line.key, line.title, line.starts_at, line.ends_at, line.amount, charge.currency),
            message=form.cleaned_data["message"],
            key=f"user:{request.user.pk}:{form.cleaned_data['key']}",
            at=customer_now(request.customer),
            actor=request.user,
        )
    except TooManyQuestionsError as refusal:
        form.add_error(None, refusal.message)
        return None, refusal.status
    return made, 200


@require_safe
@login_required
def charge_asked(request: HttpRequest, public_id: str) -> HttpResponse:
    """What was asked, under its reference; the answer comes by e-mail."""
    found = question_named(public_id)
    if found is None:
        raise Http404
    enter_customer(request, found.customer_id)
    return render(request, "billing_portal/asked.html", {"question": found, "charge_title": title_of(found.title)})
