"""What card processors told us, as staff see it: events with what came of them and «Replay», and disputes."""

import json
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import GatewayName
from accounts.roles import MANAGE, READ
from accounts.staff import render_staff, staff_page, staff_user
from accounts.staff_filters import CustomerFilter, HappenedFilter, period_of
from accounts.staff_lists import Amount, StaffList, money_column
from core.clock import now
from core.nudge import nudge
from invoices.events import KNOWN
from invoices.models import Dispute, EventStatus, GatewayEvent
from invoices.services.replay_event import replay_event
from invoices.showing import Badge

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

BADGES = {
    EventStatus.WAITING: Badge(gettext_lazy("Waiting"), "info"),
    EventStatus.DONE: Badge(gettext_lazy("Done"), "success"),
    EventStatus.IGNORED: Badge(gettext_lazy("Ignored"), "neutral"),
    EventStatus.FOREIGN: Badge(gettext_lazy("Not ours"), "warning"),
    EventStatus.FAILED: Badge(gettext_lazy("Failed"), "danger"),
}
SAID = {
    EventStatus.WAITING: gettext_lazy("A worker handles it within a minute, or at its next try."),
    EventStatus.DONE: gettext_lazy("What it speaks of was retrieved from the processor, and that recorded."),
    EventStatus.IGNORED: gettext_lazy("It is kept; nothing follows from events of this type."),
    EventStatus.FOREIGN: gettext_lazy(
        "Nothing here has its id or key: it is of somebody else on the same account, or a row of ours "
        "was lost. The check of the books compares both."
    ),
    EventStatus.FAILED: gettext_lazy("It could not be handled for three days. Mend the cause, then replay it."),
}
PAGES = {"payment": "admin:invoices_payment_change", "refund": "admin:invoices_refund_change"}


class ReplayForm(forms.Form):
    """«Replay», and why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=300, help_text=gettext_lazy("For the audit trail.")
    )


class TypeFilter(admin.SimpleListFilter):
    """The types that mean something here."""

    title = gettext_lazy("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each, each) for each in KNOWN]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(type=self.value()) if self.value() else queryset


class ProcessorFilter(admin.SimpleListFilter):
    """Whose events."""

    title = gettext_lazy("gateway")
    parameter_name = "gateway"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, "_StrOrPromise"]]:
        return list(GatewayName.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(gateway=self.value()) if self.value() else queryset


@admin.register(GatewayEvent)
class GatewayEventAdmin(StaffList):
    list_display = ("event_id", "type", "status_text", "effect", "intent_id", "received_at", "tries")
    list_filter = ("status", TypeFilter, ProcessorFilter, period_of("received_at", "day"))
    search_fields = ("=event_id", "=object_id", "=intent_id", "=key")
    search_help_text = gettext_lazy("Id of the event, intent, refund or dispute, or our key")
    ordering = ("-pk",)
    csv_columns = (
        *("gateway", "event_id", "type", "created_at", "received_at", "object_id", "intent_id", "key", "status"),
        *("tries", "handled_at", "subject", "effect", "last_error"),
    )

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_text(self, event: GatewayEvent) -> str:
        return str(BADGES[EventStatus(event.status)].text)

    def get_urls(self) -> list[Any]:
        replay = path("<int:pk>/replay/", event_replay, name="invoices_gatewayevent_replay")
        return [replay, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", event_page(request, object_id))


@admin.register(Dispute)
class DisputeAdmin(StaffList):
    list_display = ("gateway_id", "customer", "amount_text", "words", "opened_at", "closed_at")
    list_filter = (("closed_at", HappenedFilter), CustomerFilter)
    list_select_related = ("customer",)
    search_fields = ("=gateway_id", "customer")
    search_help_text = gettext_lazy("Id of the dispute, customer’s name or key")
    ordering = ("-pk",)
    csv_columns = (
        *("gateway", "gateway_id", "payment__key", "customer__key", "customer__name", Amount("amount"), "currency"),
        *("reason", "status", "opened_at", "as_of", "closed_at"),
    )
    amount_text = money_column("amount")


def _find(pk: str | int) -> GatewayEvent:
    found = GatewayEvent.objects.filter(pk=pk).first() if str(pk).isdecimal() and len(str(pk)) < 19 else None
    if found is None:
        raise Http404
    return found


@require_safe
@staff_page(READ)
def event_page(request: HttpRequest, pk: str) -> HttpResponse:
    """One event: what it said, what came of it, and «Replay»."""
    return _render(request, _find(pk), ReplayForm())


@require_POST
@staff_page(MANAGE)
def event_replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Handled once more; nothing can happen twice by it."""
    event, form = _find(pk), ReplayForm(request.POST)
    if not form.is_valid():
        return _render(request, event, form, 422)
    replay_event(event_id=event.pk, reason=form.cleaned_data["reason"], at=now(), actor=staff_user(request))
    nudge("billing_portal.tasks.handle_events")
    messages.success(request, gettext("The event is handled once more. What comes of it appears here."))
    return HttpResponseRedirect(reverse("admin:invoices_gatewayevent_change", args=[event.pk]), status=303)


def _render(request: HttpRequest, event: GatewayEvent, form: ReplayForm, status: int = 200) -> HttpResponse:
    kind, _, number = event.subject.partition(":")
    context = {
        "title": gettext("Event %(event_id)s") % {"event_id": event.event_id},
        "event": event,
        "badge": BADGES[EventStatus(event.status)],
        "said": SAID[EventStatus(event.status)],
        "subject_url": reverse(PAGES[kind], args=[number]) if kind in PAGES and number else "",
        "payload": json.dumps(event.payload, indent=2, ensure_ascii=False, sort_keys=True),
        "form": form,
    }
    return render_staff(request, "admin/events/event.html", context, status)
