"""«Corrections»: what customers say is wrong on an issued invoice, what can be done about it, and the answer."""

from typing import Any, cast

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import READ, SUPPORT
from accounts.staff import render_staff, staff_page, staff_user
from accounts.staff_filters import CustomerFilter, period_of
from accounts.staff_lists import StaffList
from core.clock import now
from invoices.corrections import state
from invoices.exceptions import CorrectionAnsweredError
from invoices.forms_corrections import AnswerForm
from invoices.models import CorrectionRequest, CorrectionStatus
from invoices.selectors import corrections_of
from invoices.services.answer_correction import answer_correction


@admin.register(CorrectionRequest)
class CorrectionRequestAdmin(StaffList):
    list_display = ("invoice", "customer", "status", "asked_at", "answered_at", "answered_by")
    list_filter = ("status", period_of("asked_at", "day"), CustomerFilter)
    list_select_related = ("invoice", "customer", "answered_by")
    search_fields = ("=public_id", "^invoice__number", "customer")
    search_help_text = gettext_lazy("Number of the invoice, customer’s name or key")
    ordering = ("-pk",)
    csv_columns = (
        *("public_id", "invoice__number", "customer__key", "customer__name", "status", "wrong", "asked_at"),
        *("asked_by__email", "answer", "answered_at", "answered_by__email"),
    )

    def get_urls(self) -> list[Any]:
        answer = path("<int:request_id>/answer/", correction_answer, name="invoices_correctionrequest_answer")
        return [answer, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", correction_page(request, object_id))


@require_safe
@staff_page(READ)
def correction_page(request: HttpRequest, pk: str) -> HttpResponse:
    """What was asked, where it is put right, and – with SUPPORT – the form to answer."""
    return _render(request, _find(pk), AnswerForm())


@require_POST
@staff_page(SUPPORT)
def correction_answer(request: HttpRequest, request_id: int) -> HttpResponse:
    """Answered once; the customer gets a mail. Another answer that came first is shown instead (409)."""
    found, form = _find(request_id), AnswerForm(request.POST)
    if not form.is_valid():
        return _render(request, found, form, 422)
    try:
        answer_correction(
            request_id=found.pk,
            status=CorrectionStatus(form.cleaned_data["status"]),
            answer=form.cleaned_data["answer"],
            at=found.customer.present(now()),
            actor=staff_user(request),
        )
    except CorrectionAnsweredError as refusal:
        messages.warning(request, refusal.message)
        return _render(request, _find(request_id), form, refusal.status)
    messages.success(request, _("Answered. The customer gets a mail."))
    return HttpResponseRedirect(reverse("admin:invoices_correctionrequest_change", args=[found.pk]), status=303)


def _find(pk: str | int) -> CorrectionRequest:
    rows = CorrectionRequest.objects.select_related("invoice", "customer", "asked_by", "answered_by")
    found = rows.filter(pk=pk).first() if str(pk).isdecimal() and len(str(pk)) < 19 else None
    if found is None:
        raise Http404
    return found


def _render(request: HttpRequest, found: CorrectionRequest, form: AnswerForm, status: int = 200) -> HttpResponse:
    context = {
        "title": _("Correction of %(number)s") % {"number": found.invoice.number},
        "asked": found,
        "state": state(found),
        "credit_notes": corrections_of(found.invoice),
        "form": form,
    }
    return render_staff(request, "admin/invoices/correction.html", context, status)
