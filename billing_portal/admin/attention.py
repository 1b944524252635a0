"""«Needs attention»: payments and refunds that wait for somebody, and the only things that can be done safely."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import MANAGE, READ
from accounts.staff import StaffView, render_staff, staff_page, staff_user
from billing_portal.admin.attention_forms import AgainForm, AskForm, RetryForm
from core import clock
from core.exceptions import RuleError
from core.nudge import nudge
from invoices import attention as waiting
from invoices.services.ask_payment import ask_payment
from invoices.services.ask_refund import ask_refund
from invoices.services.retry_payment import retry_payment
from invoices.services.send_back_again import send_back_again

if TYPE_CHECKING:
    from invoices.models import Payment, Refund

LIMIT = 100
SUBMIT = "billing_portal.tasks.submit_payment"


@require_safe
@staff_page(READ)
def attention(request: HttpRequest) -> HttpResponse:
    """Everything that waits, by what it waits for, the oldest first."""
    at = clock.now()
    unresolved, declined, refunds = (
        waiting.unresolved_payments(at, LIMIT + 1),
        waiting.declined_payments(LIMIT + 1),
        waiting.troubled_refunds(at, LIMIT + 1),
    )
    context = {
        "title": gettext("Needs attention"),
        "limit": LIMIT,
        "unresolved": [(row, waiting.payment_said(row)) for row in unresolved],
        "declined": [(row, waiting.payment_said(row)) for row in declined],
        "refunds": [(row, waiting.refund_said(row)) for row in refunds],
    }
    return render_staff(request, "admin/attention/list.html", context)


def found(find: Callable[[str], Any]) -> Callable[[Callable[[HttpRequest, Any], HttpResponse]], StaffView[[str]]]:
    """Decorates a view about one row of that public id, which the view gets; 404 where there is none."""

    def decorate(view: Callable[[HttpRequest, Any], HttpResponse]) -> StaffView[[str]]:
        @wraps(view)
        def page(request: HttpRequest, public_id: str) -> HttpResponseBase:
            row = find(public_id)
            if row is None:
                raise Http404
            return view(request, row)

        return cast("StaffView[[str]]", page)

    return decorate


@require_safe
@staff_page(READ)
@found(waiting.payment_by_id)
def attention_payment(request: HttpRequest, payment: "Payment") -> HttpResponse:
    return render_payment(request, payment)


@require_POST
@staff_page(MANAGE)
@found(waiting.payment_by_id)
def attention_ask(request: HttpRequest, payment: "Payment") -> HttpResponse:
    """«Ask the gateway now»: retrieved, never paid again."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return render_payment(request, payment, ask=form, status=422)
    try:
        asked = ask_payment(
            payment_id=payment.pk,
            reason=form.cleaned_data["reason"],
            at=payment.customer.present(clock.now()),
            actor=staff_user(request),
        )
    except RuleError as refusal:
        return render_payment(request, payment, refusal=refusal)
    said = waiting.payment_said(asked)
    messages.info(
        request, gettext("The gateway was asked. %(status)s: %(said)s") % {"status": said.badge.text, "said": said.text}
    )
    return to_payment(payment)


@require_POST
@staff_page(MANAGE)
@found(waiting.payment_by_id)
def attention_retry(request: HttpRequest, payment: "Payment") -> HttpResponse:
    """«Try the card again»: one attempt more, after a decline and for the amount that was shown."""
    form = RetryForm(request.POST)
    if not form.is_valid():
        return render_payment(request, payment, retry=form, status=422)
    try:
        made = retry_payment(
            invoice_id=payment.invoice_id,
            attempt=form.cleaned_data["attempt"],
            seen=form.cleaned_data["seen"],
            reason=form.cleaned_data["reason"],
            at=payment.customer.present(clock.now()),
            actor=staff_user(request),
        )
    except RuleError as refusal:  # the form is made anew: decide again, about what is true now
        return render_payment(request, waiting.payment_by_id(payment.public_id) or payment, refusal=refusal)
    nudge(SUBMIT, made.pk)
    messages.success(request, gettext("The card is tried again. This is the new attempt; its outcome appears here."))
    return to_payment(made)


