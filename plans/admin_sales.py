"""«Contact requests»: from new to won or lost. Staff's pages in place of Django admin's list and form."""

from datetime import date
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import AuditEntry, User
from accounts.roles import READ, SUPPORT, check_may, may, who_may
from accounts.staff import render_staff, staff_page, staff_user
from core import clock, formats
from core.periods import utc_day
from plans.admin_sales_forms import InquiryForm
from plans.exceptions import PlansError
from plans.models import InquiryStatus, SalesInquiry
from plans.selectors.inquiries import board, inquiry_by_id, worked_on
from plans.services.work_inquiry import work_inquiry

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = {
    InquiryStatus.NEW: "info",
    InquiryStatus.CONTACTED: "neutral",
    InquiryStatus.QUALIFIED: "neutral",
    InquiryStatus.WON: "success",
    InquiryStatus.LOST: "neutral",
}
FIELDS = {
    "status": gettext_lazy("Status"),
    "owner_id": gettext_lazy("Owner"),
    "next_step": gettext_lazy("Next step"),
    "next_on": gettext_lazy("On"),
}


@require_safe
@staff_page(READ, SUPPORT)
def inquiries(request: HttpRequest) -> HttpResponse:
    """The board: every status with its requests, and how long they wait."""
    today = utc_day(clock.now())
    columns = [(column, [_row(one, today) for one in column.inquiries]) for column in board()]
    return render_staff(
        request, "admin/plans/inquiries.html", {"title": gettext("Contact requests"), "columns": columns}
    )


def _row(inquiry: SalesInquiry, today: date) -> tuple[SalesInquiry, str, bool]:
    return inquiry, age(inquiry, today), inquiry.is_late(today)


def age(inquiry: SalesInquiry, today: date) -> str:
    """For how many days it has its status."""
    days = (today - utc_day(inquiry.since)).days
    return gettext("Today") if days <= 0 else ngettext("%(days)s day", "%(days)s days", days) % {"days": days}


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(READ, SUPPORT)
def inquiry(request: HttpRequest, inquiry_id: str) -> HttpResponse:
    """One request: what was asked, what has been done, and – with SUPPORT – the form to go on."""
    found = inquiry_by_id(int(inquiry_id)) if inquiry_id.isdecimal() and len(inquiry_id) < 19 else None
    if found is None:
        raise Http404
    if request.method != "POST":
        return render_inquiry(request, found, InquiryForm(found, _owners(request)))
    check_may(request.user, SUPPORT)
    form = InquiryForm(found, _owners(request), request.POST)
    if not form.is_valid():
        return render_inquiry(request, found, form, 422)
    try:
        work_inquiry(inquiry_id=found.pk, at=clock.now(), actor=staff_user(request), **form.work())
    except PlansError as refusal:
        form.add_error("note" if refusal.status == 422 else None, refusal.message)
        return render_inquiry(request, found, form, refusal.status)
    messages.success(request, gettext("Saved: %(company)s.") % {"company": found.company})
    return HttpResponseRedirect(reverse("admin:plans_salesinquiry_change", args=[found.pk]), status=303)


def _owners(request: HttpRequest) -> list[User]:
    """Who can work on requests; nobody is asked for where the person only looks."""
    return who_may(SUPPORT) if may(request.user, SUPPORT) else []


def render_inquiry(request: HttpRequest, inquiry: SalesInquiry, form: InquiryForm, status: int = 200) -> HttpResponse:
    today = utc_day(clock.now())
    entries = worked_on(inquiry)
    people = {owner.pk: str(owner) for owner in form.owners}
    context: Mapping[str, Any] = {
        "title": inquiry.company,
        "inquiry": inquiry,
        "level": LEVELS[InquiryStatus(inquiry.status)],
        "age": age(inquiry, today),
        "is_late": inquiry.is_late(today),
        "entries": [(entry, _changes(entry, people)) for entry in entries],
        "form": form,
    }
    return render_staff(request, "admin/plans/inquiry.html", context, status)


def _changes(entry: AuditEntry, people: "Mapping[int, str]") -> list[str]:
    """`Status: new → contacted`, a field a line; of the request itself nothing."""
    if entry.action != "work_inquiry":
        return []
    return [
        f"{label}: {_said(name, entry.before.get(name), people)} → {_said(name, entry.after[name], people)}"
        for name, label in FIELDS.items()
        if name in entry.after
    ]


def _said(name: str, value: Any, people: "Mapping[int, str]") -> str:
    if value in (None, ""):
        return "nobody" if name == "owner_id" else "none"
    if name == "owner_id":
        return people.get(value, gettext("user %(value)s") % {"value": value})
    return formats.day(date.fromisoformat(value)) if name == "next_on" else str(value)
