"""«Questions»: what customers ask about a charge. They are answered by e-mail, and marked here."""

from typing import Any, cast

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import READ, SUPPORT
from accounts.staff import render_staff, staff_page, staff_user
from accounts.staff_filters import CustomerFilter, HappenedFilter, period_of
from accounts.staff_lists import Amount, StaffList, money_column
from core.clock import now
from invoices.models import ChargeQuestion
from invoices.services.mark_question_answered import mark_question_answered


@admin.register(ChargeQuestion)
class ChargeQuestionAdmin(StaffList):
    list_display = ("public_id", "customer", "title", "amount_text", "asked_at", "answered_at", "answered_by")
    list_filter = (("answered_at", HappenedFilter), period_of("asked_at", "day"), CustomerFilter)
    list_select_related = ("customer", "answered_by")
    search_fields = ("=public_id", "customer")
    search_help_text = gettext_lazy("Reference, customer’s name or key")
    ordering = ("-answered_at", "-pk")  # in PostgreSQL the open ones come first
    csv_columns = (
        *("public_id", "customer__key", "customer__name", "line_key", "title", "starts_at", "ends_at"),
        *(Amount("amount"), "currency", "message", "asked_at", "asked_by__email", "answered_at", "answered_by__email"),
    )
    amount_text = money_column("amount")

    def get_urls(self) -> list[Any]:
        answered = path("<int:question_id>/answered/", question_answered, name="invoices_chargequestion_answered")
        return [answered, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", question_page(request, object_id))


@require_safe
@staff_page(READ)
def question_page(request: HttpRequest, pk: str) -> HttpResponse:
    """What was asked, with the way to the charge and – with SUPPORT – the button."""
    found = _find(pk)
    return render_staff(request, "admin/invoices/question.html", {"title": _("Question"), "question": found})


@require_POST
@staff_page(SUPPORT)
def question_answered(request: HttpRequest, question_id: int) -> HttpResponse:
    """Marked once; pressed again it stays as it is."""
    found = _find(question_id)
    mark_question_answered(question_id=found.pk, at=found.customer.present(now()), actor=staff_user(request))
    messages.success(request, _("Marked as answered."))
    return HttpResponseRedirect(reverse("admin:invoices_chargequestion_change", args=[found.pk]), status=303)


def _find(pk: str | int) -> ChargeQuestion:
    rows = ChargeQuestion.objects.select_related("customer", "asked_by", "answered_by")
    found = rows.filter(pk=pk).first() if str(pk).isdecimal() and len(str(pk)) < 19 else None
    if found is None:
        raise Http404
    return found
