"""The test clock of a demo visitor: their own customer's months in minutes, by the real run.

Outside demo mode staff alone give and move clocks; the page then only shows.
"""

from typing import Any

from csp.decorators import csp, csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from accounts.access import PortalRequest, billing_page, can_write
from accounts.mail import Written
from accounts.models import Customer, Notice
from accounts.services.start_clock import start_clock
from billing_portal.clock_forms import MoveForm, UseForm
from billing_portal.clock_page import ask, go_on, last_move, message_of, read
from billing_portal.clock_usage import use
from billing_portal.pages.styleguide_emails import MAIL_POLICY
from core import clock, formats
from invoices.views_paying import see_other

PAGE, PART = "billing_portal/clock.html", "billing_portal/_clock.html"


@require_safe
@billing_page()
def billing_clock(request: PortalRequest) -> HttpResponse:
    """Where the clock stands, and its story. While it moves the part asks for itself; there it leads to the page."""
    _offered(request.customer)
    context = _context(request)
    if not request.htmx:
        return render(request, PAGE, context)
    if not context["is_moving"]:
        return HttpResponse(headers={"HX-Redirect": reverse("billing_clock")})
    return render(request, PART, context)


@require_POST
@billing_page(write=True)
def billing_clock_start(request: PortalRequest) -> HttpResponse:
    """«Start the test clock»: once is for good, until real time has caught up."""
    _demo()
    start_clock(customer_id=request.customer.pk, at=clock.now(), actor=request.user)
    messages.success(request, gettext("The test clock runs. It stands still until you move it."))
    return see_other(reverse("billing_clock"))


@require_POST
@billing_page(write=True)
def billing_clock_move(request: PortalRequest) -> HttpResponse:
    """By days, to a date, or to the next event; «Go on» with what no worker has taken up."""
    _demo()
    if "go_on" in request.POST:
        go_on(last_move(request.customer))
        return see_other(reverse("billing_clock"))
    form = ask(request.customer, request.POST, request.user)
    if form.errors:
        return render(request, PAGE, _context(request) | {"form": form}, status=422)
    return see_other(reverse("billing_clock"))


@require_POST
@billing_page(write=True)
def billing_clock_use(request: PortalRequest) -> HttpResponse:
    """«Use 1,000 requests now»: made-up usage of the hour before, so that there is something to bill."""
    _demo()
    form = UseForm(request.POST)
    if form.is_valid() and request.customer.clock_at is not None:
        use(request.customer, form.cleaned_data["key"], request.customer.clock_at)
        messages.success(
            request, gettext("Used until %(time)s.") % {"time": formats.instant(request.customer.clock_at)}
        )
    return see_other(reverse("billing_clock"))


@require_safe
@billing_page()
@csp_update({"frame-src": ["'self'"]})  # type: ignore[arg-type]  # its types know no address with values
def billing_clock_message(request: PortalRequest, number: int) -> HttpResponse:
    """A message of the story, as it was sent."""
    notice, written = _message(request.customer, number)
    url = reverse("billing_clock_message_html", args=[number])
    context = {"notice": notice, "written": written, "html_url": url}
    return render(request, "billing_portal/clock_message.html", context)


@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]
@billing_page()
def billing_clock_message_html(request: PortalRequest, number: int) -> HttpResponse:
    """Its HTML, for the frame on that page."""
    return HttpResponse(_message(request.customer, number)[1].html)


def _message(customer: Customer, number: int) -> tuple[Notice, Written]:
    found = message_of(customer, number)
    if found is None:
        raise Http404
    return found


def _context(request: PortalRequest) -> dict[str, Any]:
    customer = request.customer
    return {
        **read(customer, _link),
        "form": MoveForm(shown=customer.clock_at),
        "use_form": UseForm(),
        "can_move": settings.DEMO and can_write(request.membership),
        "urls": {
            "page": reverse("billing_clock"),
            "move": reverse("billing_clock_move"),
            "use": reverse("billing_clock_use"),
        },
    }


def _link(kind: str, ids: list[str]) -> str:
    if kind == "invoice":
        return reverse("invoice", args=[ids[1]])
    return reverse("billing_clock_message", args=ids) if kind == "notice" else ""


def _offered(customer: Customer) -> None:
    if not settings.DEMO and customer.clock_at is None:
        raise Http404


def _demo() -> None:
    if not settings.DEMO:
        raise Http404
