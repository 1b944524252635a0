"""A customer's test clock, as staff start, move and end it; every reader sees its story."""

from typing import Any

from csp.decorators import csp, csp_update
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from accounts.clocks import check_sandbox
from accounts.exceptions import NotSandboxError
from accounts.models import Customer
from accounts.roles import MANAGE, READ, may
from accounts.services.end_clock import end_clock
from accounts.services.start_clock import start_clock
from accounts.staff import staff_user
from billing_portal.admin.access import customer_page
from billing_portal.admin.changes import Words, act, get_or_post, post_data
from billing_portal.admin.customers import render_customer
from billing_portal.clock_forms import MoveForm, StartForm
from billing_portal.clock_page import Link, ask, go_on, last_move, message_of, read
from billing_portal.pages.styleguide_emails import MAIL_POLICY
from core import clock

PAGE, PART = "admin/clock/clock.html", "billing_portal/_clock.html"


@require_safe
@customer_page(READ)
def customer_clock(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Where the clock stands, and its story; who may have one, where there is none. Asks for itself while it moves."""
    context = _context(request, customer)
    if not getattr(request, "htmx", False):
        return render_customer(request, customer, PAGE, context)
    if not context["is_moving"]:
        return HttpResponse(headers={"HX-Redirect": _url(customer)})
    return render(request, PART, context)


@get_or_post
@customer_page(MANAGE)
def customer_clock_start(request: HttpRequest, customer: Customer) -> HttpResponse:
    """«Start the test clock», with a reason."""
    form = StartForm(post_data(request))
    lead = gettext(
        "From then on %(name)s has its own present, which stands still until somebody moves it. Every "
        "day it passes is billed by the real programs, with test cards."
    ) % {"name": customer.name}
    note = gettext("A clock never goes back. It ends only when real time has caught up with it.")

    def do() -> str:
        start_clock(
            customer_id=customer.pk, at=clock.now(), actor=staff_user(request), reason=form.cleaned_data["reason"]
        )
        return gettext("The test clock runs. It stands still until somebody moves it.")

    return act(
        request, customer, form, Words(gettext("Start a test clock"), lead, gettext("Start the test clock"), note), do
    )


@require_POST
@customer_page(MANAGE)
def customer_clock_move(request: HttpRequest, customer: Customer) -> HttpResponse:
    """By days, to a date, or to the next event; «Go on» with what no worker has taken up."""
    if "go_on" in request.POST:
        go_on(last_move(customer))
        return _see(customer)
    form = ask(customer, request.POST, staff_user(request))
    if form.errors:
        return render_customer(request, customer, PAGE, _context(request, customer) | {"form": form}, 422)
    return _see(customer)


@get_or_post
@customer_page(MANAGE)
def customer_clock_end(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Back to real time, once that has caught up."""
    form = StartForm(post_data(request))
    lead = gettext("%(name)s lives in real time again. The next run catches up from where the clock stands.") % {
        "name": customer.name
    }

    def do() -> str:
        end_clock(
            customer_id=customer.pk, at=clock.now(), actor=staff_user(request), reason=form.cleaned_data["reason"]
        )
        return gettext("The test clock has ended.")

    return act(request, customer, form, Words(gettext("End the test clock"), lead, gettext("End the test clock")), do)


@require_safe
@csp_update({"frame-src": ["'self'"]})  # type: ignore[arg-type]  # its types know no address with values
@customer_page(READ)
def customer_clock_message(request: HttpRequest, customer: Customer, number: int) -> HttpResponse:
    """A message of the story, as it was sent."""
    found = message_of(customer, number)
    if found is None:
        raise Http404
    notice, written = found
    context = {
        "notice": notice,
        "written": written,
        "html_url": reverse("admin:customer_clock_message_html", args=[customer.key, number]),
        "title": f"{written.subject} – {customer.name}",
    }
    return render_customer(request, customer, "admin/clock/message.html", context)


@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]
@customer_page(READ)
def customer_clock_message_html(request: HttpRequest, customer: Customer, number: int) -> HttpResponse:
    """Its HTML, for the frame on that page."""
    found = message_of(customer, number)
    if found is None:
        raise Http404
    return HttpResponse(found[1].html)


def _context(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    return {
        **read(customer, _link(customer)),
        "form": MoveForm(shown=customer.clock_at),
        "can_move": may(request.user, MANAGE),
        "refused": _refused(customer) if customer.clock_at is None else "",
        "can_end": customer.clock_at is not None and customer.clock_at <= clock.now(),
        "urls": {"page": _url(customer), "move": reverse("admin:customer_clock_move", args=[customer.key])},
        "staff": True,
        "title": gettext("Test clock – %(name)s") % {"name": customer.name},
    }


def _refused(customer: Customer) -> str:
    """Why this customer cannot have a clock; empty where they can."""
    try:
        check_sandbox(customer)
    except NotSandboxError as refused:
        return refused.message
    return ""


def _link(customer: Customer) -> Link:
    def link(kind: str, ids: list[str]) -> str:
        if kind == "invoice":
            return reverse("admin:invoices_invoice_change", args=[ids[0]])
        return reverse("admin:customer_clock_message", args=[customer.key, *ids]) if kind == "notice" else ""

    return link


def _url(customer: Customer) -> str:
    return reverse("admin:customer_clock", args=[customer.key])


def _see(customer: Customer) -> HttpResponse:
    return HttpResponseRedirect(_url(customer), status=303)


CLOCK = "billing/customers/<str:key>/clock/"
urlpatterns = [
    path(CLOCK, customer_clock, name="customer_clock"),
    path(f"{CLOCK}start/", customer_clock_start, name="customer_clock_start"),
    path(f"{CLOCK}move/", customer_clock_move, name="customer_clock_move"),
    path(f"{CLOCK}end/", customer_clock_end, name="customer_clock_end"),
    path(f"{CLOCK}messages/<int:number>/", customer_clock_message, name="customer_clock_message"),
    path(f"{CLOCK}messages/<int:number>/html/", customer_clock_message_html, name="customer_clock_message_html"),
]
