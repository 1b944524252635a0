"""The list of customers: found and filtered by what other rooms know of them."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts.admin import CustomerAdmin
from accounts.models import Customer, PaymentMethod
from accounts.staff_search import MANY, customers_by_trace, customers_named, ids_of
from core.clock import now
from core.periods import utc_day
from invoices.selectors import customers_by_number, customers_past_due
from plans.selectors.exporting import customers_on, plan_names

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

YES_NO = (("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No")))


class PlanFilter(admin.SimpleListFilter):
    """Who is on a plan now, whichever its version."""

    title = gettext_lazy("plan")
    parameter_name = "plan"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return plan_names()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        return queryset.filter(pk__in=customers_on(self.value() or "")) if self.value() else queryset


class YesNoFilter(admin.SimpleListFilter):
    """A fact that rows of other tables tell."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, "_StrOrPromise"], ...]:
        return YES_NO

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        if self.value() is None:
            return queryset
        if self.value() not in dict(YES_NO):
            raise IncorrectLookupParameters(self.value())
        fact = self.fact()
        return queryset.filter(fact if self.value() == "yes" else ~fact)

    def fact(self) -> Any:
        """The condition for «Yes»."""
        raise NotImplementedError


class PastDueFilter(YesNoFilter):
    """With an invoice past its due date, by the wall clock."""

    title = gettext_lazy("past due")
    parameter_name = "past_due"

    def fact(self) -> Q:
        return Q(pk__in=customers_past_due(utc_day(now())))


class CardFilter(YesNoFilter):
    """With a default card."""

    title = gettext_lazy("payment method")
    parameter_name = "card"

    def fact(self) -> Exists:
        return Exists(PaymentMethod.objects.live().filter(customer=OuterRef("pk"), is_default=True))


@admin.register(Customer)
class CustomerListAdmin(CustomerAdmin):
    """Found by name, key, a member's e-mail address, usage subject, invoice number and the card's last four digits."""

    list_filter = (PlanFilter, PastDueFilter, CardFilter, *CustomerAdmin.list_filter)
    search_help_text = gettext_lazy(
        "Name, key, e-mail address, usage subject, invoice number or a card’s last four digits"
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        others = [*customers_by_trace(term), *customers_by_number(term, MANY)]
        return queryset.filter(Q(pk__in=ids_of(customers_named(term))) | Q(pk__in=others)), False