@require_safe
@staff_page(READ)
@found(waiting.refund_by_id)
def attention_refund(request: HttpRequest, refund: "Refund") -> HttpResponse:
    return render_refund(request, refund)


@require_POST
@staff_page(MANAGE)
@found(waiting.refund_by_id)
def attention_refund_ask(request: HttpRequest, refund: "Refund") -> HttpResponse:
    """«Ask the gateway now»: looked for under its key, and made only where the gateway has none."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return render_refund(request, refund, ask=form, status=422)
    asked = ask_refund(
        refund_id=refund.pk,
        reason=form.cleaned_data["reason"],
        at=refund.customer.present(clock.now()),
        actor=staff_user(request),
    )
    said = waiting.refund_said(asked)
    messages.info(
        request, gettext("The gateway was asked. %(status)s: %(said)s") % {"status": said.badge.text, "said": said.text}
    )
    return HttpResponseRedirect(reverse("admin:attention_refund", args=[refund.public_id]), status=303)


@require_POST
@staff_page(MANAGE)
@found(waiting.refund_by_id)
def attention_refund_again(request: HttpRequest, refund: "Refund") -> HttpResponse:
    """«Send back again»: what came too late and could not go back."""
    form = AgainForm(request.POST)
    if not form.is_valid():
        return render_refund(request, refund, again=form, status=422)
    try:
        made = send_back_again(
            refund_id=refund.pk,
            reason=form.cleaned_data["reason"],
            at=refund.customer.present(clock.now()),
            actor=staff_user(request),
        )
    except RuleError as refusal:
        messages.warning(request, refusal.message)
        made = refund
    else:
        messages.success(
            request, gettext("The money goes back with the next question to the gateway, within a minute.")
        )
    return HttpResponseRedirect(reverse("admin:attention_refund", args=[made.public_id]), status=303)


def to_payment(payment: "Payment") -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:attention_payment", args=[payment.public_id]), status=303)


def render_payment(
    request: HttpRequest,
    payment: "Payment",
    *,
    ask: AskForm | None = None,
    retry: RetryForm | None = None,
    refusal: RuleError | None = None,
    status: int = 200,
) -> HttpResponse:
    made = waiting.attempts(payment)
    actions = waiting.payment_actions(payment, made)
    shown = RetryForm(initial={"attempt": actions.attempt, "seen": actions.seen})
    context = {
        "title": gettext("Payment of %(invoice)s") % {"invoice": payment.invoice},
        "payment": payment,
        "said": waiting.payment_said(payment),
        "attempts": [(one, waiting.payment_said(one)) for one in made],
        "actions": actions,
        "ask": ask or AskForm(),
        "retry": retry or shown,
        "form": ask or retry,
        "refusal": refusal,
    }
    return render_staff(request, "admin/attention/payment.html", context, refusal.status if refusal else status)


def render_refund(
    request: HttpRequest,
    refund: "Refund",
    *,
    ask: AskForm | None = None,
    again: AgainForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "title": gettext("Refund of %(document)s") % {"document": refund.document},
        "refund": refund,
        "said": waiting.refund_said(refund),
        "can_ask": waiting.refund_can_be_asked(refund),
        "can_send": waiting.refund_can_be_sent_again(refund),
        "ask": ask or AskForm(),
        "again": again or AgainForm(),
        "form": ask or again,
    }
    return render_staff(request, "admin/attention/refund.html", context, status)


urlpatterns = [
    path("billing/attention/", attention, name="attention"),
    path("billing/attention/payments/<str:public_id>/", attention_payment, name="attention_payment"),
    path("billing/attention/payments/<str:public_id>/ask/", attention_ask, name="attention_ask"),
    path("billing/attention/payments/<str:public_id>/retry/", attention_retry, name="attention_retry"),
    path("billing/attention/refunds/<str:public_id>/", attention_refund, name="attention_refund"),
    path("billing/attention/refunds/<str:public_id>/ask/", attention_refund_ask, name="attention_refund_ask"),
    path("billing/attention/refunds/<str:public_id>/again/", attention_refund_again, name="attention_refund_again"),
]
