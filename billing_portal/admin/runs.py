"""«Runs»: what each did, who is parked and why, a run of one customer again, and the check of the books."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Customer
from accounts.roles import EXPORT, MANAGE, READ, check_may
from accounts.staff import render_staff, staff_page, staff_user
from billing_portal.admin.access import customer_page
from billing_portal.admin.customers import render_customer
from billing_portal.admin.run_forms import CheckForm, RunAgainForm
from billing_portal.admin.run_words import parked_rows, subject_link
from billing_portal.models import MINUTELY, Run, RunKind
from billing_portal.services.run_customer_again import run_customer_again
from billing_portal.services.want_check import want_check
from core import clock
from core.nudge import nudge

PAGE = 50
DO_WANTED = "billing_portal.tasks.do_wanted"


def page_of(rows: Any, request: HttpRequest) -> dict[str, Any]:
    """Newest first by cursor; `before` is the row the page begins after."""
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    shown = list(rows.order_by("-pk")[: PAGE + 1])
    older = f"?before={shown[PAGE - 1].pk}" if len(shown) > PAGE else ""
    return {"rows": with_states(shown[:PAGE]), "older_url": older, "newer_url": "?" if before else ""}


def with_states(runs: Iterable[Run]) -> list[tuple[Run, str]]:
    at = clock.now()
    return [(run, run.state(at)) for run in runs]


def found_by(run: Run | None) -> dict[str, Any]:
    """What a check has kept in words: findings, and notes by which no money differs, each with its link."""
    rows = [(row, subject_link(row["subject"])) for row in run.findings] if run else []
    return {
        "findings": [row for row in rows if not row[0].get("note")],
        "notes": [row for row in rows if row[0].get("note")],
    }


@require_safe
@staff_page(READ)
def runs(request: HttpRequest) -> HttpResponse:
    rows = Run.objects.large().select_related("actor", "customer").defer("findings")
    return render_staff(request, "admin/runs/list.html", {"title": gettext("Runs"), **page_of(rows, request)})


@require_safe
@staff_page(READ)
def runs_minutely(request: HttpRequest) -> HttpResponse:
    """The jobs of each minute, where they did something or failed."""
    rows = Run.objects.filter(kind__in=MINUTELY).select_related("actor", "customer").defer("findings")
    return render_staff(request, "admin/runs/list.html", {"title": gettext("Minute jobs"), **page_of(rows, request)})


@require_safe
@staff_page(READ)
def runs_run(request: HttpRequest, number: int) -> HttpResponse:
    run = Run.objects.select_related("actor", "customer").filter(pk=number).first()
    if run is None:
        raise Http404
    state = run.state(clock.now())
    context = {
        "title": gettext("%(kind)s, number %(pk)s") % {"kind": run.get_kind_display(), "pk": run.pk},
        "run": run,
        "state": state,
        "is_waiting": state in ("waiting", "running"),
        "parked": parked_rows(run),
        **found_by(run),
    }
    return render_staff(request, "admin/runs/run.html", context)


@require_safe
@staff_page(READ)
def runs_parked(request: HttpRequest) -> HttpResponse:
    """Who is left out of the runs, since when and why; the longest first."""
    rows = Customer.objects.filter(parked_at__isnull=False).order_by("parked_at", "pk")
    after = request.GET.get("after", "")
    last = rows.filter(pk=int(after)).first() if after.isdecimal() and len(after) < 19 else None
    if last is not None:
        rows = rows.filter(Q(parked_at__gt=last.parked_at) | Q(parked_at=last.parked_at, pk__gt=last.pk))
    shown = list(rows[: PAGE + 1])
    context = {
        "title": gettext("Parked customers"),
        "customers": shown[:PAGE],
        "older_url": f"?after={shown[PAGE - 1].pk}" if len(shown) > PAGE else "",
        "newer_url": "?" if after else "",
    }
    return render_staff(request, "admin/runs/parked.html", context)


@require_http_methods(["GET", "POST"])
@customer_page(MANAGE)
def customer_run_again(request: HttpRequest, customer: Customer) -> HttpResponse:
    """«Run again for this customer»: why, then the run's own page, which says what happened."""
    form = RunAgainForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        run = run_customer_again(
            customer_id=customer.pk,
            key=form.cleaned_data["key"],
            reason=form.cleaned_data["reason"],
            at=clock.now(),
            actor=staff_user(request),
        )
        nudge(DO_WANTED)
        return HttpResponseRedirect(reverse("admin:runs_run", args=[run.pk]), status=303)
    context = {"form": form, "title": gettext("Run again – %(name)s") % {"name": customer.name}}
    return render_customer(request, customer, "admin/runs/again.html", context, 422 if form.is_bound else 200)


@require_safe
@staff_page(READ)
def runs_books(request: HttpRequest) -> HttpResponse:
    """What the last check of the books found, and when they last agreed."""
    last = Run.objects.checks().first()
    waiting = Run.objects.filter(kind=RunKind.BOOKS).order_by("-pk").first()
    is_busy = waiting is not None and waiting.state(clock.now()) in ("waiting", "running")
    context = {
        "title": gettext("Check of the books"),
        "last": last,
        "green": last if last and not last.found else Run.objects.checks().filter(found=0).first(),
        "newest": waiting,
        "is_busy": is_busy,
        **found_by(last),
        "form": CheckForm(),
    }
    return render_staff(request, "admin/runs/books.html", context)


@require_POST
@staff_page(MANAGE, EXPORT)
def runs_books_check(request: HttpRequest) -> HttpResponse:
    """«Check now»: a row that says it is wanted. Auditors may ask, too: it moves nothing. Its result is for readers."""
    check_may(request.user, READ)
    form = CheckForm(request.POST)
    if form.is_valid():
        want_check(key=form.cleaned_data["key"], at=clock.now(), actor=staff_user(request))
        nudge(DO_WANTED)
        messages.success(request, gettext("A check is wanted. Its result appears here once a worker has made it."))
    return HttpResponseRedirect(reverse("admin:runs_books"), status=303)


urlpatterns = [
    path("billing/runs/", runs, name="runs"),
    path("billing/runs/minutely/", runs_minutely, name="runs_minutely"),
    path("billing/runs/parked/", runs_parked, name="runs_parked"),
    path("billing/runs/books/", runs_books, name="runs_books"),
    path("billing/runs/books/check/", runs_books_check, name="runs_books_check"),
    path("billing/runs/<int:number>/", runs_run, name="runs_run"),
    path("billing/customers/<str:key>/run-again/", customer_run_again, name="customer_run_again"),
]
