"""The billing portal: invoices' page, with what only the plan knows."""

from django.http import HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.access import PortalRequest, billing_page
from accounts.models import Customer, PaymentPolicy
from core import formats
from invoices.views import portal_page
from plans.selectors.catalogue import current_spell
from plans.selectors.spending import budget_of


@require_GET
@vary_on_headers("HX-Request")
@billing_page()
def portal(request: PortalRequest) -> HttpResponse:
    return portal_page(request, lambda: words_of_plan(request.customer), lambda: alerts(request.customer))


def words_of_plan(customer: Customer) -> dict[str, str]:
    """Why there is no card and no invoice yet, as far as the plan is the reason. One query."""
    current = current_spell(customer.pk)
    if current is None:
        return {}
    if current.plan.settlement_mode == "credit_only":
        return {"card_not_needed": gettext("Not needed: your plan is paid with credits.")}
    words = {}
    if customer.payment_policy == PaymentPolicy.OPTIONAL:
        text = gettext("No payment method. You don’t need one on %(plan)s.")
        words["no_card"] = text % {"plan": current.plan.name}
    if current.next_billing_on:
        text = gettext("Your first invoice will appear here on %(day)s, the day it is issued.")
        words["no_invoice"] = text % {"day": formats.day(current.next_billing_on)}
    return words


def alerts(customer: Customer) -> list[str]:
    """At which spending and usage a message is sent. One query."""
    budget = budget_of(customer.pk)
    if budget is None:
        return []
    said = []
    if budget.amount:
        about = {"amount": formats.money(budget.amount, budget.currency), "percents": _percents(budget.spend_percents)}
        if budget.spend_percents:
            said.append(gettext("At %(percents)s of your budget of %(amount)s") % about)
        if budget.projected:
            said.append(gettext("When the projection is above your budget of %(amount)s") % about)
    if budget.included_percents:
        said.append(gettext("At %(percents)s of included usage") % {"percents": _percents(budget.included_percents)})
    return said


def _percents(percents: list[int]) -> str:
    return ", ".join(f"{percent} %" for percent in percents)
