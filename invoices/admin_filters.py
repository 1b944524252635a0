"""Filters of invoices and payments, in the words of the badge that stands beside each."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from core.clock import now
from core.periods import utc_day
from invoices.selectors import past_due, waiting

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from invoices.models import Invoice

STATUSES = (
    ("draft", gettext_lazy("Being prepared")),
    ("open", gettext_lazy("Not paid yet")),
    ("past_due", gettext_lazy("Past due")),
    ("processing", gettext_lazy("Processing")),
    ("action_needed", pgettext_lazy("staff", "Action needed")),
    ("paid", gettext_lazy("Paid")),
    ("uncollectible", gettext_lazy("Uncollectible")),
    ("void", gettext_lazy("Void")),
)
# How long past due, in days: from, until (None: no end)
AGES = {
    "1-7": (gettext_lazy("1–7 days"), 1, 7),
    "8-30": (gettext_lazy("8–30 days"), 8, 30),
    "31-60": (gettext_lazy("31–60 days"), 31, 60),
    "over-60": (gettext_lazy("Over 60 days"), 61, None),
}


class StatusFilter(admin.SimpleListFilter):
    """What people call the state: past due and processing are read off the due date and the payments, as the badge
    does. Days are the wall clock's; a customer with a test clock may show another badge."""

    title = gettext_lazy("status")
    parameter_name = "status__exact"  # as for lists whose status is stored

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, "_StrOrPromise"], ...]:
        return STATUSES

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Invoice]") -> "QuerySet[Invoice]":
        value = self.value()
        if value is None:
            return queryset
        if value not in dict(STATUSES):
            raise IncorrectLookupParameters(value)
        if value == "past_due":
            return past_due(queryset, utc_day(now()))
        if value in {"processing", "action_needed"}:
            return waiting(queryset, for_customer=value == "action_needed")
        return queryset.filter(status=value)


class OverdueFilter(admin.SimpleListFilter):
    """How long an invoice has been past its due date."""

    title = gettext_lazy("days past due")
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, "_StrOrPromise"]]:
        return [(value, label) for value, (label, _first, _last) in AGES.items()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Invoice]") -> "QuerySet[Invoice]":
        value = self.value()
        if value is None:
            return queryset
        if value not in AGES:
            raise IncorrectLookupParameters(value)
        _label, first, last = AGES[value]
        return past_due(queryset, utc_day(now())).filter(_due(utc_day(now()), first, last))


def _due(today: date, first: int, last: int | None) -> Q:
    due = Q(due_on__lte=today - timedelta(days=first))
    return due & Q(due_on__gte=today - timedelta(days=last)) if last else due


class GatewayFilter(admin.SimpleListFilter):
    """Where a payment was made."""

    title = gettext_lazy("gateway")
    parameter_name = "gateway"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, "_StrOrPromise"]]:
        return [("sandbox", gettext("Sandbox")), ("stripe", gettext("Stripe")), ("outside", gettext("Outside"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(gateway=self.value()) if self.value() else queryset
